// SPDX-License-Identifier: Apache-2.0
// What RecurrentNetwork puts into its step nets: links to parts of whole sequences, and sums of gradients.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

Status step_inputs(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kInt32));
  PF_CHECK(in.shape(0).size() == 1, shape, "the timestep must be one number, has the shape ", in.shape(0));
  for (int i = 1; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_CHECK(in.shape(i).rank() > 0, shape, "\"", in.args.def.input[size_t(i)],
             "\" must have a dimension for the steps");
  }
  PF_CHECK(in.args.i("offset") >= 0, argument, "offset must be given, and not be negative");
  return {};
}

// Rows [first, first + count) of t must be there.
Status want_rows(const Tensor& t, int64_t first, int64_t count) {
  const int64_t rows = t.dim(0);
  PF_CHECK(first >= 0 && count >= 0 && first <= rows && count <= rows - first, value, "step rows ", first, " to ",
           saturating_product(1, count) + first - 1, " are outside the ", rows, " of ", t.shape());
  return {};
}

// t + offset, where nothing overflows.
Status row_of(OpRun& op, const Tensor& t, int64_t count, int64_t* out) {
  const int64_t offset = op.args.i("offset"), step = op.in(0).data<int32_t>()[0];
  PF_CHECK(offset <= t.dim(0) && count <= t.dim(0), value, "offset ", offset, " or window ", count, " is beyond the ",
           t.dim(0), " rows of ", t.shape());
  *out = step + offset;
  return want_rows(t, *out, count);
}

struct ApplyLink {
  Status run(OpRun& op) {
    const int64_t window = op.args.i("window");
    Tensor& external = op.out(1);
    int64_t row;
    PF_TRY(row_of(op, external, window, &row));
    Shape shape = external.shape();
    shape[0] = window;
    Blob& internal = op.out_blob(0);
    internal.object.reset();
    internal.tensor.view(external, shape, row * external.shape().from(1));
    return {};
  }
};

struct Plus {
  PF_FN float operator()(float a, float b) const { return a + b; }
};

struct AccumulateGradientInput {
  Status run(OpRun& op) {
    const Tensor& from = op.in(1);
    Tensor& to = op.out(0);
    const int64_t step = op.in(0).data<int32_t>()[0], size = to.shape().from(1);
    int64_t row;
    PF_TRY(row_of(op, to, 1, &row));
    PF_TRY(want_rows(from, step, 1));
    PF_CHECK(from.shape().from(1) == size, shape, "a step of ", from.shape(), " cannot be added to one of ",
             to.shape());
    const float* x = from.data<float>() + step * size;
    float* y = to.data<float>() + row * size;
    Device::map(op, size, y, Plus(), x, static_cast<const float*>(y));
    return {};
  }
};

PF_OP(rnn_internal_apply_link)
    .doc("Makes `internal` the rows `[t + offset, t + offset + window)` of `external`, sharing its memory.")
    .arg("offset", -1, "Rows to skip; must be given.")
    .arg("window", -1, "Number of rows; must be given.")
    .input("timestep", "int32, one number: t.")
    .input("external_in", "float, one row for each step.")
    .output("internal", "float, `window` rows.")
    .output("external", "The blob of external_in.")
    .must_inplace(1, 1)
    .shape_unknown("outputs are parts of other blobs")
    .shape([](Infer& in) -> Status {
      PF_TRY(step_inputs(in));
      PF_CHECK(in.args.i("window") >= 0, argument, "window must be given, and not be negative");
      return in.unknown();
    })
    .refuse_grad("the gradient of RecurrentNetwork has links of its own")
    .cpu<ApplyLink>();

PF_OP(rnn_internal_accumulate_gradient_input)
    .doc("Adds row t of `output_grad` to row `t + offset` of `state_grad`.")
    .arg("offset", -1, "Rows to skip in state_grad; must be given.")
    .input("timestep", "int32, one number: t.")
    .input("output_grad", "float, one row for each step.")
    .input("state_grad", "float, rows of the same size.")
    .output("sum", "The blob of state_grad.")
    .any_outputs("linked", "Blobs that are parts of it.")
    .must_inplace(2, 0)
    .shape_unknown("the output is a state that lives in its blob")
    .shape(step_inputs)
    .refuse_grad("the gradient of RecurrentNetwork uses it itself")
    .cpu<AccumulateGradientInput>();

}  // namespace
}  // namespace pf
