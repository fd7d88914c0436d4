// SPDX-License-Identifier: Apache-2.0
// Tensors that say where or how many: int32 or int64, read one by one.
#pragma once
#include "core/op.h"

namespace pf {

inline bool is_index(DType t) { return t == DType::kInt32 || t == DType::kInt64; }
inline int64_t index_at(const Tensor& t, int64_t i) {
  return t.dtype() == DType::kInt64 ? t.data<int64_t>()[i] : t.data<int32_t>()[i];
}

// f(elements), with their type looked up once: for loops.
template <class F>
auto with_indices(const Tensor& t, F f) {
  return t.dtype() == DType::kInt64 ? f(t.data<int64_t>()) : f(t.data<int32_t>());
}

// Whether all lie in 0 … count - 1.
inline bool indices_fit(const Tensor& t, int64_t count) {
  return with_indices(t, [&](const auto* at) {
    bool fit = true;
    for (int64_t i = 0, n = t.size(); i < n; ++i) fit &= at[i] >= 0 && int64_t(at[i]) < count;
    return fit;
  });
}

// Input i must be int32 or int64.
inline Status want_indices(const Infer& in, int i) {
  PF_CHECK(is_index(in.dtype(i)), type, "\"", in.args.def.input[size_t(i)], "\" must be int32 or int64, is ",
           in.dtype(i), "; Cast converts");
  return {};
}

}  // namespace pf
