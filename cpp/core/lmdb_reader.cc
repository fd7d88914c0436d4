// SPDX-License-Identifier: Apache-2.0
#ifndef __wasm__  // which has no files

#include "core/lmdb.h"
#include "core/lmdb_format.h"

namespace pf {

using namespace lmdb;

struct LmdbReader::Node {
  std::string_view key;
  const uint8_t* data;
  size_t size;
  uint64_t child;
  uint16_t flags;
};

std::string lmdb_file(const std::string& path) {
  std::string inside = path + (path.ends_with('/') ? "data.mdb" : "/data.mdb");
  bool there = false;
  return file_exists(inside, &there).ok() && there ? inside : path;
}

Status LmdbReader::damaged(const char* what, uint64_t page) const {
  return fail(Code::parse, "\"", file_.path(), "\" is damaged or cut short: ", what, " (page ", page, " of ",
              file_size_ / page_size_, ")");
}

// `valid` is false where there is no meta record: one of the two may have been cut off while it was written.
Status LmdbReader::read_meta(uint64_t at, Meta* out, bool* valid) {
  uint8_t page[kPageHeader + kMetaSize];
  size_t got;
  PF_TRY(file_.read_at(at, page, sizeof page, &got));
  const uint8_t* meta = page + kPageHeader;
  *valid = got == sizeof page && load<uint32_t>(meta + kMagicAt) == kMagic;
  if (!*valid) return {};
  PF_CHECK(load<uint32_t>(meta + kVersionAt) == kVersion, parse, "\"", file_.path(), "\" is of version ",
           load<uint32_t>(meta + kVersionAt), " of LMDB's format; version 1 (LMDB 0.9) can be read");
  const uint8_t* main = meta + kMainAt;
  out->page_size = load<uint32_t>(meta + kFreeAt + kPageSizeAt);
  out->transaction = load<uint64_t>(meta + kTransactionAt);
  out->last_page = load<uint64_t>(meta + kLastPageAt);
  out->root = load<uint64_t>(main + kRootAt);
  out->depth = load<uint16_t>(main + kDepthAt);
  out->records = load<uint64_t>(main + kRecordsAt);
  const size_t p = out->page_size;
  *valid = p >= 512 && p <= 32768 && (p & (p - 1)) == 0 && out->depth <= kMaxDepth;
  return {};
}

Status LmdbReader::open(const std::string& path) {
  PF_TRY(file_.open(lmdb_file(path), File::kRead));
  PF_TRY(file_.left(&file_size_));
  Meta metas[2];
  bool valid[2] = {};
  PF_TRY(read_meta(0, &metas[0], &valid[0]));
  // The second is on the next page, of which only the first says how large it is.
  for (size_t size = valid[0] ? metas[0].page_size : 512; !valid[1] && size <= 32768; size *= 2) {
    PF_TRY(read_meta(size, &metas[1], &valid[1]));
    if (valid[0]) break;
  }
  PF_CHECK(valid[0] || valid[1], parse, "\"", file_.path(), "\" is no LMDB database");
  const Meta& meta = metas[valid[0] && valid[1] ? metas[1].transaction > metas[0].transaction : valid[1]];
  page_size_ = meta.page_size, root_ = meta.root, depth_ = meta.depth, records_ = meta.records;
  PF_CHECK(file_size_ / page_size_ > meta.last_page, parse, "\"", file_.path(), "\" is cut short: it has ", file_size_,
           " bytes, expected ", meta.last_page + 1, " pages of ", page_size_);
  PF_CHECK((root_ == kNoPage) == (depth_ == 0), parse, "\"", file_.path(), "\" is damaged: its tree has ", depth_,
           " levels, and page ", root_, " as root");
  return rewind();
}

Status LmdbReader::rewind() {
  used_ = 0;
  return depth_ ? push(root_) : Status();
}

// Goes down to a page.
Status LmdbReader::push(uint64_t page) {
  if (page >= file_size_ / page_size_) return damaged("it names a page behind the end", page);
  if (levels_.size() <= used_) levels_.emplace_back();
  Level& level = levels_[used_++];
  level.page.resize(page_size_), level.node = 0;
  size_t got;
  PF_TRY(file_.read_at(page * page_size_, level.page.data(), page_size_, &got));
  const uint8_t* p = level.page.data();
  const uint16_t flags = load<uint16_t>(p + kFlagsAt), lower = load<uint16_t>(p + kLowerAt);
  if (got != page_size_ || load<uint64_t>(p) != page) return damaged("a page is not in its place", page);
  if ((flags & (kBranch | kLeaf | kOverflow | kMeta)) != (used_ == depth_ ? kLeaf : kBranch))
    return damaged("a page is of the wrong kind", page);
  if (lower <= kPageHeader || lower > page_size_) return damaged("a page has no nodes", page);
  level.nodes = size_t(lower - kPageHeader) / 2;
  return {};
}

// The next node of a page.
Status LmdbReader::take(Level& level, Node* out) {
  const uint8_t* page = level.page.data();
  const size_t at = load<uint16_t>(page + kPageHeader + 2 * level.node++);
  const uint64_t number = load<uint64_t>(page);
  if (at < kPageHeader || at + kNodeHeader > page_size_) return damaged("a node begins outside its page", number);
  const uint8_t* node = page + at;
  const uint64_t low = load<uint16_t>(node), high = load<uint16_t>(node + 2);
  const size_t key = load<uint16_t>(node + 6), room = page_size_ - at - kNodeHeader;
  out->flags = load<uint16_t>(node + 4);
  out->child = low | high << 16 | uint64_t(out->flags) << 32;
  out->size = size_t(low | high << 16);
  const bool leaf = load<uint16_t>(page + kFlagsAt) & kLeaf;
  const size_t inside = !leaf ? 0 : out->flags & kLarge ? sizeof(uint64_t) : out->size;
  if (key > room || inside > room - key) return damaged("a node goes beyond its page", number);
  out->key = {reinterpret_cast<const char*>(node + kNodeHeader), key};
  out->data = node + kNodeHeader + key;
  return {};
}

Status LmdbReader::large_value(uint64_t page, size_t size, std::string* out) {
  const uint64_t all = file_size_ / page_size_;
  if (page >= all || pages_for(size, page_size_) > all - page) return damaged("a value goes beyond the end", page);
  uint8_t header[kPageHeader];
  size_t got;
  PF_TRY(file_.read_at(page * page_size_, header, sizeof header, &got));
  const bool right = got == sizeof header && load<uint64_t>(header) == page &&
                     load<uint16_t>(header + kFlagsAt) & kOverflow &&
                     load<uint32_t>(header + kPagesAt) >= pages_for(size, page_size_);
  if (!right) return damaged("a value is not in its place", page);
  out->resize(size);
  PF_TRY(file_.read_at(page * page_size_ + kPageHeader, out->data(), size, &got));
  return got == size ? Status() : damaged("a value is cut short", page);
}

Status LmdbReader::next(std::string* key, std::string* value, bool* found) {
  *found = false;
  while (used_) {
    Level& level = levels_[used_ - 1];
    if (level.node == level.nodes) {
      --used_;
      continue;
    }
    Node node;
    PF_TRY(take(level, &node));
    if (used_ < depth_) {
      PF_TRY(push(node.child & 0xFFFFFFFFFFFF));
      continue;
    }
    PF_CHECK(!(node.flags & (kSubDatabase | kDuplicates)), no_operator, "\"", file_.path(),
             "\" holds several databases or several values of a key; Caffe2's hold one of each");
    *found = true;
    key->assign(node.key);
    if (!value) return {};
    if (node.flags & kLarge) return large_value(load<uint64_t>(node.data), node.size, value);
    value->assign(reinterpret_cast<const char*>(node.data), node.size);
    return {};
  }
  return {};
}

}  // namespace pf

#endif
