// SPDX-License-Identifier: Apache-2.0
// MatMul: C = A B of two matrices; BatchMatMul: the same for each pair of a batch; either side may be transposed.
#include "core/op.h"
#include "math/gemm.h"

namespace pf {
namespace {

// C is m x n, summed over k.
struct Sizes {
  int64_t m, n, k;
};

// The product of matrices stored row-major, A as m x k (transposed: k x m), B as k x n (transposed: n x k).
Gemm product(const Sizes& s, bool trans_a, bool trans_b, const float* a, const float* b, float* c) {
  Gemm g;
  g.m = s.m, g.n = s.n, g.k = s.k;
  g.a = trans_a ? columns_of(a, s.m) : rows_of(a, s.k);
  g.b = trans_b ? rows_of(b, s.k) : columns_of(b, s.n);
  g.c = c, g.c_stride = s.n;
  return g;
}

Status matmul_sizes(const Args& args, const Shape& a, const Shape& b, Sizes* out) {
  const int axis_a = a.axis(args.i("axis_a")), axis_b = b.axis(args.i("axis_b"));
  PF_CHECK(axis_a >= 0, argument, "A has no axis_a ", args.i("axis_a"), "; its shape is ", a);
  PF_CHECK(axis_b >= 0, argument, "B has no axis_b ", args.i("axis_b"), "; its shape is ", b);
  const bool ta = args.b("trans_a"), tb = args.b("trans_b");
  const int64_t k = tb ? b.from(axis_b) : b.upto(axis_b);
  *out = {ta ? a.from(axis_a) : a.upto(axis_a), tb ? b.upto(axis_b) : b.from(axis_b),
          ta ? a.upto(axis_a) : a.from(axis_a)};
  PF_CHECK(out->k == k, shape, "the inner sizes differ: A ", a, ta ? " (transposed)" : "", " has ", out->k, ", B ", b,
           tb ? " (transposed)" : "", " has ", k);
  return {};
}

struct MatMul {
  Status run(OpRun& op) {
    Sizes s;
    PF_TRY(matmul_sizes(op.args, op.in(0).shape(), op.in(1).shape(), &s));
    float* scratch = nullptr;
    PF_TRY(op.scratch(gemm_together_scratch(s.m, s.n, s.k), &scratch));
    gemm_together(product(s, op.args.b("trans_a"), op.args.b("trans_b"), op.in(0).data<float>(), op.in(1).data<float>(),
                          op.out(0).data<float>()),
                  scratch);
    return {};
  }
};

Status matmul_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  Sizes s;
  PF_TRY(matmul_sizes(in.args, in.shape(0), in.shape(1), &s));
  Shape y{s.m, s.n};
  if (in.inputs() > 2) {
    PF_CHECK(in.shape(2).size() == s.m * s.n, shape, "the third input gives the output its shape and needs ", s.m * s.n,
             " elements; its shape is ", in.shape(2));
    y = in.shape(2);
  }
  in.set(0, y, DType::kFloat);
  return {};
}

// With A, B as stored, whichever of them is transposed, the gradients are products of G, A and B again:
//   C = A  B : dA = G B',  dB = A' G     C = A' B : dA = B G',   dB = A G
//   C = A  B': dA = G B,   dB = G' A     C = A' B': dA = B' G',  dB = G' A'
void matmul_gradient(Gradient& g) {
  const bool ta = g.args.b("trans_a"), tb = g.args.b("trans_b");
  const int64_t axis_a = g.args.i("axis_a"), axis_b = g.args.i("axis_b");
  const std::string gradient = g.GO(0);
  const auto add = [&](int input, bool gradient_first, int other, bool trans_first, bool trans_second) {
    // The third input gives the result its shape.
    const std::string &first = gradient_first ? gradient : g.I(other), &second = gradient_first ? g.I(other) : gradient;
    OpDef& op = g.plain("MatMul", {first, second, g.I(input)}, {g.GI(input)});
    if (trans_first) op.set("trans_a", int64_t(1));
    if (trans_second) op.set("trans_b", int64_t(1));
    op.set(gradient_first ? "axis_b" : "axis_a", other == 0 ? axis_a : axis_b);
  };
  if (ta)
    add(0, false, 1, tb, true);
  else
    add(0, true, 1, false, !tb);
  if (tb)
    add(1, true, 0, true, ta);
  else
    add(1, false, 0, !ta, false);
}

PF_OP(MatMul)
    .doc("Matrix product `C = A B`; A and B are cut into rows and columns at axis_a and axis_b.")
    .arg("axis_a", 1, "First of A's dimensions that form its columns.")
    .arg("axis_b", 1, "First of B's dimensions that form its columns.")
    .arg("trans_a", false, "A is stored transposed.")
    .arg("trans_b", false, "B is stored transposed.")
    .input("A", "float.")
    .input("B", "float.")
    .optional_input("shape", "A tensor whose shape the output takes, as the gradient needs it.")
    .output("C", "[rows of A, columns of B].")
    .shape(matmul_shape)
    .grad(matmul_gradient)
    .cpu<MatMul>();

// --- BatchMatMul

// Batches of A and B that pair up; a step of 0 repeats one matrix.
struct Batch {
  Sizes sizes;
  Shape y;
  int rank = 0;
  int64_t count = 1;
  int64_t dims[Shape::kMaxRank], a_step[Shape::kMaxRank], b_step[Shape::kMaxRank];
};

// numpy's rules: a vector is a row on the left and a column on the right, and sizes of 1 repeat.
Status batch_dims(const Shape& a, const Shape& b, bool broadcast, Batch* out) {
  const int ranks[2] = {a.rank() - 2, b.rank() - 2};
  out->rank = ranks[0] > ranks[1] ? ranks[0] : ranks[1];
  int64_t a_step = 1, b_step = 1;
  for (int d = out->rank - 1; d >= 0; --d) {
    const int i = d - (out->rank - ranks[0]), j = d - (out->rank - ranks[1]);
    const int64_t da = i >= 0 ? a[i] : 1, db = j >= 0 ? b[j] : 1;
    PF_CHECK(da == db || (broadcast && (da == 1 || db == 1)), shape, "the batches differ: A is ", a, ", B is ", b,
             broadcast ? "" : "; broadcast=1 repeats dimensions of size 1");
    out->dims[d] = da == 1 ? db : da;
    out->a_step[d] = da == 1 ? 0 : a_step, out->b_step[d] = db == 1 ? 0 : b_step;
    a_step *= da, b_step *= db;
    out->count *= out->dims[d];
  }
  return {};
}

Status batch_of(const Args& args, const Shape& a_given, const Shape& b_given, Batch* out) {
  const bool broadcast = args.b("broadcast"), ta = args.b("trans_a"), tb = args.b("trans_b");
  PF_CHECK(
      broadcast ? a_given.rank() >= 1 && b_given.rank() >= 1 : a_given.rank() >= 2 && a_given.rank() == b_given.rank(),
      shape, broadcast ? "A and B need a dimension at least" : "A and B need the same two or more dimensions",
      "; A is ", a_given, ", B is ", b_given);
  Shape a = a_given, b = b_given;
  if (a.rank() == 1) a = {1, a_given[0]};
  if (b.rank() == 1) b = {b_given[0], 1};
  const bool trans_a = ta && a_given.rank() > 1, trans_b = tb && b_given.rank() > 1;
  const int64_t a0 = a[a.rank() - 2], a1 = a[a.rank() - 1], b0 = b[b.rank() - 2], b1 = b[b.rank() - 1];
  out->sizes = {trans_a ? a1 : a0, trans_b ? b0 : b1, trans_a ? a0 : a1};
  PF_CHECK(out->sizes.k == (trans_b ? b1 : b0), shape, "the inner sizes differ: A ", a_given,
           trans_a ? " (transposed)" : "", " has ", out->sizes.k, ", B ", b_given, trans_b ? " (transposed)" : "",
           " has ", trans_b ? b1 : b0);
  PF_TRY(batch_dims(a, b, broadcast, out));
  out->y = Shape(out->dims, out->dims + out->rank);
  if (a_given.rank() > 1) out->y.push_back(out->sizes.m);
  if (b_given.rank() > 1) out->y.push_back(out->sizes.n);
  if (out->y.rank() == 0) out->y.push_back(1);  // Caffe2 gives the product of two vectors one dimension
  return {};
}

struct BatchMatMul {
  Status run(OpRun& op) {
    Batch batch;
    PF_TRY(batch_of(op.args, op.in(0).shape(), op.in(1).shape(), &batch));
    const Sizes& s = batch.sizes;
    float* scratch = nullptr;
    PF_TRY(op.scratch(gemm_scratch(s.m, s.n, s.k), &scratch));
    const bool ta = op.args.b("trans_a") && op.in(0).rank() > 1, tb = op.args.b("trans_b") && op.in(1).rank() > 1;
    const float *a = op.in(0).data<float>(), *b = op.in(1).data<float>();
    float* c = op.out(0).data<float>();
    const auto run = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t from_a = 0, from_b = 0, rest = i;
        for (int d = batch.rank - 1; d >= 0; --d) {
          from_a += rest % batch.dims[d] * batch.a_step[d], from_b += rest % batch.dims[d] * batch.b_step[d];
          rest /= batch.dims[d];
        }
        gemm(product(s, ta, tb, a + from_a * s.m * s.k, b + from_b * s.k * s.n, c + i * s.m * s.n), scratch);
      }
    };
    if (batch.count >= thread_count())
      parallel_for(batch.count, 1 + 50000 / (2 * s.m * s.n * s.k + 1), run);
    else
      run(0, batch.count);
    return {};
  }
};

