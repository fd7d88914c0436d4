// SPDX-License-Identifier: Apache-2.0
// Making databases record by record, which Caffe2 leaves to its programs and to Python: CreateDBWriter, WriteDB,
// CloseDBWriter.
#include "core/db.h"
#include "core/objects.h"

namespace pf {
namespace {

struct DbWriter final : Object {
  static constexpr const char* kKind = "database in the making";
  const char* kind() const override { return kKind; }
  std::unique_ptr<DbSink> sink;
};

struct CreateDBWriter {
  Status run(OpRun& op) {
    PF_CHECK(!op.args.s("db").empty(), argument, "argument \"db\" names no database");
    std::unique_ptr<DbSink> sink;
    PF_TRY(create_db(op.args.s("db_type"), std::string(op.args.s("db")), &sink));
    make_object<DbWriter>(op.out_blob(0)).sink = std::move(sink);
    return {};
  }
};

struct WriteDB {
  Status run(OpRun& op) {
    DbWriter* writer;
    PF_TRY(object_of(op.in_blob(0), "CreateDBWriter", &writer));
    const Tensor &keys = op.in(1), &sizes = op.in(2), &values = op.in(3);
    const char* at = reinterpret_cast<const char*>(values.data<uint8_t>());
    int64_t left = values.size();
    for (int64_t i = 0; i < keys.size(); ++i) {
      const int64_t size = sizes.data<int32_t>()[i];
      PF_CHECK(size >= 0 && size <= left, value, "record ", i, " has ", size, " bytes, of the values ", left,
               " are left");
      PF_TRY(writer->sink->put(keys.data<std::string>()[i], {at, size_t(size)}).at("record ", i));
      at += size, left -= size;
    }
    PF_CHECK(left == 0, value, "the values have ", left, " bytes more than the sizes say");
    return {};
  }
};

struct CloseDBWriter {
  Status run(OpRun& op) {
    DbWriter* writer;
    PF_TRY(object_of(op.in_blob(0), "CreateDBWriter", &writer));
    Status closed = writer->sink->close();
    op.in_blob(0).clear();
    return closed;
  }
};

PF_OP(CreateDBWriter)
    .doc("Begins a new database, in place of one that is there. Needs the native core.")
    .required_arg("db_type", ArgType::kString, "Its type: lmdb or minidb.")
    .arg("db", "", "Its file; of lmdb its folder.")
    .object_output("writer", "The database, without records.")
    .shape(no_tensor)
    .refuse_grad("a database has no gradient")
    .cpu<CreateDBWriter>();

PF_OP(WriteDB)
    .doc("Adds records to a database in the making.")
    .object_input("writer", "From CreateDBWriter.")
    .input("keys", "string [N].")
    .input("sizes", "int32 [N]: bytes of each value.")
    .input("values", "uint8: the values, one behind the other.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(1, DType::kString));
      PF_TRY(in.want_dtype(2, DType::kInt32));
      PF_TRY(in.want_dtype(3, DType::kUint8));
      PF_CHECK(in.shape(1).size() == in.shape(2).size(), shape, "there must be as many keys as sizes, found ",
               in.shape(1), " and ", in.shape(2));
      return {};
    })
    .refuse_grad("a database has no gradient")
    .cpu<WriteDB>();

PF_OP(CloseDBWriter)
    .doc("Completes a database; before, what was written may be no database yet.")
    .object_input("writer", "From CreateDBWriter; it is empty afterwards.")
    .shape(no_tensor)
    .refuse_grad("a database has no gradient")
    .cpu<CloseDBWriter>();

}  // namespace
}  // namespace pf
