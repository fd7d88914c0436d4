// SPDX-License-Identifier: Apache-2.0
// Elements by their plain (row-major) index, in whatever form the tensor has.
#pragma once
#include "device/forms.h"

namespace pf {

// Where plain element i lies in a tensor with the channels last.
struct Order {
  int64_t channels = 1, places = 1;
  bool last = false;
  Order() = default;
  Order(const Shape& x, Form form) : last(form.last) {
    if (last) channels = x[1], places = x.from(2);
  }
  __device__ int64_t at(int64_t i) const {
    if (!last) return i;
    const int64_t place = i % places, rest = i / places;
    return (rest / channels * places + place) * channels + rest % channels;
  }
};

struct Source {
  const void* data = nullptr;
  Order order;
  float factor = 1;
  bool half = false;
  Source() = default;
  Source(const View& v, const Shape& shape)
      : data(v.data), order(shape, v.form), factor(v.factor()), half(v.form.half) {}
  __device__ float operator()(int64_t i) const {
    const int64_t at = order.at(i);
    return factor * (half ? __half2float(static_cast<const __half*>(data)[at]) : static_cast<const float*>(data)[at]);
  }
};

struct Target {
  void* data = nullptr;  // null: nothing is stored
  Order order;
  bool half = false;
  __device__ void store(int64_t i, float value) const {
    if (!data) return;
    const int64_t at = order.at(i);
    if (half)
      static_cast<__half*>(data)[at] = __float2half(value);
    else
      static_cast<float*>(data)[at] = value;
  }
};

}  // namespace pf
