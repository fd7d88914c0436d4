// SPDX-License-Identifier: Apache-2.0
// One number from a whole tensor: SumElements, SumElementsInt, SumSqrElements and AveragedLoss; and their gradients.
#include "core/op.h"
#include "math/lanes.h"
#include "math/reduce.h"

namespace pf {
namespace {

Status scalar_shape(Infer& in, DType dtype) {
  PF_TRY(in.want_dtype(0, dtype));
  in.set(0, Shape{}, dtype);
  return {};
}

// The sum of `part(begin, end)` over blocks of one size, whatever the number of threads: the result depends on the
// elements alone.
template <class F>
Status sum_blocks(OpRun& op, int64_t n, F part, double* out) {
  constexpr int64_t kBlock = 16384;
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  double* sums = nullptr;
  PF_TRY(op.scratch(blocks, &sums));
  parallel_for(blocks, 1, [=](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) sums[b] = part(b * kBlock, b + 1 < blocks ? (b + 1) * kBlock : n);
  });
  *out = 0;
  for (int64_t b = 0; b < blocks; ++b) *out += sums[b];
  return {};
}

template <bool kSquares>
struct SumFloats {
  bool average;
  explicit SumFloats(const Args& args) : average(args.b("average")) {}
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float* x = op.in(0).data<float>();
    double sum = 0;
    PF_TRY(sum_blocks(
        op, n,
        [=](int64_t begin, int64_t end) {
          return kSquares ? dot(end - begin, x + begin, x + begin) : sum_of(end - begin, x + begin);
        },
        &sum));
    op.out(0).data<float>()[0] = float(average && n ? sum / double(n) : sum);
    return {};
  }
};

struct SumInts {
  Status run(OpRun& op) {
    const int32_t* x = op.in(0).data<int32_t>();
    uint32_t sum = 0;  // wraps, as Caffe2's int does
    for (int64_t i = 0; i < op.in(0).size(); ++i) sum += uint32_t(x[i]);
    op.out(0).data<int32_t>()[0] = int32_t(sum);
    return {};
  }
};

struct Spread {
  float* dx;
  const float* dy;
  float factor;
  template <class V>
  PF_FN void step(int64_t i) const {
    (V::splat(*dy) * V::splat(factor)).store(dx + i);
  }
};

template <class Device>
struct SpreadGradient {
  bool average;
  explicit SpreadGradient(const Args& args) : average(args.b("average")) {}
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float factor = average && n ? 1.f / float(n) : 1.f;
    each_lanes<Device>(op, n, Spread{op.out(0).data<float>(), op.in(1).data<float>(), factor});
    return {};
  }
};

Status spread_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  PF_CHECK(in.shape(1).size() == 1, shape, "dY must be one number, found the shape ", in.shape(1));
  in.set(0, in.shape(0), DType::kFloat);
  return {};
}

Status float_scalar(Infer& in) { return scalar_shape(in, DType::kFloat); }

PF_OP(SumElements)
    .doc("The sum of all elements, or their mean: `Y = sum_i X_i`.")
    .arg("average", false, "Divide by the number of elements.")
    .input("X", "float, any shape; an empty tensor sums to 0.")
    .output("Y", "float scalar.")
    .shape(float_scalar)
    .grad([](Gradient& g) { g.op("SumElementsGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<SumFloats<false>>();

PF_OP(SumElementsGradient)
    .doc("Gradient of SumElements: `dX_i = dY`, divided by the number of elements where the mean was taken.")
    .arg("average", false, "As given to SumElements.")
    .input("X", "The tensor given to SumElements; only its shape is used.")
    .input("dY", "Gradient of Y, one number.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(spread_shape)
    .no_grad()
    .kernel<SpreadGradient>();

PF_OP(SumElementsInt)
    .doc("The sum of all elements of an integer tensor: `Y = sum_i X_i`.")
    .input("X", "int32, any shape.")
    .output("Y", "int32 scalar; wraps when it overflows.")
    .shape([](Infer& in) { return scalar_shape(in, DType::kInt32); })
    .refuse_grad("SumElementsInt works on integers, which have no gradient")
    .cpu<SumInts>();

PF_OP(SumSqrElements)
    .doc("The sum of the squares of all elements, or their mean: `Y = sum_i X_i^2`.")
    .arg("average", false, "Divide by the number of elements.")
    .input("X", "float, any shape; an empty tensor sums to 0.")
    .output("Y", "float scalar.")
    .shape(float_scalar)
    .refuse_grad("Caffe2 has no gradient for SumSqrElements; Sqr followed by SumElements has one")
    .cpu<SumFloats<true>>();

struct AveragedLoss : SumFloats<false> {
  explicit AveragedLoss(const Args& args) : SumFloats(args) { average = true; }
};

template <class Device>
struct AveragedLossGradient : SpreadGradient<Device> {
  explicit AveragedLossGradient(const Args& args) : SpreadGradient<Device>(args) { this->average = true; }
};

PF_OP(AveragedLoss)
    .doc("The mean of all elements, the usual end of a training net: `Y = sum_i X_i / N`.")
    .input("X", "float, any shape, N elements; the mean of none is 0.")
    .output("Y", "float scalar.")
    .shape(float_scalar)
    .grad([](Gradient& g) { g.op("AveragedLossGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<AveragedLoss>();

PF_OP(AveragedLossGradient)
    .doc("Gradient of AveragedLoss: `dX_i = dY / N`.")
    .input("X", "The tensor given to AveragedLoss; only its shape is used.")
    .input("dY", "Gradient of Y, one number.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(spread_shape)
    .no_grad()
    .kernel<AveragedLossGradient>();

}  // namespace
}  // namespace pf
