// SPDX-License-Identifier: Apache-2.0
#include "core/db.h"

#ifndef __wasm__
#include "core/lmdb.h"
#endif

namespace pf {
namespace {

class MiniDb final : public DbSource {
 public:
  Status open(const std::string& path) { return file_.open(path, File::kRead); }
  Status rewind() override { return file_.rewind(); }

  Status next(std::string* key, std::string* value, bool* found) override {
    int32_t sizes[2];
    size_t got;
    uint64_t left;
    PF_TRY(file_.read(sizes, sizeof sizes, &got));
    *found = got > 0;
    if (!*found) return {};
    PF_TRY(file_.left(&left));
    const bool whole =
        got == sizeof sizes && sizes[0] >= 0 && sizes[1] >= 0 && uint64_t(sizes[0]) + uint64_t(sizes[1]) <= left;
    PF_CHECK(whole, parse, "\"", file_.path(), "\" is cut short, or no minidb");
    PF_TRY(take(key, size_t(sizes[0])));
    return take(value ? value : &unwanted_, size_t(sizes[1]));
  }

 private:
  Status take(std::string* out, size_t size) {
    size_t got;
    out->resize(size);
    PF_TRY(file_.read(out->data(), size, &got));
    PF_CHECK(got == size, parse, "\"", file_.path(), "\" is cut short");
    return {};
  }
  File file_;
  std::string unwanted_;
};

class MiniDbWriter final : public DbSink {
 public:
  Status open(const std::string& path) { return file_.open(path, File::kWrite); }
  Status put(std::string_view key, std::string_view value) override {
    PF_CHECK(key.size() <= INT32_MAX && value.size() <= INT32_MAX, value, "a record of ", value.size(),
             " bytes is too large");
    const int32_t sizes[2] = {int32_t(key.size()), int32_t(value.size())};
    PF_TRY(file_.write(sizes, sizeof sizes));
    PF_TRY(file_.write(key.data(), key.size()));
    return file_.write(value.data(), value.size());
  }
  Status close() override {
    PF_TRY(file_.flush());
    file_.close();
    return {};
  }

 private:
  File file_;
};

#ifdef __wasm__
// There are no files, as opening one says.
using LmdbReader = MiniDb;
using LmdbWriter = MiniDbWriter;
std::string lmdb_file(const std::string& path) { return path; }
#endif

Status no_such_type(std::string_view type) {
  for (const char* known : {"leveldb", "rocksdb", "protodb", "zmqdb", "blobs_queue_db"})
    PF_CHECK(type != known, no_operator, "databases of type ", type,
             " are not built in; lmdb and minidb are. Caffe2's convert_db makes one of the other");
  return fail(Code::argument, "there is no database type \"", type, "\"; lmdb and minidb are built in");
}

template <class T, class Base>
Status opened(const std::string& path, std::unique_ptr<Base>* out) {
  auto db = std::make_unique<T>();
  PF_TRY(db->open(path));
  *out = std::move(db);
  return {};
}

}  // namespace

Status open_db(std::string_view type, const std::string& path, std::unique_ptr<DbSource>* out) {
  if (type == "minidb") return opened<MiniDb>(path, out);
  if (type == "lmdb") return opened<LmdbReader>(path, out);
  return no_such_type(type);
}

Status create_db(std::string_view type, const std::string& path, std::unique_ptr<DbSink>* out) {
  if (type == "minidb") return opened<MiniDbWriter>(path, out);
  if (type == "lmdb") return opened<LmdbWriter>(path, out);
  return no_such_type(type);
}

Status db_exists(std::string_view type, const std::string& path, bool* out) {
  if (type == "minidb") return file_exists(path, out);
  if (type == "lmdb") return file_exists(lmdb_file(path), out);
  return no_such_type(type);
}

Status DbCursor::begin() {
  PF_TRY(source->rewind());
  begun_ = true, skip_ = shard_;
  return {};
}

Status DbCursor::read(std::string* key, std::string* value) {
  [[maybe_unused]] const Held held(mutex_);
  return read_locked(key, value);
}

Status DbCursor::pass(int64_t count) {
  [[maybe_unused]] const Held held(mutex_);
  std::string key;
  while (count-- > 0) PF_TRY(read_locked(&key, nullptr));
  return {};
}

Status DbCursor::read_locked(std::string* key, std::string* value) {
  if (!begun_) PF_TRY(begin());
  // At the end it goes on with the first record of the shard; a second end means that there is none.
  for (int ends = 0;;) {
    bool found;
    PF_TRY(source->next(key, skip_ ? nullptr : value, &found));
    if (!found) {
      PF_CHECK(++ends < 2, value, "the database has no record for shard ", shard_, " of ", shards_);
      PF_TRY(begin());
    } else if (skip_-- == 0) {
      skip_ = shards_ - 1;
      return {};
    }
  }
}

}  // namespace pf
