// SPDX-License-Identifier: Apache-2.0
// Operators of two tensors of which one is repeated: both dialects that Caffe2 nets use become one plan.
//
// With the argument `broadcast` (the older dialect) B's dimensions must be A's from `axis` on, dimensions of 1 at
// either end of B aside, and only B is repeated. Without it numpy's rules hold: dimensions are aligned at the end, and
// those of 1 are repeated.
#pragma once
#include "core/loops.h"
#include "core/op.h"

namespace pf {

// A as [pre][n][post] where B is [n]: the older dialect.
struct Blocks {
  int64_t pre = 1, n = 1, post = 1;
};
Status legacy_blocks(const Args& args, const Shape& a, const Shape& b, Blocks* out);

// The elements of a result in row-major order and, for each dimension, the steps through a and b (0: repeated).
// Neighbouring dimensions are joined where one step serves both.
struct Broadcast {
  int rank = 0;
  int64_t dims[Shape::kMaxRank], a[Shape::kMaxRank], b[Shape::kMaxRank];
  int64_t size = 1;

  void push(int64_t dim, int64_t a_step, int64_t b_step);
};

// `shape` becomes the result's. Fails when the shapes do not fit.
Status plan_broadcast(const Args& args, const Shape& a, const Shape& b, Shape* shape, Broadcast* plan);

// The shape function of operators of inputs 0 and 1 of one type; `result` kNone means the inputs' type.
Status broadcast_shape(Infer& in, DType result);

// The arguments that plan_broadcast reads.
template <class Builder>
Builder& broadcast_arguments(Builder& op) {
  return op.arg("broadcast", false, "Repeat B by the older rules (see axis); without it numpy's rules hold.")
      .arg("axis", -1, "With broadcast: the dimension of A where B's begin; -1 aligns them at the end.")
      .arg("axis_str", "", "With broadcast: the axis by its letter in order, such as C.")
      .arg("order", "NCHW", "The letters of A's dimensions, for axis_str.");
}

// One row of a result: `n` elements, a or b being one element for all where repeated.
using BroadcastRow = void (*)(int64_t n, const void* a, bool a_repeated, const void* b, bool b_repeated, void* y);
void broadcast_rows(const Broadcast& plan, const void* a, const void* b, void* y, size_t in_size, size_t out_size,
                    BroadcastRow row);

// Floats have a loop for each case, which the compiler turns into vectors. Other types are rare: one loop serves them.
template <class T, class R, class F>
void broadcast_row(int64_t n, const void* a, bool a_repeated, const void* b, bool b_repeated, void* y) {
  const T *left = static_cast<const T*>(a), *right = static_cast<const T*>(b);
  R* out = static_cast<R*>(y);
  F f;
  if constexpr (std::is_same_v<T, float>) {
    if (b_repeated) {
      const T fixed = *right;
      PF_INDEPENDENT for (int64_t i = 0; i < n; ++i) out[i] = f(left[i], fixed);
    } else if (a_repeated) {
      const T fixed = *left;
      PF_INDEPENDENT for (int64_t i = 0; i < n; ++i) out[i] = f(fixed, right[i]);
    } else {
      PF_INDEPENDENT for (int64_t i = 0; i < n; ++i) out[i] = f(left[i], right[i]);
    }
  } else {
    const int64_t a_step = !a_repeated, b_step = !b_repeated;
    PF_SCALAR_LOOP
    for (int64_t i = 0; i < n; ++i) out[i] = f(left[i * a_step], right[i * b_step]);
  }
}

// The plain version: element i by its coordinates. Where every element has a thread of its own it is also the fast one.
template <class T, class R, class F>
struct BroadcastAt {
  Broadcast plan;
  const T *a, *b;
  R* y;
  PF_FN void operator()(int64_t i) const {
    int64_t rest = i, at_a = 0, at_b = 0;
    for (int d = plan.rank - 1; d >= 0; --d) {
      const int64_t coordinate = rest % plan.dims[d];
      rest /= plan.dims[d];
      at_a += coordinate * plan.a[d], at_b += coordinate * plan.b[d];
    }
    y[i] = F()(a[at_a], b[at_b]);
  }
};

// y = F()(a, b), repeated as planned. F has no state. y may be an input that is not repeated.
template <class Device, class F, class T, class R>
void broadcast_map(OpRun& op, const Broadcast& plan, const T* a, const T* b, R* y) {
  if constexpr (Device::kIsHost)
    broadcast_rows(plan, a, b, y, sizeof(T), sizeof(R), &broadcast_row<T, R, F>);
  else
    Device::each(op, plan.size, BroadcastAt<T, R, F>{plan, a, b, y});
}

}  // namespace pf
