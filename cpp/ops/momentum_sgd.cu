// SPDX-License-Identifier: Apache-2.0
// MomentumSGD, MomentumSGDUpdate and WeightedSum on CUDA: gradients are read in the form that convolutions leave them in,
// and a parameter that convolutions keep in a form of their own is written in that form too.
#include "device/columns.h"
#include "device/cuda.h"

namespace pf {
namespace {

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
  const void* data;
  Order order;
  float factor;
  bool half;
  Source() = default;
  Source(const View& v, const Shape& shape) : data(v.data), order(shape, v.form), factor(v.factor()), half(v.form.half) {}
  __device__ float operator()(int64_t i) const {
    const int64_t at = order.at(i);
    return factor * (half ? __half2float(static_cast<const __half*>(data)[at]) : static_cast<const float*>(data)[at]);
  }
};

struct Target {
  void* data = nullptr;
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

struct Step {
  Source gradient;
  const float *momentum, *rate, *parameter;
  float *new_gradient, *new_momentum, *new_parameter, mu;
  Target packed;
  bool nesterov;
  __device__ void operator()(int64_t i) const {
    const float old = momentum[i], m = mu * old + *rate * gradient(i);
    const float by = nesterov ? m + mu * (m - old) : m;
    if (parameter) {
      const float w = parameter[i] - by;
      new_parameter[i] = w;
      packed.store(i, w);
    }
    new_momentum[i] = m;
    new_gradient[i] = by;
  }
};

struct Momentum {
  static constexpr bool kPicksForms = true;
  Status run(OpRun& op) {
    const bool update = op.inputs() > 3;
    const Shape shape = op.in(0).shape();
    View g;
    Step s{};
    PF_TRY(read_any(op, 0, &g));
    s.gradient = Source(g, shape);
    PF_TRY(read_plain(op, 1, &s.momentum));
    PF_TRY(read_plain(op, 2, &s.rate));
    if (update) PF_TRY(read_plain(op, 3, &s.parameter));
    std::shared_ptr<Packed> packed;
    if (update && op.in_place(3, 2) && op.in(3).shape() == shape) packed = op.in(3).packed();
    PF_TRY(write_plain(op, 0, &s.new_gradient));
    PF_TRY(write_plain(op, 1, &s.new_momentum));
    if (update) PF_TRY(write_plain(op, 2, &s.new_parameter));
    if (packed) {
      s.packed.data = packed->memory->bytes(), s.packed.order = Order(shape, packed->form);
      s.packed.half = packed->form.half, packed->fresh = true;
    }
    s.mu = op.args.f("momentum"), s.nesterov = op.args.b("nesterov");
    Cuda::each(op, shape.size(), s);
    return {};
  }
};

// One or two terms, after y itself where `add` says so.
struct Terms {
  Source x0, x1;
  const float *w0, *w1;
  float* y;
  bool add;
  __device__ void operator()(int64_t i) const {
    float sum = add ? y[i] : 0.f;
    sum += x0(i) * *w0;
    if (w1) sum += x1(i) * *w1;
    y[i] = sum;
  }
};

struct WeightedSum {
  static constexpr bool kPicksForms = true;
  Status run(OpRun& op) {
    const Shape shape = op.in(0).shape();
    const size_t pairs = size_t(op.inputs()) / 2;
    std::vector<Source> x(pairs);
    std::vector<const float*> w(pairs);
    for (size_t k = 0; k < pairs; ++k) {
      View v;
      PF_TRY(read_any(op, int(2 * k), &v));
      x[k] = Source(v, op.in(int(2 * k)).shape());
      PF_TRY(read_plain(op, int(2 * k + 1), &w[k]));
    }
    float* y;
    PF_TRY(write_plain(op, 0, &y));
    for (size_t k = 0; k < pairs; k += 2) {
      const bool two = k + 1 < pairs;
      Cuda::each(op, shape.size(), Terms{x[k], two ? x[k + 1] : Source(), w[k], two ? w[k + 1] : nullptr, y, k > 0});
    }
    return {};
  }
};

PF_CUDA_OP(MomentumSGD, Momentum);
PF_CUDA_OP(MomentumSGDUpdate, Momentum);
PF_CUDA_OP(WeightedSum, WeightedSum);

}  // namespace
}  // namespace pf
