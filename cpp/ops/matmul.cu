// SPDX-License-Identifier: Apache-2.0
// MatMul on CUDA.
#include "math/matmul.h"

namespace pf {
namespace {

struct Product {
  Status run(OpRun& op) {
    const Shape &a = op.in(0).shape(), &b = op.in(1).shape();
    const int axis_a = a.axis(op.args.i("axis_a")), axis_b = b.axis(op.args.i("axis_b"));
    Matmul p;
    p.a_turned = op.args.b("trans_a"), p.b_turned = op.args.b("trans_b");
    p.m = p.a_turned ? a.from(axis_a) : a.upto(axis_a), p.k = p.a_turned ? a.upto(axis_a) : a.from(axis_a);
    p.n = p.b_turned ? b.upto(axis_b) : b.from(axis_b);
    p.a = op.in(0).data<float>(), p.b = op.in(1).data<float>(), p.c = op.out(0).data<float>();
    return matmul(op, p);
  }
};

PF_CUDA_OP(MatMul, Product);

}  // namespace
}  // namespace pf
