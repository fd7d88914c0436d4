// SPDX-License-Identifier: Apache-2.0
#include "core/blob.h"

namespace pf {

Status Scratch::get(int64_t count, size_t element, void** out) {
  PF_CHECK(count >= 0 && count <= int64_t(PTRDIFF_MAX / 2 / element), no_memory, "an operator asks for ", count,
           " elements of scratch memory");
  size_t bytes = (size_t(count) * element + 63) / 64 * 64;
  asked_ += bytes;
  if (!blocks_.empty() && used_ + bytes <= blocks_[0]->size()) {
    *out = blocks_[0]->bytes() + used_;
    used_ += bytes;
    return {};
  }
  if (!used_) blocks_.clear();  // too small, and nobody has any of it: first give back, then ask
  std::shared_ptr<Memory> block;
  PF_TRY(Memory::allocate(bytes, on_, &block));
  *out = block->bytes();
  if (blocks_.empty()) used_ = bytes;
  blocks_.push_back(std::move(block));
  return {};
}

void Scratch::reset() {
  if (blocks_.size() > 1) {
    // More than one block was needed: one that holds them all serves the next run.
    size_t need = asked_;
    blocks_.clear();
    std::shared_ptr<Memory> block;
    if (Memory::allocate(need, on_, &block).ok()) blocks_.push_back(std::move(block));
  }
  used_ = asked_ = 0;
}

size_t Scratch::size() const {
  size_t total = 0;
  for (auto& b : blocks_) total += b->size();
  return total;
}

}  // namespace pf
