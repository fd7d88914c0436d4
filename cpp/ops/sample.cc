// SPDX-License-Identifier: Apache-2.0
// Drawing indices by weights: WeightedSample, WeightedMultiSampling.
#include "core/op.h"

namespace pf {
namespace {

struct WeightedSample {
  Status run(OpRun& op) {
    const Tensor& weights = op.in(0);
    const int64_t rows = op.out(0).size(), columns = weights.dim(1);
    for (int64_t i = 0; i < rows; ++i) {
      const float* w = weights.data<float>() + i * columns;
      double total = 0;
      for (int64_t j = 0; j < columns; ++j) {
        PF_CHECK(w[j] >= 0, value, "weight ", j, " of row ", i, " is ", double(w[j]), ", expected 0 or more");
        total += w[j];
      }
      // The first whose weights so far exceed the draw; what rounding leaves goes to the last.
      double left = total * op.random.uniform();
      int64_t drawn = 0;
      while (drawn < columns - 1 && (left -= w[drawn]) >= 0) ++drawn;
      op.out(0).data<int32_t>()[i] = int32_t(drawn);
      if (op.outputs() > 1) op.out(1).data<float>()[i] = op.in(1).data<float>()[i * columns + drawn];
    }
    return {};
  }
};

Status sample_shape(Infer& in) {
  PF_CHECK(in.outputs() == in.inputs(), argument,
           "takes as many inputs as it has outputs: values are drawn only where ", "there are any");
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_TRY(in.want_rank(i, 2));
    PF_TRY(in.want_same_shape(0, i));
  }
  const Shape& weights = in.shape(0);
  PF_CHECK(weights[1] <= INT32_MAX, shape, "rows must not be longer than int32 can count, the shape is ", weights);
  const Shape out = weights.size() ? Shape{weights[0], 1} : Shape{0};
  in.set(0, out, DType::kInt32);
  in.set(1, out, DType::kFloat);
  return {};
}

struct WeightedMultiSampling {
  Status run(OpRun& op) {
    const float* sums = op.in(0).data<float>();
    const int64_t n = op.in(0).size(), count = op.out(0).size();
    for (int64_t i = 0; i < count; ++i) {
      const float draw = op.random.uniform() * sums[n - 1];
      int64_t begin = 0, end = n - 1;  // the first sum above the draw, at most the last
      while (begin < end) {
        const int64_t middle = begin + (end - begin) / 2;
        if (sums[middle] > draw)
          end = middle;
        else
          begin = middle + 1;
      }
      op.out(0).data<int32_t>()[i] = int32_t(begin);
    }
    return {};
  }
};

Status multi_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_rank(0, 1));
  const bool given = in.args.has("num_samples");
  PF_CHECK(given != (in.inputs() == 2), argument,
           "takes either the argument num_samples or a second input of the result's shape");
  const int64_t count = in.args.i("num_samples");
  PF_CHECK(count >= 0, argument, "num_samples must not be negative, is ", count);
  const Shape y = in.inputs() == 2 ? in.shape(1) : Shape{count};
  in.set(0, in.shape(0)[0] ? y : Shape{0}, DType::kInt32);
  return {};
}

PF_OP(WeightedSample)
    .doc("Draws one index for each row of weights, each as often as its weight's part of the row's sum.")
    .input("weights", "float [rows, columns], not negative.")
    .optional_input("values", "float [rows, columns].")
    .output("indices", "int32 [rows, 1]; [0] for no weights.")
    .optional_output("drawn", "float [rows, 1]: the values at the indices.")
    .shape(sample_shape)
    .refuse_grad("drawing has no gradient")
    .cpu<WeightedSample>();

PF_OP(WeightedMultiSampling)
    .doc("Draws several indices by one row of weights, which are given summed up.")
    .arg("num_samples", 0, "How many to draw, where there is no second input.")
    .input("cdf", "float [count], ascending: each weight added to those before it.")
    .optional_input("like", "Any tensor: the result gets its shape.")
    .output("indices", "int32; [0] for no weights.")
    .shape(multi_shape)
    .refuse_grad("drawing has no gradient")
    .cpu<WeightedMultiSampling>();

}  // namespace
}  // namespace pf
