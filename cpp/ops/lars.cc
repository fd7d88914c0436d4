// SPDX-License-Identifier: Apache-2.0
// Steps kept in bounds: Lars (a learning rate by the norms of parameters and gradient), ClipTensorByScaling.
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/reduce.h"

namespace pf {
namespace {

struct Lars {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float *x = op.in(0).data<float>(), *dx = op.in(1).data<float>();
    const double norm = std::sqrt(dot(n, x, x)), gradient_norm = std::sqrt(dot(n, dx, dx));
    op.out(0).data<float>()[0] = norm > 0 ? float(1 / (gradient_norm / norm + op.args.f("offset"))) : 1.f;
    return {};
  }
};

struct ClipTensorByScaling {
  Status run(OpRun& op) {
    float threshold = op.args.f("threshold");
    if (op.inputs() > 2) threshold *= op.in(2).data<float>()[0];
    const float norm = op.in(1).data<float>()[0], factor = norm > threshold ? threshold / norm : 1.f;
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(op.in(0).size(), Cpu::kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = factor * x[i];
    });
    return {};
  }
};

PF_OP(Lars)
    .doc(
        "Layer-wise adaptive rate scaling: the factor `1 / (|dX| / |X| + offset)` for a learning rate; 1 where X is 0.")
    .arg("offset", 0.5f, "Keeps the factor finite where the gradient is 0.")
    .input("X", "float, any shape: the parameters.")
    .input("dX", "Their gradient, shape of X.")
    .output("factor", "float [1].")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 2; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      PF_TRY(in.want_same_shape(0, 1));
      in.set(0, Shape{1}, DType::kFloat);
      return {};
    })
    .refuse_grad("an optimizer's step has no gradient")
    .cpu<Lars>();

PF_OP(ClipTensorByScaling)
    .doc("`Y = X min(1, threshold / norm)`: scaled so that a norm, given as input, is at most the threshold.")
    .arg("threshold", 0.f, "What the norm may be.")
    .input("X", "float, any shape.")
    .input("norm", "float, one number: the norm of X, or of all that is scaled with it.")
    .optional_input("factor", "float, one number that the threshold is multiplied by.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < in.inputs(); ++i) {
        PF_TRY(in.want_dtype(i, DType::kFloat));
        PF_CHECK(i == 0 || in.shape(i).size() == 1, shape, "\"", in.args.def.input[size_t(i)],
                 "\" must be one number, has the shape ", in.shape(i));
      }
      return same_as_first(in);
    })
    .refuse_grad("scaling by a norm has no gradient here; Normalize has one")
    .cpu<ClipTensorByScaling>();

}  // namespace
}  // namespace pf
