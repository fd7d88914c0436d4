// SPDX-License-Identifier: Apache-2.0
// Databases: keys and values in order. Of Caffe2's types there are its own, minidb (a file of records "int32 key
// length, int32 value length, key, value"), and lmdb (core/lmdb.h).
#pragma once
#ifndef __wasm__
#include <mutex>
#endif

#include "core/blob.h"
#include "core/file.h"

namespace pf {

class DbSource {
 public:
  virtual ~DbSource() = default;
  // The next record; `found` is false at the end. `value` is null where it is not wanted.
  virtual Status next(std::string* key, std::string* value, bool* found) = 0;
  virtual Status rewind() = 0;
  // How many there are, -1 where only counting would tell.
  virtual int64_t records() const { return -1; }
  // Whether it may be read while nets run: a queue may not, for nets fill it.
  virtual bool is_file() const { return true; }
};

// A source read round and round, of which one of several shards is seen. Threads may share it.
class DbCursor {
#ifdef __wasm__
  struct Lock {};  // nothing reads there but nets, one at a time
  struct Held {
    explicit Held(Lock&) {}
  };
#else
  using Lock = std::mutex;
  using Held = std::lock_guard<std::mutex>;
#endif

 public:
  DbCursor(std::unique_ptr<DbSource> source, int64_t shards, int64_t shard)
      : source(std::move(source)), shards_(shards), shard_(shard) {}
  Status read(std::string* key, std::string* value);
  // The next record becomes the one `count` further on.
  Status pass(int64_t count);
  Status begin();  // at the first record of the shard

  const std::unique_ptr<DbSource> source;

 private:
  Status read_locked(std::string* key, std::string* value);
  Lock mutex_;
  const int64_t shards_, shard_;
  bool begun_ = false;
  int64_t skip_ = 0;
};

// What CreateDB makes. What reads on in the background holds the cursor too.
struct DbReader final : Object {
  static constexpr const char* kKind = "database";
  const char* kind() const override { return kKind; }
  explicit DbReader(std::unique_ptr<DbSource> source, int64_t shards = 1, int64_t shard = 0)
      : cursor(std::make_shared<DbCursor>(std::move(source), shards, shard)) {}
  const std::shared_ptr<DbCursor> cursor;
};

class DbSink {
 public:
  virtual ~DbSink() = default;
  virtual Status put(std::string_view key, std::string_view value) = 0;
  // What was put is there from then on.
  virtual Status close() = 0;
};

// Both fail for types that are not built in, with what to do instead.
Status open_db(std::string_view type, const std::string& path, std::unique_ptr<DbSource>* out);
Status create_db(std::string_view type, const std::string& path, std::unique_ptr<DbSink>* out);
Status db_exists(std::string_view type, const std::string& path, bool* out);

// A tensor as BlobProtos of at most a million elements each, as Caffe2 stores them: `put(key, proto)`.
class BlobChunks {
 public:
  virtual ~BlobChunks() = default;
  virtual Status put(std::string_view key, std::string_view blob_proto) = 0;
  Status write(const Tensor& tensor, const std::string& name);
};
// The name that a key stands for, "name" or "name#%3".
std::string_view chunk_name(std::string_view key);
// Reads one of the BlobProtos into the tensor; `elements` grows by what it held.
Status read_chunk(std::string_view blob_proto, Tensor* tensor, int64_t* elements);

}  // namespace pf
