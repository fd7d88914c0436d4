// SPDX-License-Identifier: Apache-2.0
// Where the largest or smallest element along an axis is: ArgMax, ArgMin, RowWiseArgMax. Of equal ones the first.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Lines {
  int64_t outer, length, inner;
};

// y[line] = the index of the extreme of each line; elements of a line lie `inner` apart.
template <bool kLargest, class T, class Y>
void find(const Lines& lines, const T* x, Y* y) {
  parallel_for(lines.outer * lines.inner, 1 + 8192 / (lines.length + 1), [=](int64_t begin, int64_t end) {
    for (int64_t l = begin; l < end; ++l) {
      const T* line = x + l / lines.inner * lines.length * lines.inner + l % lines.inner;
      int64_t best = 0;
      for (int64_t i = 1; i < lines.length; ++i) {
        const T value = line[i * lines.inner], before = line[best * lines.inner];
        if (kLargest ? value > before : value < before) best = i;
      }
      y[l] = Y(best);
    }
  });
}

template <bool kLargest>
struct ArgExtreme {
  Status run(OpRun& op) {
    const Shape& x = op.in(0).shape();
    const int axis = x.axis(op.args.i("axis"));
    const Lines lines = {x.upto(axis), x[axis], x.from(axis + 1)};
    int64_t* y = op.out(0).data<int64_t>();
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        return find<kLargest>(lines, op.in(0).data<float>(), y), Status();
      case DType::kDouble:
        return find<kLargest>(lines, op.in(0).data<double>(), y), Status();
      case DType::kInt32:
        return find<kLargest>(lines, op.in(0).data<int32_t>(), y), Status();
      default:
        return find<kLargest>(lines, op.in(0).data<int64_t>(), y), Status();
    }
  }
};

struct RowWiseArgMax {
  Status run(OpRun& op) {
    find<true>(Lines{op.in(0).dim(0), op.in(0).dim(1), 1}, op.in(0).data<float>(), op.out(0).data<int32_t>());
    return {};
  }
};

Status check_length(int64_t length, const Shape& y, const Shape& x) {
  PF_CHECK(length > 0 || y.size() == 0, shape, "there is no extreme of no elements; X is ", x);
  return {};
}

Status arg_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "X must be float32, float64, int32 or int64, is ", t);
  const Shape& x = in.shape(0);
  const int axis = x.axis(in.args.i("axis"));
  PF_CHECK(axis >= 0, argument, "there is no axis ", in.args.i("axis"), " in the shape ", x);
  Shape y;
  for (int d = 0; d < x.rank(); ++d)
    if (d != axis || in.args.b("keepdims")) y.push_back(d == axis ? 1 : x[d]);
  PF_TRY(check_length(x[axis], y, x));
  in.set(0, y, DType::kInt64);
  return {};
}

constexpr auto kArg = [](auto& op) {
  op.arg("axis", -1, "Along which dimension; negative counts from the end.")
      .arg("keepdims", true, "The dimension stays, as 1.")
      .input("X", "float32, float64, int32 or int64, at least 1 dimension.")
      .output("Y", "int64: X's shape with 1 in place of the axis, or without it.")
      .shape(arg_shape)
      .no_grad();
};

PF_OP(ArgMax)
    .doc("Indices of the largest elements along an axis, the first of equal ones.")
    .with(kArg)
    .cpu<ArgExtreme<true>>();
PF_OP(ArgMin)
    .doc("Indices of the smallest elements along an axis, the first of equal ones.")
    .with(kArg)
    .cpu<ArgExtreme<false>>();

PF_OP(RowWiseArgMax)
    .doc("The column of the largest element of each row, the first of equal ones.")
    .input("X", "float [rows, columns].")
    .output("Y", "int32 [rows, 1].")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_rank(0, 2));
      const Shape y{in.shape(0)[0], 1};
      PF_TRY(check_length(in.shape(0)[1], y, in.shape(0)));
      in.set(0, y, DType::kInt32);
      return {};
    })
    .no_grad()
    .cpu<RowWiseArgMax>();

}  // namespace
}  // namespace pf
