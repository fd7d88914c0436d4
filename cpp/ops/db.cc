// SPDX-License-Identifier: Apache-2.0
// Reading databases: CreateDB, CreateBlobsQueueDB, TensorProtosDBInput, DBExists.
#include "core/db.h"

#include "core/blob_proto.h"
#include "core/blobs_queue.h"
#include "core/objects.h"
#include "core/wire.h"
#include "math/copy.h"

namespace pf {
namespace {

// Relative names begin at the folder in which the process runs, Caffe2's root folder.
std::string path_of(const Args& args, const char* name) {
  return args.b("absolute_path") ? std::string(args.s(name)) : text("./", args.s(name));
}

struct CreateDB {
  Status run(OpRun& op) {
    const int64_t shards = op.args.i("num_shards"), shard = op.args.i("shard_id");
    PF_CHECK(shards > 0, argument, "num_shards must be 1 or more, is ", shards);
    PF_CHECK(shard >= 0 && shard < shards, argument, "shard_id is ", shard, " of ", shards);
    PF_CHECK(!op.args.s("db").empty(), argument, "argument \"db\" names no database");
    std::unique_ptr<DbSource> source;
    PF_TRY(open_db(op.args.s("db_type"), std::string(op.args.s("db")), &source));
    return make_object<DbReader>(op.out_blob(0), std::move(source), shards, shard).cursor->begin();
  }
};

struct QueueSource final : DbSource {
  std::shared_ptr<BlobsQueue> queue;
  std::string name;
  int64_t key_index = -1, value_index = 0, count = 0;

  Status next(std::string* key, std::string* value, bool* found) override {
    PF_CHECK(value_index < int64_t(queue->width) && key_index < int64_t(queue->width), argument,
             "records of the queue have ", queue->width, " blobs");
    *found = !(queue->closed && queue->records.empty());
    PF_CHECK(*found, value, "the queue \"", name, "\" is closed and empty");
    PF_TRY(queue->filled(name));
    Record record = queue->take();
    if (value) PF_TRY(take(record[size_t(value_index)].tensor, value));
    *key = text(count++);
    return key_index < 0 ? Status() : take(record[size_t(key_index)].tensor, key);
  }
  Status rewind() override { return {}; }
  bool is_file() const override { return false; }

  static Status take(const Tensor& t, std::string* out) {
    PF_CHECK(t.dtype() == DType::kString && t.size() == 1, type, "keys and values must be one string each, found ",
             t.dtype(), " ", t.shape());
    *out = *t.data<std::string>();
    return {};
  }
};

struct CreateBlobsQueueDB {
  Status run(OpRun& op) {
    BlobsQueueObject* object;
    PF_TRY(object_of(op.in_blob(0), "CreateBlobsQueue", &object));
    auto source = std::make_unique<QueueSource>();
    source->queue = object->queue, source->name = op.in_blob(0).name;
    source->key_index = op.args.i("key_blob_index"), source->value_index = op.args.i("value_blob_index");
    PF_CHECK(source->value_index >= 0, argument, "value_blob_index must be 0 or more, is ", source->value_index);
    make_object<DbReader>(op.out_blob(0), std::move(source));
    return {};
  }
};

struct TensorProtosDBInput {
  std::vector<std::vector<Tensor>> items;  // of a batch; those read before a queue ran empty stay here

  Status run(OpRun& op) {
    DbReader* reader;
    PF_TRY(object_of(op.in_blob(0), "CreateDB", &reader));
    const int64_t batch = op.args.i("batch_size");
    PF_CHECK(batch >= 0, argument, "batch_size must be 0 or more, is ", batch);
    do {
      std::string key, value;
      std::vector<Tensor> item;
      PF_TRY(reader->cursor->read(&key, &value));
      PF_TRY(parse_item(value, size_t(op.outputs()), &item).at("record \"", key, "\""));
      items.push_back(std::move(item));
    } while (int64_t(items.size()) < batch);
    std::vector<std::vector<Tensor>> all;
    all.swap(items);
    for (int j = 0; j < op.outputs(); ++j) PF_TRY(batch ? stack(op, all, j) : op.out(j).copy_from(all[0][size_t(j)]));
    return {};
  }

