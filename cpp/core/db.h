// SPDX-License-Identifier: Apache-2.0
// Databases: keys and values in order. Of Caffe2's types there is its own, minidb: a file of records "int32 key length,
// int32 value length, key, value".
#pragma once
#include "core/blob.h"
#include "core/file.h"

namespace pf {

class DbSource {
 public:
  virtual ~DbSource() = default;
  // The next record; `found` is false at the end.
  virtual Status next(std::string* key, std::string* value, bool* found) = 0;
  virtual Status rewind() = 0;
};

// What CreateDB makes: a source read round and round, of which one of several shards is seen.
struct DbReader final : Object {
  static constexpr const char* kKind = "database";
  const char* kind() const override { return kKind; }
  Status read(std::string* key, std::string* value);
  Status begin();  // at the first record of the shard

  std::unique_ptr<DbSource> source;
  int64_t shards = 1, shard = 0;

 private:
  bool begun_ = false;
  int64_t skip_ = 0;
};

class DbWriter {
 public:
  Status open(std::string_view type, const std::string& path);
  Status put(std::string_view key, std::string_view value);
  Status close();

 private:
  File file_;
};

// Fails for types that are not built in, with what to do instead.
Status open_db(std::string_view type, const std::string& path, std::unique_ptr<DbSource>* out);
Status check_db_type(std::string_view type);

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
