// SPDX-License-Identifier: Apache-2.0
// FC, FCTransposed and their gradients on CUDA.
#include "device/columns.h"
#include "math/matmul.h"

namespace pf {
namespace {

// X is m x k, W holds n outputs; the shape function has seen that they fit.
struct Sizes {
  bool flip;
  int64_t m, k, n;
  explicit Sizes(const OpRun& op) {
    const Shape &x = op.in(0).shape(), &w = op.in(1).shape();
    flip = op.args.schema.name[2] == 'T';
    const int axis = x.axis(op.args.i("axis")), axis_w = w.axis(op.args.i("axis_w"));
    m = x.upto(axis), k = x.from(axis), n = flip ? w.from(axis_w) : w.upto(axis_w);
  }
};

// Rows as they lie: FC takes X as a matrix whatever its dimensions mean.
Form rows_form(const OpRun& op) {
  Form form;
  form.half = device_of(op).half();
  return form;
}

struct FullyConnected {
  static constexpr bool kPicksForms = true;
  Status run(OpRun& op) {
    const Sizes s(op);
    View x, w;
    Matmul p;
    float* y;
    PF_TRY(read_form(op, 0, rows_form(op), &x));
    PF_TRY(read_form(op, 1, rows_form(op), &w));
    PF_TRY(read_plain(op, 2, &p.bias));
    PF_TRY(write_plain(op, 0, &y));
    p.m = s.m, p.n = s.n, p.k = s.k, p.a = x.data, p.b = w.data, p.c = y;
    p.b_turned = !s.flip, p.half = x.form.half;
    return matmul(op, p);
  }
};

struct FullyConnectedGradient {
  static constexpr bool kPicksForms = true;
  Status run(OpRun& op) {
    const Sizes s(op);
    Form form = rows_form(op), form_y = form;
    form_y.scale = int8_t(device_of(op).options.loss_scale);
    View x, w, dy;
    PF_TRY(read_form(op, 0, form, &x));
    PF_TRY(read_form(op, 1, form, &w));
    PF_TRY(read_form(op, 2, form_y, &dy));
    float *dw, *db;
    PF_TRY(write_plain(op, 0, &dw));
    PF_TRY(write_plain(op, 1, &db));
    Matmul p;  // dY' X, or X' dY
    p.m = s.flip ? s.k : s.n, p.n = s.flip ? s.n : s.k, p.k = s.m, p.a_turned = true;
    p.a = s.flip ? x.data : dy.data, p.b = s.flip ? dy.data : x.data, p.c = dw;
    p.half = form.half, p.alpha = dy.factor();
    PF_TRY(matmul(op, p));
    PF_TRY(columns::column_sums(op, dy, s.m, s.n, db));
    if (op.outputs() < 3) return {};
    Matmul back;
    form.scale = dy.form.scale;
    PF_TRY(write_form(op, 2, form, &back.c));
    back.m = s.m, back.n = s.k, back.k = s.n, back.a = dy.data, back.b = w.data;
    back.b_turned = s.flip, back.half = back.half_out = form.half;
    return matmul(op, back);
  }
};

PF_CUDA_OP(FC, FullyConnected);
PF_CUDA_OP(FCTransposed, FullyConnected);
PF_CUDA_OP(FCGradient, FullyConnectedGradient);
PF_CUDA_OP(FCTransposedGradient, FullyConnectedGradient);

}  // namespace
}  // namespace pf
