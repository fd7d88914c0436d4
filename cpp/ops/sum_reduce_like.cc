// SPDX-License-Identifier: Apache-2.0
// SumReduceLike: the gradient of a repeated operand, that is A summed over everything B was repeated along.
#include "math/broadcast.h"
#include "math/reduce.h"

namespace pf {
namespace {

Status reduce_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "A must be float32, float64, int32 or int64, is ", t);
  Blocks blocks;
  PF_TRY(legacy_blocks(in.args, in.shape(0), in.shape(1), &blocks));
  in.set(0, in.shape(1), t);
  return {};
}

// The definition, for the types that training does not meet.
template <class T>
void reduce(const Blocks& at, const T* a, T* c) {
  parallel_for(at.n, 1 + 16384 / (at.pre * at.post + 1), [=](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      std::conditional_t<std::is_integral_v<T>, uint64_t, T> sum = 0;  // integers wrap around
      for (int64_t i = 0; i < at.pre; ++i)
        for (int64_t k = 0; k < at.post; ++k) sum += decltype(sum)(a[(i * at.n + j) * at.post + k]);
      c[j] = T(sum);
    }
  });
}

void reduce(const Blocks& at, const float* a, float* c) {
  if (at.post == 1) return sum_rows(at.pre, at.n, a, false, c);
  if (at.pre == 0) return std::memset(c, 0, size_t(at.n) * sizeof(float)), void();
  for (int64_t i = 0; i < at.pre; ++i) sum_columns(at.n, at.post, a + i * at.n * at.post, i > 0, c);
}

struct SumReduceLike {
  const Args& args;
  explicit SumReduceLike(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Blocks at;
    PF_TRY(legacy_blocks(args, op.in_shape(0), op.in_shape(1), &at));
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        reduce(at, op.in(0).data<float>(), op.out(0).data<float>());
        break;
      case DType::kDouble:
        reduce(at, op.in(0).data<double>(), op.out(0).data<double>());
        break;
      case DType::kInt32:
        reduce(at, op.in(0).data<int32_t>(), op.out(0).data<int32_t>());
        break;
      default:
        reduce(at, op.in(0).data<int64_t>(), op.out(0).data<int64_t>());
    }
    return {};
  }
};

PF_OP(SumReduceLike)
    .doc(
        "Sums A over the dimensions along which B would be repeated to A's shape, by the rules of `broadcast=1` of "
        "Add: "
        "the gradient of a repeated operand.")
    .with([](auto& op) { broadcast_arguments(op); })
    .input("A", "float32, float64, int32 or int64.")
    .input("B", "Gives its shape to the result.")
    .output("C", "Shape of B, type of A.")
    .shape(reduce_shape)
    .refuse_grad("it is made by gradients and has none of its own")
    .cpu<SumReduceLike>();

}  // namespace
}  // namespace pf
