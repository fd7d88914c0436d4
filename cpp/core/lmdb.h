// SPDX-License-Identifier: Apache-2.0
// Files of LMDB (the format of versions 0.9, 64 bits, little-endian), as Caffe and Caffe2 use them: one tree of keys
// and values. LMDB's own library trusts its files, so that a cut or damaged one ends the process; this reader checks
// every number before it uses it. The writer makes a new file in one go.
//
// A file is a row of pages. Pages 0 and 1 each hold a meta record, the one with the higher transaction number counts;
// it names the root of a B+ tree. A page begins with a header, then come offsets of its nodes in the order of their
// keys, and the nodes from the end of the page backwards. A large value lies in pages of its own.
#pragma once
#include "core/db.h"

namespace pf {

// "folder" is "folder/data.mdb", if there is such a file, as with LMDB itself.
std::string lmdb_file(const std::string& path);

class LmdbReader final : public DbSource {
 public:
  Status open(const std::string& path);
  Status next(std::string* key, std::string* value, bool* found) override;
  Status rewind() override;
  int64_t records() const override { return int64_t(records_); }

 private:
  struct Level {
    std::vector<uint8_t> page;
    size_t node = 0, nodes = 0;
  };
  struct Meta {
    uint64_t transaction, root, last_page, records;
    size_t page_size, depth;
  };
  struct Node;
  Status read_meta(uint64_t at, Meta* out, bool* valid);
  Status push(uint64_t page);
  Status take(Level& level, Node* out);
  Status large_value(uint64_t page, size_t size, std::string* out);
  Status damaged(const char* what, uint64_t page) const;

  File file_;
  uint64_t file_size_ = 0, root_ = 0, records_ = 0;
  size_t page_size_ = 0, depth_ = 0;
  std::vector<Level> levels_;  // from the root down; the first `used_` are in use
  size_t used_ = 0;
};

// Large values go to the file at once, keys and small values are kept until close() sorts them. Of equal keys the last
// put stays. Until close() the file is no database.
class LmdbWriter final : public DbSink {
 public:
  Status open(const std::string& folder);
  Status put(std::string_view key, std::string_view value) override;
  Status close() override;

 private:
  struct Entry {
    std::string key, value;  // the value in the tree: itself, or the number of its first page
    uint32_t size = 0;       // of the value
    bool large = false;
  };
  struct Child {
    std::string key;
    uint64_t page;
  };
  class Page;
  Status write_page(Page& page, std::vector<Child>* parents, std::string_view first_key, uint64_t* count);
  Status write_leaves(std::vector<Child>* parents);
  Status write_branches(std::vector<Child>* children);
  Status write_meta(uint64_t transaction, uint64_t root);
  void sort_entries();

  File file_;
  std::vector<Entry> entries_;
  uint64_t pages_ = 0, branches_ = 0, leaves_ = 0, large_pages_ = 0, depth_ = 0;
};

}  // namespace pf
