// SPDX-License-Identifier: Apache-2.0
// ReduceSum and ReduceMean over any dimensions.
// build: loops
#include "math/permute.h"
#include "math/reduce.h"

namespace pf {
namespace {

// Which dimensions of X are reduced; all of them when none is named.
Status read_axes(const Args& args, const Shape& x, bool* reduced) {
  const std::vector<int64_t>& axes = args.ints("axes");
  for (int d = 0; d < Shape::kMaxRank; ++d) reduced[d] = axes.empty();
  for (int64_t given : axes) {
    const int axis = x.axis(given);
    PF_CHECK(axis >= 0, argument, "there is no axis ", given, " in the shape ", x);
    PF_CHECK(!reduced[axis], argument, "axis ", given, " is named twice");
    reduced[axis] = true;
  }
  return {};
}

Status reduce_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "X must be float32, float64, int32 or int64, is ", t);
  bool reduced[Shape::kMaxRank];
  PF_TRY(read_axes(in.args, in.shape(0), reduced));
  Shape y;
  for (int d = 0; d < in.shape(0).rank(); ++d)
    if (!reduced[d] || in.args.b("keepdims")) y.push_back(reduced[d] ? 1 : in.shape(0)[d]);
  in.set(0, y, t);
  return {};
}

// Sums of `length` neighbours each. Integers wrap around.
template <class T>
void sum_lines(int64_t count, int64_t length, const T* x, bool mean, T* y) {
  using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
  parallel_for(count, 1 + 4096 / (length + 1), [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      Sum sum = 0;
      for (int64_t i = 0; i < length; ++i) sum += Sum(x[k * length + i]);
      y[k] = mean && length ? T(T(sum) / T(length)) : T(sum);
    }
  });
}

template <bool kMean>
struct Reduce {
  Status run(OpRun& op) {
    const Shape x = op.in_shape(0);
    bool reduced[Shape::kMaxRank];
    PF_TRY(read_axes(op.args, x, reduced));
    // The dimensions kept, then those reduced.
    int order[Shape::kMaxRank], kept = 0;
    for (int pass = 0, n = 0; pass < 2; ++pass)
      for (int d = 0; d < x.rank(); ++d)
        if (reduced[d] == (pass == 1)) order[n++] = d, kept += !pass;
    int64_t count = 1, length = 1;
    for (int d = 0; d < x.rank(); ++d) (reduced[d] ? length : count) *= x[d];
    bool front = true, sorted = true;
    for (int i = 0; i < x.rank(); ++i)
      sorted = sorted && order[i] == i, front = front && reduced[i] == (i < x.rank() - kept);
    const DType type = op.in(0).dtype();
    const void* from = op.in(0).data<uint8_t>();
    if (front && !sorted && type == DType::kFloat) {
      sum_rows(length, count, op.in(0).data<float>(), false, op.out(0).data<float>());
      return scale(op, length, count);
    }
    if (!sorted) {
      uint8_t* room;
      PF_TRY(op.scratch(op.in(0).size() * int64_t(dtype_size(type)), &room));
      permute(Permutation(x, order), type, from, room);
      from = room;
    }
    switch (type) {
      case DType::kFloat:
        sum_columns(count, length, static_cast<const float*>(from), false, op.out(0).data<float>());
        return scale(op, length, count);
      case DType::kDouble:
        return sum_as<double>(op, count, length, from);
      case DType::kInt32:
        return sum_as<int32_t>(op, count, length, from);
      default:
        return sum_as<int64_t>(op, count, length, from);
    }
  }
  Status scale(OpRun& op, int64_t length, int64_t count) {
    float* y = op.out(0).data<float>();
    for (int64_t k = 0; kMean && length && k < count; ++k) y[k] /= float(length);
    return {};
  }
  template <class T>
  Status sum_as(OpRun& op, int64_t count, int64_t length, const void* x) {
    sum_lines(count, length, static_cast<const T*>(x), kMean, op.out(0).data<T>());
    return {};
  }
};

constexpr auto kReduce = [](auto& op) {
  op.optional_arg("axes", ArgType::kInts, "The dimensions to reduce, negative ones from the end; all without it.")
      .arg("keepdims", true, "Reduced dimensions stay, as 1.")
      .input("X", "float32, float64, int32 or int64, any shape.")
      .output("Y", "Type of X; its shape with 1 in place of the axes, or without them.")
      .shape(reduce_shape)
      .refuse_grad("Caffe2 has none for reductions by axes; ReduceFrontSum, ReduceBackSum and SumReduceLike have one");
};

PF_OP(ReduceSum).doc("Sums over the given dimensions.").with(kReduce).cpu<Reduce<false>>();
PF_OP(ReduceMean).doc("Means over the given dimensions.").with(kReduce).cpu<Reduce<true>>();

}  // namespace
}  // namespace pf
