// SPDX-License-Identifier: Apache-2.0
// FC: Y = X W' + b with W [N, K]; FCTransposed: Y = X W + b with W [K, N]; and their gradients.
#include "core/op.h"
#include "math/fold.h"
#include "math/gemm.h"
#include "math/reduce.h"

namespace pf {
namespace {

// X is m x k after `axis`, W holds n outputs.
struct Sizes {
  int axis;
  int64_t m, k, n;
};

bool transposed(const Args& args) { return args.schema.name[2] == 'T'; }  // FCTransposed, FCTransposedGradient

Status sizes(const Args& args, const Shape& x, const Shape& w, Sizes* out) {
  const int axis = x.axis(args.i("axis")), axis_w = w.axis(args.i("axis_w"));
  PF_CHECK(axis >= 0, argument, "X has no axis ", args.i("axis"), "; its shape is ", x);
  PF_CHECK(axis_w >= 0, argument, "W has no axis_w ", args.i("axis_w"), "; its shape is ", w);
  const bool flip = transposed(args);
  const int64_t k = flip ? w.upto(axis_w) : w.from(axis_w);
  *out = {axis, x.upto(axis), x.from(axis), flip ? w.from(axis_w) : w.upto(axis_w)};
  PF_CHECK(out->k == k, shape, "Dimension mismatch: X: ", x, " has ", out->k, " elements from axis ", axis,
           " on, W: ", w, " takes ", k);
  return {};
}

Shape output_of(const Shape& x, const Sizes& s) {
  Shape y(x.begin(), x.begin() + s.axis);
  y.push_back(s.n);
  return y;
}

struct FullyConnected {
  FoldedClamp clamp;
  bool absorb(const Args& next, int) { return clamp.absorb(next); }

  Status run(OpRun& op) {
    Sizes s;
    PF_TRY(sizes(op.args, op.in(0).shape(), op.in(1).shape(), &s));
    const bool flip = transposed(op.args);
    float* scratch = nullptr;
    PF_TRY(op.scratch(gemm_together_scratch(s.m, s.n, s.k), &scratch));
    const float* w = op.in(1).data<float>();
    Gemm product;
    product.m = s.m, product.n = s.n, product.k = s.k;
    product.a = rows_of(op.in(0).data<float>(), s.k);
    product.b = flip ? columns_of(w, s.n) : rows_of(w, s.k);
    product.c = op.out(0).data<float>(), product.c_stride = s.n;
    product.column_bias = op.in(2).data<float>();
    product.low = clamp.low, product.high = clamp.high;
    gemm_together(product, scratch);
    return {};
  }
};

struct FullyConnectedGradient {
  Status run(OpRun& op) {
    Sizes s;
    PF_TRY(sizes(op.args, op.in(0).shape(), op.in(1).shape(), &s));
    const bool flip = transposed(op.args);
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    float* scratch = nullptr;
    const int64_t filter = gemm_scratch(s.n, s.k, s.m), other = gemm_scratch(s.k, s.n, s.m),
                  input = gemm_scratch(s.m, s.k, s.n);
    PF_TRY(op.scratch(filter + other + input, &scratch));  // one after the other: more than enough
    Gemm dw;                                               // dY' X, or X' dY
    dw.m = flip ? s.k : s.n, dw.n = flip ? s.n : s.k, dw.k = s.m;
    dw.a = flip ? columns_of(x, s.k) : columns_of(dy, s.n);
    dw.b = flip ? columns_of(dy, s.n) : columns_of(x, s.k);
    dw.c = op.out(0).data<float>(), dw.c_stride = dw.n;
    gemm(dw, scratch);
    sum_rows(s.m, s.n, dy, false, op.out(1).data<float>());
    if (op.outputs() < 3) return {};
    Gemm dx;
    dx.m = s.m, dx.n = s.k, dx.k = s.n;
    dx.a = rows_of(dy, s.n);
    dx.b = flip ? rows_of(w, s.n) : columns_of(w, s.k);
    dx.c = op.out(2).data<float>(), dx.c_stride = s.k;
    gemm(dx, scratch);
    return {};
  }
};

Status forward_shape(Infer& in) {
  for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  Sizes s;
  PF_TRY(sizes(in.args, in.shape(0), in.shape(1), &s));
  PF_CHECK(in.shape(2).size() == s.n && in.shape(2).rank() == 1, shape, "b needs the shape [", s.n,
           "], one number per output of W; its shape is ", in.shape(2));
  in.set(0, output_of(in.shape(0), s), DType::kFloat);
  return {};
}

Status gradient_shape(Infer& in) {
  for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  Sizes s;
  PF_TRY(sizes(in.args, in.shape(0), in.shape(1), &s));
  PF_CHECK(in.shape(2).size() == s.m * s.n, shape, "dY needs the shape of the output, ", output_of(in.shape(0), s),
           "; its shape is ", in.shape(2));
  in.set(0, in.shape(1), DType::kFloat);
  in.set(1, {s.n}, DType::kFloat);
  in.set(2, in.shape(0), DType::kFloat);
  return {};
}

void gradient(Gradient& g) {
  g.op(g.args.def.type + "Gradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(1), g.GI(2), g.GI(0)});
}

void arguments(OpBuilder<Cpu>& op) {
  op.arg("axis", 1, "X is a matrix: the dimensions before `axis` are its rows, the others its columns.")
      .arg("axis_w", 1, "W is a matrix in the same way.")
      .arg("float16_compute", false, "Accepted and ignored: sums are float.");
}

void declare_gradient(OpBuilder<Cpu>& op) {
  op.with(arguments)
      .input("X", "Input of the layer.")
      .input("W", "Its weights.")
      .input("dY", "Gradient of its output.")
      .output("dW", "Gradient of W.")
      .output("db", "[N], gradient of b.")
      .optional_output("dX", "Gradient of X.")
      .no_grad();
}

PF_OP(FC)
    .doc("Fully connected layer, `Y = X W' + b`.")
    .with(arguments)
    .input("X", "float; a matrix [M, K] once cut at axis.")
    .input("W", "[N, K] once cut at axis_w.")
    .input("b", "[N].")
    .output("Y", "X's dimensions before axis, then N.")
    .shape(forward_shape)
    .grad(gradient)
    .cpu<FullyConnected>();

PF_OP(FCGradient)
    .doc("Gradient of FC: `dW = dY' X`, `db` the column sums of dY, `dX = dY W`.")
    .with(declare_gradient)
    .shape(gradient_shape)
    .cpu<FullyConnectedGradient>();

PF_OP(FCTransposed)
    .doc("Fully connected layer with weights [K, N], `Y = X W + b`.")
    .with(arguments)
    .input("X", "float; a matrix [M, K] once cut at axis.")
    .input("W", "[K, N] once cut at axis_w.")
    .input("b", "[N].")
    .output("Y", "X's dimensions before axis, then N.")
    .shape(forward_shape)
    .grad(gradient)
    .cpu<FullyConnected>();

PF_OP(FCTransposedGradient)
    .doc("Gradient of FCTransposed: `dW = X' dY`, `db` the column sums of dY, `dX = dY W'`.")
    .with(declare_gradient)
    .shape(gradient_shape)
    .cpu<FullyConnectedGradient>();

}  // namespace
}  // namespace pf
