// SPDX-License-Identifier: Apache-2.0
#ifndef __wasm__  // which has no files

#include <algorithm>

#include "core/lmdb.h"
#include "core/lmdb_format.h"

namespace pf {

using namespace lmdb;

namespace {
constexpr size_t kPageSize = 4096;
constexpr size_t kLargestNode = largest_node(kPageSize);
constexpr size_t even(size_t size) { return (size + 1) & ~size_t(1); }
}  // namespace

// A page while it is filled: offsets of nodes from the front, nodes from the back.
class LmdbWriter::Page {
 public:
  explicit Page(PageFlags kind) : kind_(kind) { clear(); }
  void clear() {
    std::memset(bytes_, 0, sizeof bytes_);
    lower_ = kPageHeader, upper_ = kPageSize;
  }
  bool empty() const { return lower_ == kPageHeader; }
  bool has_room(size_t key, size_t data) const { return even(kNodeHeader + key + data) + 2 <= upper_ - lower_; }

  // `number` is the size of a leaf's value, or a branch's child.
  void add(std::string_view key, std::string_view data, uint64_t number, uint16_t flags) {
    upper_ -= even(kNodeHeader + key.size() + data.size());
    store(bytes_ + lower_, uint16_t(upper_));
    lower_ += 2;
    uint8_t* node = bytes_ + upper_;
    store(node, uint16_t(number)), store(node + 2, uint16_t(number >> 16));
    store(node + 4, flags), store(node + 6, uint16_t(key.size()));
    std::memcpy(node + kNodeHeader, key.data(), key.size());
    std::memcpy(node + kNodeHeader + key.size(), data.data(), data.size());
  }
  const uint8_t* finish(uint64_t number) {
    store(bytes_, number);
    store(bytes_ + kFlagsAt, uint16_t(kind_));
    store(bytes_ + kLowerAt, uint16_t(lower_)), store(bytes_ + kUpperAt, uint16_t(upper_));
    return bytes_;
  }

 private:
  PageFlags kind_;
  size_t lower_, upper_;
  alignas(8) uint8_t bytes_[kPageSize];
};

Status LmdbWriter::open(const std::string& folder) {
  PF_TRY(make_folder(folder));
  PF_TRY(file_.open(folder + "/data.mdb", File::kWrite));
  // Room for the meta records, which come last.
  const std::string room(2 * kPageSize, '\0');
  pages_ = 2;
  return file_.write(room.data(), room.size());
}

Status LmdbWriter::put(std::string_view key, std::string_view value) {
  PF_CHECK(!key.empty() && key.size() <= kMaxKey, value, "LMDB takes keys of 1 to ", kMaxKey, " bytes, found ",
           key.size());
  PF_CHECK(value.size() < UINT32_MAX, value, "a record of ", value.size(), " bytes is too large");
  Entry entry{std::string(key), {}, uint32_t(value.size()), false};
  if (kNodeHeader + key.size() + value.size() <= kLargestNode) {
    entry.value = value;
  } else {
    const size_t pages = pages_for(value.size(), kPageSize);
    uint8_t header[kPageHeader] = {};
    store(header, pages_), store(header + kFlagsAt, uint16_t(kOverflow));
    store(header + kPagesAt, uint32_t(pages));
    const std::string rest(pages * kPageSize - kPageHeader - value.size(), '\0');
    PF_TRY(file_.write(header, sizeof header));
    PF_TRY(file_.write(value.data(), value.size()));
    PF_TRY(file_.write(rest.data(), rest.size()));
    entry.value.assign(reinterpret_cast<const char*>(&pages_), sizeof pages_);
    entry.large = true;
    pages_ += pages, large_pages_ += pages;
  }
  entries_.push_back(std::move(entry));
  return {};
}

// By key, and of equal ones the last put alone. LMDB compares bytes, as std::string does.
void LmdbWriter::sort_entries() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  size_t kept = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (i + 1 < entries_.size() && entries_[i].key == entries_[i + 1].key) continue;
    if (kept != i) entries_[kept] = std::move(entries_[i]);
    ++kept;
  }
  entries_.resize(kept);
}

Status LmdbWriter::write_page(Page& page, std::vector<Child>* parents, std::string_view first_key, uint64_t* count) {
  if (page.empty()) return {};
  PF_TRY(file_.write(page.finish(pages_), kPageSize));
  parents->push_back({std::string(first_key), pages_++});
  ++*count;
  page.clear();
  return {};
}

Status LmdbWriter::write_leaves(std::vector<Child>* parents) {
  Page page(kLeaf);
  std::string_view first;
  for (const Entry& e : entries_) {
    if (!page.has_room(e.key.size(), e.value.size())) PF_TRY(write_page(page, parents, first, &leaves_));
    if (page.empty()) first = e.key;
    page.add(e.key, e.value, e.size, e.large ? kLarge : 0);
  }
  return write_page(page, parents, first, &leaves_);
}

// One level: LMDB never looks at the first key of a branch, and leaves it empty.
Status LmdbWriter::write_branches(std::vector<Child>* children) {
  std::vector<Child> below;
  below.swap(*children);
  Page page(kBranch);
  std::string_view first;
  for (const Child& c : below) {
    if (!page.has_room(c.key.size(), 0)) PF_TRY(write_page(page, children, first, &branches_));
    const bool leading = page.empty();
    if (leading) first = c.key;
    page.add(leading ? std::string_view() : c.key, {}, c.page, uint16_t(c.page >> 32));
  }
  return write_page(page, children, first, &branches_);
}

Status LmdbWriter::write_meta(uint64_t transaction, uint64_t root) {
  uint8_t page[kPageSize] = {};
  uint8_t* meta = page + kPageHeader;
  store(page, transaction), store(page + kFlagsAt, uint16_t(kMeta));
  store(meta + kMagicAt, kMagic), store(meta + kVersionAt, kVersion);
  store(meta + kMapSizeAt, pages_ * kPageSize);
  store(meta + kFreeAt + kPageSizeAt, uint32_t(kPageSize)), store(meta + kFreeAt + kRootAt, kNoPage);
  uint8_t* main = meta + kMainAt;
  store(main + kDepthAt, uint16_t(root == kNoPage ? 0 : depth_));
  if (root != kNoPage) {
    store(main + kBranchPagesAt, branches_), store(main + kLeafPagesAt, leaves_);
    store(main + kLargePagesAt, large_pages_), store(main + kRecordsAt, uint64_t(entries_.size()));
  }
  store(main + kRootAt, root);
  store(meta + kLastPageAt, root == kNoPage ? uint64_t(1) : pages_ - 1);
  store(meta + kTransactionAt, transaction);
  return file_.write(page, sizeof page);
}

Status LmdbWriter::close() {
  sort_entries();
  std::vector<Child> top;
  PF_TRY(write_leaves(&top));
  for (depth_ = top.empty() ? 0 : 1; top.size() > 1; ++depth_) PF_TRY(write_branches(&top));
  // The empty state before, and this one: LMDB keeps the last two.
  PF_TRY(file_.flush());
  PF_TRY(file_.rewind());
  PF_TRY(write_meta(0, kNoPage));
  PF_TRY(write_meta(1, top.empty() ? kNoPage : top[0].page));
  PF_TRY(file_.flush());
  file_.close();
  return {};
}

}  // namespace pf

#endif
