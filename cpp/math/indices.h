// SPDX-License-Identifier: Apache-2.0
// Tensors that say where or how many: int32 or int64, read one by one.
#pragma once
#include "core/op.h"

namespace pf {

inline bool is_index(DType t) { return t == DType::kInt32 || t == DType::kInt64; }
inline int64_t index_at(const Tensor& t, int64_t i) {
  return t.dtype() == DType::kInt64 ? t.data<int64_t>()[i] : t.data<int32_t>()[i];
}

// Input i must be int32 or int64.
inline Status want_indices(const Infer& in, int i) {
  PF_CHECK(is_index(in.dtype(i)), type, "\"", in.args.def.input[size_t(i)], "\" must be int32 or int64, is ",
           in.dtype(i), "; Cast converts");
  return {};
}

}  // namespace pf
