// SPDX-License-Identifier: Apache-2.0
// Moving elements of any type: numbers by their bytes, strings one by one.
#pragma once
#include <cstring>

#include "core/op.h"

namespace pf {

// How elements of one type are moved, and by how many bytes they lie apart.
struct Elements {
  size_t size;
  bool strings;
  explicit Elements(DType t)
      : size(t == DType::kString ? sizeof(std::string) : dtype_size(t)), strings(t == DType::kString) {}

  const uint8_t* at(const void* base, int64_t i) const { return static_cast<const uint8_t*>(base) + size_t(i) * size; }
  uint8_t* at(void* base, int64_t i) const { return static_cast<uint8_t*>(base) + size_t(i) * size; }
  // The two ranges are the same or do not overlap.
  void copy(void* to, const void* from, int64_t count) const {
    if (count <= 0 || to == from) return;
    if (!strings) {
      std::memcpy(to, from, size_t(count) * size);
      return;
    }
    auto* y = static_cast<std::string*>(to);
    auto* x = static_cast<const std::string*>(from);
    for (int64_t i = 0; i < count; ++i) y[i] = x[i];
  }
};

// The elements of x into y, which has its type and as many of them; both may be one tensor.
template <class Device>
void copy_elements(OpRun& op, const Tensor& x, Tensor& y) {
  if (&x == &y) return;
  if (x.dtype() == DType::kString)
    Elements(x.dtype()).copy(y.data<std::string>(), x.data<std::string>(), x.size());
  else
    Device::copy(op, x.byte_size(), y.data<uint8_t>(), x.data<uint8_t>());
}

// A kernel that gives output 0 the elements of input 0; the shape function has given it their number and type.
template <class Device>
struct CopyElements {
  Status run(OpRun& op) {
    copy_elements<Device>(op, op.in(0), op.out(0));
    return {};
  }
};

}  // namespace pf