  // A TensorProtos message: field 1, repeated.
  static Status parse_item(std::string_view message, size_t count, std::vector<Tensor>* out) {
    WireReader r(message);
    while (r.next()) {
      if (r.field != 1) {
        r.skip();
        continue;
      }
      out->emplace_back();
      PF_TRY(parse_tensor(r.bytes(), &out->back()));
    }
    PF_CHECK(r.ok(), parse, "it is no TensorProtos message");
    PF_CHECK(out->size() == count, value, "it holds ", out->size(), " tensors, expected ", count);
    return {};
  }

  static Status stack(OpRun& op, const std::vector<std::vector<Tensor>>& items, int j) {
    const Tensor& first = items[0][size_t(j)];
    Shape shape{int64_t(items.size())};
    for (int64_t d : first.shape()) shape.push_back(d);
    op.out_blob(j).object.reset();
    PF_TRY(op.resize(j, shape, first.dtype()));
    const Elements elements(first.dtype());
    for (size_t i = 0; i < items.size(); ++i) {
      const Tensor& x = items[i][size_t(j)];
      PF_CHECK(x.dtype() == first.dtype() && x.shape() == first.shape(), shape,
               "tensors of one batch must be alike; there are ", first.shape(), " and ", x.shape());
      elements.copy(elements.at(op.out(j).data<uint8_t>(), int64_t(i) * x.size()), x.data<uint8_t>(), x.size());
    }
    return {};
  }
};

struct DBExists {
  Status run(OpRun& op) { return db_exists(op.args.s("db_type"), path_of(op.args, "db_name"), op.out(0).data<bool>()); }
};

PF_OP(CreateDB)
    .doc("Opens a database for reading. Needs the native core.")
    .arg("db_type", "leveldb", "Its type: lmdb or minidb.")
    .arg("db", "", "Its file; of lmdb its folder, or the file in it.")
    .arg("num_shards", 1, "Read only every num_shards-th record,")
    .arg("shard_id", 0, "beginning with this one.")
    .object_output("reader", "The database, at its first record.")
    .shape(no_tensor)
    .no_grad()
    .cpu<CreateDB>();

PF_OP(CreateBlobsQueueDB)
    .doc("Makes a database of a queue, so that operators can read records that other nets enqueue.")
    .arg("key_blob_index", -1, "Which blob of a record is its key; below 0 keys count from 0.")
    .arg("value_blob_index", 0, "Which blob of a record is its value.")
    .arg("timeout_secs", 0.f, "Of no effect: where nothing can arrive, reading fails at once.")
    .object_input("queue", "From CreateBlobsQueue, with records of strings.")
    .object_output("reader", "The database.")
    .shape(no_tensor)
    .refuse_grad("a database has no gradient")
    .cpu<CreateBlobsQueueDB>();

PF_OP(TensorProtosDBInput)
    .doc("Reads records with tensors from a database, round and round, and makes batches of them.")
    .arg("batch_size", 0, "Records of a batch; 0 gives the tensors of one record as they are.")
    .arg("no_prefetch", false, "Of no effect.")
    .object_input("reader", "From CreateDB.")
    .variadic_output("Y", "[batch_size, shape of one] for each tensor of a record.")
    .shape(no_tensor)
    .shape_unknown("it depends on the records")
    .no_grad()
    .cpu<TensorProtosDBInput>();

PF_OP(DBExists)
    .doc("Tells whether there is a database. Needs the native core.")
    .arg("absolute_path", false, "db_name is a whole path, not one from the folder of the process on.")
    .arg("db_name", "", "Its file.")
    .arg("db_type", "", "Its type: lmdb or minidb.")
    .output("exists", "bool scalar.")
    .shape([](Infer& in) -> Status { return in.set(0, Shape{}, DType::kBool), Status(); })
    .refuse_grad("a bool has no gradient")
    .cpu<DBExists>();

}  // namespace
}  // namespace pf
