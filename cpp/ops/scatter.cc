// SPDX-License-Identifier: Apache-2.0
// Rows of a tensor changed in place: ScatterAssign replaces them, ScatterWeightedSum adds weighted rows to them.
#include "math/copy.h"
#include "math/indices.h"
#include "math/reduce.h"
#include "math/segments.h"

namespace pf {
namespace {

// Input i must have the rows that the indices, input `indices`, name.
Status want_slices(const Infer& in, int i, int indices) {
  const Shape &data = in.shape(0), &slices = in.shape(i);
  const int64_t expected = saturating_product(in.shape(indices).size(), data.from(1));
  PF_CHECK(slices.size() == expected, shape, "\"", in.args.def.input[size_t(i)], "\" must have a row of ", data,
           " for each of the ", in.shape(indices).size(), " indices, found the shape ", slices);
  return {};
}

Status want_data(Infer& in) {
  PF_CHECK(in.shape(0).rank() >= 1, shape, "DATA must have rows, is a scalar");
  in.set(0, in.shape(0), in.dtype(0));
  return {};
}

struct ScatterAssign {
  Status run(OpRun& op) {
    const Tensor &indices = op.in(1), &slices = op.in(2);
    Tensor& data = op.out(0);
    PF_TRY(check_indices(indices, data.dim(0)));
    const Elements elements(data.dtype());
    const int64_t n = data.shape().from(1);
    for (int64_t i = 0; i < indices.size(); ++i)
      elements.copy(elements.at(data.data<uint8_t>(), index_at(indices, i) * n),
                    elements.at(slices.data<uint8_t>(), i * n), n);
    return {};
  }
};

struct ScatterWeightedSum {
  Status run(OpRun& op) {
    const Tensor& indices = op.in(2);
    Tensor& data = op.out(0);
    PF_TRY(check_indices(indices, data.dim(0)));
    const int64_t n = data.shape().from(1);
    const float keep = op.in(1).data<float>()[0];
    float* y = data.data<float>();
    // A row that is named several times is also scaled several times, as in Caffe2.
    for (int64_t i = 0; i < indices.size() && keep != 1.f; ++i)
      for (int64_t j = 0; j < n; ++j) y[index_at(indices, i) * n + j] *= keep;
    for (int k = 3; k < op.inputs(); k += 2) {
      const float* x = op.in(k).data<float>();
      const float weight = op.in(k + 1).data<float>()[0];
      for (int64_t i = 0; i < indices.size(); ++i) add_scaled(n, weight, x + i * n, y + index_at(indices, i) * n);
    }
    return {};
  }
};

PF_OP(ScatterAssign)
    .doc("`DATA[INDICES[i]] = SLICES[i]`, in place; of equal indices the last one stays.")
    .input("DATA", "Any type; 1 dimension or more.")
    .input("INDICES", "int32 or int64: rows of DATA.")
    .input("SLICES", "Type of DATA; a row for each index.")
    .output("DATA", "The same blob.")
    .must_inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(want_data(in));
      PF_TRY(want_indices(in, 1));
      PF_TRY(in.want_dtype(2, in.dtype(0)));
      return want_slices(in, 2, 1);
    })
    .refuse_grad("it works in place")
    .cpu<ScatterAssign>();

PF_OP(ScatterWeightedSum)
    .doc(
        "`X_0[INDICES[i]] = w_0 X_0[INDICES[i]] + w_1 X_1[i] + w_2 X_2[i] + …`, in place: the step of gradient descent "
        "with a gradient by rows.")
    .input("X_0", "float, 1 dimension or more.")
    .input("Weight_0", "float, one number; X_0's rows are scaled by it.")
    .input("INDICES", "int32 or int64: rows of X_0.")
    .variadic_input("X_and_w", "Pairs: float rows, one for each index, and their weight, one number.")
    .output("X_0", "The same blob.")
    .must_inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(want_data(in));
      PF_TRY(want_indices(in, 2));
      PF_CHECK(in.inputs() % 2 == 1 && in.inputs() > 3, argument,
               "after the indices it takes pairs of a tensor and its "
               "weight, found ",
               in.inputs() - 3, " inputs");
      for (int i = 0; i < in.inputs(); ++i) {
        if (i == 2) continue;
        PF_TRY(in.want_dtype(i, DType::kFloat));
        const bool weight = i == 1 || (i > 3 && i % 2 == 0);
        if (weight)
          PF_CHECK(in.shape(i).size() == 1, shape, "a weight must be one number, found the shape ", in.shape(i));
        else if (i > 0)
          PF_TRY(want_slices(in, i, 2));
      }
      return {};
    })
    .refuse_grad("it works in place")
    .cpu<ScatterWeightedSum>();

}  // namespace
}  // namespace pf