Status batch_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  Batch batch;
  PF_TRY(batch_of(in.args, in.shape(0), in.shape(1), &batch));
  in.set(0, batch.y, DType::kFloat);
  return {};
}

void batch_gradient(Gradient& g) {
  const bool ta = g.args.b("trans_a"), tb = g.args.b("trans_b");
  if (g.args.b("broadcast"))
    return (void)g.refuse("BatchMatMul with broadcast=1 has no gradient; tile the smaller input first");
  const std::string gradient = g.GO(0);
  const auto add = [&](int input, const std::string& first, const std::string& second, bool trans_first,
                       bool trans_second) {
    OpDef& op = g.plain("BatchMatMul", {first, second}, {g.GI(input)});
    if (trans_first) op.set("trans_a", int64_t(1));
    if (trans_second) op.set("trans_b", int64_t(1));
  };
  if (ta)
    add(0, g.I(1), gradient, tb, true);
  else
    add(0, gradient, g.I(1), false, !tb);
  if (tb)
    add(1, gradient, g.I(0), true, ta);
  else
    add(1, g.I(0), gradient, !ta, false);
}

PF_OP(BatchMatMul)
    .doc("Matrix product of each pair of matrices, the last two dimensions of A and B.")
    .arg("trans_a", false, "The matrices of A are stored transposed.")
    .arg("trans_b", false, "The matrices of B are stored transposed.")
    .arg("broadcast", false, "numpy's rules: leading dimensions of size 1, or missing, repeat; vectors are allowed.")
    .arg("use_scratch", false, "Accepted and ignored.")
    .input("A", "float […, M, K].")
    .input("B", "float […, K, N].")
    .output("C", "[…, M, N].")
    .shape(batch_shape)
    .grad(batch_gradient)
    .cpu<BatchMatMul>();

}  // namespace
}  // namespace pf
