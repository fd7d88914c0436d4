// SPDX-License-Identifier: Apache-2.0
// How alike two rows are: L1Distance, CosineSimilarity, DotProduct, DotProductWithPadding; and their gradients.
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/reduce.h"

namespace pf {
namespace {

constexpr float kTiny = 1e-12f;

struct Rows {
  int64_t count, length;
};

Rows rows_of(const Shape& x) { return x.rank() ? Rows{x[0], x.from(1)} : Rows{1, 1}; }

// The number of results. A dot product of nothing has none.
int64_t results_of(const Args& args, const Shape& x) {
  return args.schema.name[0] == 'D' && x.size() == 0 ? 0 : rows_of(x).count;
}

template <class F>
void each_row(Rows rows, F f) {
  parallel_for(rows.count, 1 + 8192 / (rows.length + 1), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

float length_of(int64_t n, const float* x) {
  const float square = dot(n, x, x);
  return std::sqrt(square > kTiny ? square : kTiny);
}

struct Absolute {
  static float forward(int64_t n, const float* x, const float* y) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += std::fabs(x[j] - y[j]);
    return float(sum);
  }
  static void backward(int64_t n, const float* x, const float* y, float d, float* dx, float* dy) {
    for (int64_t j = 0; j < n; ++j) {
      const float difference = x[j] - y[j];
      dx[j] = difference < -kTiny ? -d : difference > kTiny ? d : 0.f;
      dy[j] = -dx[j];
    }
  }
};

struct Cosine {
  static float forward(int64_t n, const float* x, const float* y) {
    return dot(n, x, y) / (length_of(n, x) * length_of(n, y));
  }
  static void backward(int64_t n, const float* x, const float* y, float d, float* dx, float* dy) {
    const float x_length = length_of(n, x), y_length = length_of(n, y), both = x_length * y_length;
    const float product = dot(n, x, y), across = d / both;
    const float along_x = d * product / (x_length * x_length * both);
    const float along_y = d * product / (y_length * y_length * both);
    for (int64_t j = 0; j < n; ++j) {
      dx[j] = across * y[j] - along_x * x[j];
      dy[j] = across * x[j] - along_y * y[j];
    }
  }
};

struct Dot {
  static float forward(int64_t n, const float* x, const float* y) { return dot(n, x, y); }
  static void backward(int64_t n, const float* x, const float* y, float d, float* dx, float* dy) {
    for (int64_t j = 0; j < n; ++j) dx[j] = d * y[j], dy[j] = d * x[j];
  }
};

template <class Measure>
struct Forward {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>();
    float* d = op.out(0).data<float>();
    if (op.out(0).size() == 0) return {};
    each_row(rows, [=](int64_t i) { d[i] = Measure::forward(rows.length, x + i * rows.length, y + i * rows.length); });
    return {};
  }
};

template <class Measure>
struct Backward {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *d = op.in(2).data<float>();
    float *dx = op.out(0).data<float>(), *dy = op.out(1).data<float>();
    if (op.in(0).size() == 0) return {};
    each_row(rows, [=](int64_t i) {
      const int64_t at = i * rows.length;
      Measure::backward(rows.length, x + at, y + at, d[i], dx + at, dy + at);
    });
    return {};
  }
};

// Rows of different lengths: the shorter one is filled up with one number, or repeated as often as it fits whole.
struct Padded {
  int64_t rows, x_length, y_length;
  float pad;
  bool replicate;
  Padded(const Args& args, const Shape& x, const Shape& y)
      : rows(results_of(args, x)),
        x_length(x.from(1)),
        y_length(y.from(1)),
        pad(args.f("pad_value")),
        replicate(args.b("replicate")) {}
  int64_t shorter() const { return x_length < y_length ? x_length : y_length; }
  int64_t longer() const { return x_length < y_length ? y_length : x_length; }
  int64_t repeats() const { return !replicate ? 1 : shorter() ? longer() / shorter() : 0; }
};

struct DotProductWithPadding {
  Status run(OpRun& op) {
    const Padded p(op.args, op.in(0).shape(), op.in(1).shape());
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>();
    float* d = op.out(0).data<float>();
    each_row({p.rows, p.longer()}, [=](int64_t i) {
      const float *a = x + i * p.x_length, *b = y + i * p.y_length;
      const float *tall = p.x_length > p.y_length ? a : b, *small = p.x_length > p.y_length ? b : a;
      const int64_t n = p.shorter();
      float sum = 0;
      for (int64_t k = 0; k < p.repeats(); ++k) sum += dot(n, tall + k * n, small);
      if (!p.replicate) sum += p.pad * sum_of(p.longer() - n, tall + n);
      d[i] = sum;
    });
    return {};
  }
};

struct DotProductWithPaddingGradient {
  Status run(OpRun& op) {
    const Padded p(op.args, op.in(0).shape(), op.in(1).shape());
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *d = op.in(2).data<float>();
    float *dx = op.out(0).data<float>(), *dy = op.out(1).data<float>();
    each_row({p.rows, p.longer()}, [=](int64_t i) {
      const bool x_tall = p.x_length > p.y_length;
      const int64_t n = p.shorter(), x_at = i * p.x_length, y_at = i * p.y_length;
      const float *tall = x_tall ? x + x_at : y + y_at, *small = x_tall ? y + y_at : x + x_at;
      float *dtall = x_tall ? dx + x_at : dy + y_at, *dsmall = x_tall ? dy + y_at : dx + x_at;
      for (int64_t j = 0; j < n; ++j) dsmall[j] = 0;
      for (int64_t k = 0; k < p.repeats(); ++k)
        for (int64_t j = 0; j < n; ++j) dtall[k * n + j] = d[i] * small[j], dsmall[j] += d[i] * tall[k * n + j];
      const float rest = p.replicate ? 0.f : d[i] * p.pad;
      for (int64_t j = p.repeats() * n; j < p.longer(); ++j) dtall[j] = rest;
    });
    if (op.in(0).size() == 0)
      for (int64_t j = 0; j < op.in(1).size(); ++j) dy[j] = 0;
    return {};
  }
};

template <bool kPadded>
Status check_inputs(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  if (!kPadded) return in.want_same_shape(0, 1);
  const Shape &x = in.shape(0), &y = in.shape(1);
  PF_CHECK(x.rank() > 0 && x.rank() == y.rank() && x[0] == y[0], shape,
           "X and Y must have equally many dimensions and rows; X is ", x, ", Y is ", y);
  return {};
}

template <bool kPadded>
Status forward_shape(Infer& in) {
  PF_TRY(check_inputs<kPadded>(in));
  in.set(0, Shape{results_of(in.args, in.shape(0))}, DType::kFloat);
  return {};
}

template <bool kPadded>
Status backward_shape(Infer& in) {
  PF_TRY(check_inputs<kPadded>(in));
  PF_TRY(in.want_dtype(2, DType::kFloat));
  const Shape expected{results_of(in.args, in.shape(0))};
  PF_CHECK(in.shape(2) == expected, shape, "dD must have the shape ", expected, ", found ", in.shape(2));
  for (int i = 0; i < 2; ++i) in.set(i, in.shape(i), DType::kFloat);
  return {};
}

void gradient(Gradient& g) {
  OpDef& op = g.op((g.args.def.type + "Gradient").c_str(), {g.I(0), g.I(1), g.GO(0)}, {g.GI(0), g.GI(1)});
  if (g.args.def.type == "DotProductWithPadding") {  // Caffe2 writes them out
    op.set("pad_value", g.args.f("pad_value"));
    op.set("replicate", g.args.i("replicate"));
  }
}

constexpr auto kForward = [](auto& op) {
  op.input("X", "float [N, …]; a vector has N rows of one element.")
      .input("Y", "float, as many rows.")
      .output("D", "float [N].")
      .grad(gradient);
};
constexpr auto kBackward = [](auto& op) {
  op.input("X", "The first tensor given to the operator.")
      .input("Y", "The second one.")
      .input("dD", "float [N], gradient of D.")
      .output("dX", "Gradient of X, its shape.")
      .output("dY", "Gradient of Y, its shape.")
      .no_grad();
};
constexpr auto kPadding = [](auto& op) {
  op.arg("pad_value", 0.f, "What the shorter row is filled up with.")
      .arg("replicate", false, "Repeat the shorter row instead, as often as it fits whole.");
};

PF_OP(L1Distance)
    .doc("The distance of each pair of rows, `D_i = sum_j |X_ij - Y_ij|`.")
    .with(kForward)
    .shape(forward_shape<false>)
    .cpu<Forward<Absolute>>();
PF_OP(L1DistanceGradient)
    .doc("Gradient of L1Distance: `dX_ij = dD_i sign(X_ij - Y_ij)`, `dY = -dX`.")
    .with(kBackward)
    .shape(backward_shape<false>)
    .cpu<Backward<Absolute>>();

PF_OP(CosineSimilarity)
    .doc(
        "The cosine of the angle of each pair of rows, `D_i = X_i Y_i / (|X_i| |Y_i|)`; squared lengths count as at "
        "least 1e-12.")
    .with(kForward)
    .shape(forward_shape<false>)
    .cpu<Forward<Cosine>>();
PF_OP(CosineSimilarityGradient)
    .doc("Gradient of CosineSimilarity: `dX = dD (Y / (|X| |Y|) - D X / |X|^2)`, and dY likewise.")
    .with(kBackward)
    .shape(backward_shape<false>)
    .cpu<Backward<Cosine>>();

PF_OP(DotProduct)
    .doc("The product of each pair of rows, `D_i = sum_j X_ij Y_ij`.")
    .with(kForward)
    .shape(forward_shape<false>)
    .cpu<Forward<Dot>>();
PF_OP(DotProductGradient)
    .doc("Gradient of DotProduct: `dX_i = dD_i Y_i`, `dY_i = dD_i X_i`.")
    .with(kBackward)
    .shape(backward_shape<false>)
    .cpu<Backward<Dot>>();

PF_OP(DotProductWithPadding)
    .doc("DotProduct of rows of different lengths: the shorter one is filled up with pad_value, or repeated.")
    .with(kForward)
    .with(kPadding)
    .shape(forward_shape<true>)
    .cpu<DotProductWithPadding>();
PF_OP(DotProductWithPaddingGradient)
    .doc("Gradient of DotProductWithPadding. What a repeated row does not reach gets 0.")
    .with(kBackward)
    .with(kPadding)
    .shape(backward_shape<true>)
    .cpu<DotProductWithPaddingGradient>();

}  // namespace
}  // namespace pf
