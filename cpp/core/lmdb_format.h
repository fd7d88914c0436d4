// SPDX-License-Identifier: Apache-2.0
// Numbers and places of LMDB's file format that reader and writer share. All integers are little-endian.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pf::lmdb {

constexpr uint32_t kMagic = 0xBEEFC0DE, kVersion = 1;
constexpr uint64_t kNoPage = ~uint64_t(0);
constexpr size_t kPageHeader = 16;  // number (8), unused (2), flags (2), lower (2), upper (2); or a count of pages (4)
constexpr size_t kNodeHeader = 8;   // low and high half of a size (2 + 2), flags (2), key size (2)
constexpr size_t kMaxKey = 511, kMaxDepth = 32;

enum PageFlags : uint16_t { kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8 };
enum NodeFlags : uint16_t { kLarge = 1, kSubDatabase = 2, kDuplicates = 4 };

// Places in a page.
constexpr size_t kFlagsAt = 10, kLowerAt = 12, kUpperAt = 14, kPagesAt = 12;
// Places in a meta record, which follows the page header: two databases of 48 bytes, the first of free pages.
constexpr size_t kMagicAt = 0, kVersionAt = 4, kMapSizeAt = 16, kFreeAt = 24, kMainAt = 72, kLastPageAt = 120,
                 kTransactionAt = 128, kMetaSize = 136;
// Places in a database: of the first one the leading number is the size of pages.
constexpr size_t kPageSizeAt = 0, kDbFlagsAt = 4, kDepthAt = 6, kBranchPagesAt = 8, kLeafPagesAt = 16,
                 kLargePagesAt = 24, kRecordsAt = 32, kRootAt = 40;

template <class T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// Values that would leave no room for a second node on a page lie in pages of their own.
constexpr size_t largest_node(size_t page_size) { return ((page_size - kPageHeader) / 2 & ~size_t(1)) - 2; }
constexpr size_t pages_for(size_t value, size_t page_size) { return (kPageHeader + value + page_size - 1) / page_size; }

}  // namespace pf::lmdb
