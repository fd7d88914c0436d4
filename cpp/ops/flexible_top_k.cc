// SPDX-License-Identifier: Apache-2.0
// FlexibleTopK: the largest elements of each row, as many as the row's k, largest first; and its gradient.
#include "core/op.h"
#include "math/sort.h"

namespace pf {
namespace {

int64_t row_length(const Shape& x) { return x[x.rank() - 1]; }

// What all k make together; each must be from 1 to the length of a row.
Status sum_of(const Tensor& k, int64_t length, int64_t* sum) {
  *sum = 0;
  for (int64_t i = 0; i < k.size(); ++i) {
    const int64_t one = k.data<int64_t>()[i];
    PF_CHECK(one > 0 && one <= length, value, "k of row ", i, " is ", one, ", expected 1 to ", length);
    *sum += one;
  }
  return {};
}

struct FlexibleTopK {
  Status run(OpRun& op) {
    const int64_t length = row_length(op.in(0).shape());
    const int64_t* k = op.in(1).data<int64_t>();
    float* values = op.out(0).data<float>();
    int64_t *indices = op.out(1).data<int64_t>(), *order;
    PF_TRY(op.scratch(length, &order));
    for (int64_t row = 0; row < op.in(1).size(); values += k[row], indices += k[row], ++row) {
      const float* x = op.in(0).data<float>() + row * length;
      for (int64_t i = 0; i < length; ++i) order[i] = i;
      heap_sort(length, order, [=](int64_t a, int64_t b) { return x[a] > x[b] || (x[a] == x[b] && a < b); });
      for (int64_t i = 0; i < k[row]; ++i) values[i] = x[order[i]], indices[i] = order[i];
    }
    return {};
  }
};

struct FlexibleTopKGradient {
  Status run(OpRun& op) {
    const int64_t length = row_length(op.in(0).shape());
    const int64_t *k = op.in(1).data<int64_t>(), *indices = op.in(3).data<int64_t>();
    const float* dvalues = op.in(2).data<float>();
    float* dx = op.out(0).data<float>();
    int64_t sum;
    PF_TRY(sum_of(op.in(1), length, &sum));
    PF_CHECK(sum == op.in(2).size(), value, "all k make ", sum, " together, but there are ", op.in(2).size(),
             " values");
    for (int64_t i = 0; i < op.out(0).size(); ++i) dx[i] = 0;
    for (int64_t row = 0, at = 0; row < op.in(1).size(); ++row)
      for (const int64_t end = at + k[row]; at < end; ++at) {
        PF_CHECK(indices[at] >= 0 && indices[at] < length, value, "index ", at, " is ", indices[at], ", expected 0 to ",
                 length - 1);
        dx[row * length + indices[at]] = dvalues[at];
      }
    return {};
  }
};

Status want_rows(Infer& in) {
  const Shape& x = in.shape(0);
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kInt64));
  PF_CHECK(x.rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
  PF_CHECK(in.shape(1).size() == x.upto(x.rank() - 1), shape, "there must be one k for each of the ",
           x.upto(x.rank() - 1), " rows, found the shape ", in.shape(1));
  return {};
}

PF_OP(FlexibleTopK)
    .doc(
        "The largest elements of each row (the last dimension of X), as many as its k, largest first; of equal ones "
        "the lower index comes first.")
    .input("X", "float [..., length].")
    .input("k", "int64, one for each row, from 1 to length.")
    .output("values", "float [sum of k]: row after row.")
    .output("indices", "int64 [sum of k]: where in its row each value was.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_rows(in));
      const Tensor* k = in.value(1);
      if (!k) return in.unknown();
      int64_t sum;
      PF_TRY(sum_of(*k, row_length(in.shape(0)), &sum));
      in.set(0, Shape{sum}, DType::kFloat);
      in.set(1, Shape{sum}, DType::kInt64);
      return {};
    })
    .grad([](Gradient& g) { g.op("FlexibleTopKGradient", {g.I(0), g.I(1), g.GO(0), g.O(1)}, {g.GI(0)}); })
    .cpu<FlexibleTopK>();

PF_OP(FlexibleTopKGradient)
    .doc("Gradient of FlexibleTopK: the gradient of the value where an element was chosen, 0 elsewhere.")
    .input("X", "Input of FlexibleTopK; only its shape is used.")
    .input("k", "As given to FlexibleTopK.")
    .input("dvalues", "Gradient of the values.")
    .input("indices", "The indices from FlexibleTopK.")
    .output("dX", "Gradient of X, shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_rows(in));
      PF_TRY(in.want_dtype(2, DType::kFloat));
      PF_TRY(in.want_dtype(3, DType::kInt64));
      PF_TRY(in.want_same_shape(2, 3));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<FlexibleTopKGradient>();

}  // namespace
}  // namespace pf
