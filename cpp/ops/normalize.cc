// SPDX-License-Identifier: Apache-2.0
// Division by a length: Normalize (Euclidean), NormalizeL1; LpNorm, that length itself; NormalizePlanarYUV.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

// A tensor as lines along the axis: line k begins at begin(k), its elements lie `step` apart.
struct Lines {
  int64_t count, length, step;
  Lines(const Shape& x, const Args& args) {
    const int axis = x.axis(args.i("axis"));
    step = x.from(axis + 1), length = x[axis], count = x.upto(axis) * step;
  }
  int64_t begin(int64_t k) const { return k / step * step * length + k % step; }
};

template <class F>
void each_line(const Lines& lines, F f) {
  parallel_for(lines.count, 1 + 4096 / (lines.length + 1), [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) f(lines.begin(k));
  });
}

Status axis_shape(Infer& in) {
  PF_TRY(same_floats(in));
  PF_CHECK(in.shape(0).axis(in.args.i("axis")) >= 0, argument, "there is no axis ", in.args.i("axis"), " in the shape ",
           in.shape(0));
  return {};
}

double euclidean(const Lines& l, const float* x) {
  double sum = 0;
  for (int64_t j = 0; j < l.length; ++j) sum += double(x[j * l.step]) * x[j * l.step];
  const double length = std::sqrt(sum);
  return length < 1e-12 ? 1e-12 : length;
}

struct Normalize {
  Status run(OpRun& op) {
    const Lines l(op.in(0).shape(), op.args);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    each_line(l, [=](int64_t at) {
      const double length = euclidean(l, x + at);
      for (int64_t j = 0; j < l.length; ++j) y[at + j * l.step] = float(x[at + j * l.step] / length);
    });
    return {};
  }
};

struct NormalizeGradient {
  Status run(OpRun& op) {
    const Lines l(op.in(0).shape(), op.args);
    const float *x = op.in(0).data<float>(), *dy = op.in(1).data<float>();
    float* dx = op.out(0).data<float>();
    each_line(l, [=](int64_t at) {
      const double length = euclidean(l, x + at);
      double along = 0;
      for (int64_t j = at; j < at + l.length * l.step; j += l.step) along += double(x[j]) * dy[j];
      along /= length * length;
      for (int64_t j = at; j < at + l.length * l.step; j += l.step) dx[j] = float((dy[j] - along * x[j]) / length);
    });
    return {};
  }
};

struct NormalizeL1 {
  Status run(OpRun& op) {
    const Lines l(op.in(0).shape(), op.args);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    each_line(l, [=](int64_t at) {
      double length = 0;
      for (int64_t j = at; j < at + l.length * l.step; j += l.step) length += std::fabs(x[j]);
      for (int64_t j = at; j < at + l.length * l.step; j += l.step) y[j] = length != 0 ? float(x[j] / length) : 0.f;
    });
    return {};
  }
};

struct LpNorm {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float* x = op.in(0).data<float>();
    const bool square = op.args.i("p") == 2;
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += square ? double(x[i]) * x[i] : std::fabs(double(x[i]));
    op.out(0).data<float>()[0] = float(op.args.b("average") && n ? sum / double(n) : sum);
    return {};
  }
};

struct LpNormGradient {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float* x = op.in(0).data<float>();
    float *dx = op.out(0).data<float>(), d = op.in(1).data<float>()[0];
    if (op.args.b("average") && n) d /= float(n);
    const bool square = op.args.i("p") == 2;
    Cpu::each(op, n, [=](int64_t i) {
      constexpr float kTiny = 1e-12f;
      dx[i] = square ? 2.f * d * x[i] : x[i] > kTiny ? d : x[i] < -kTiny ? -d : 0.f;
    });
    return {};
  }
};

Status norm_shape(Infer& in) {
  const bool backward = in.inputs() > 1;
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  PF_CHECK(in.args.i("p") == 1 || in.args.i("p") == 2, argument, "p must be 1 or 2, found ", in.args.i("p"));
  PF_CHECK(!backward || in.shape(1).size() == 1, shape, "dY must be one number, found the shape ", in.shape(backward));
  in.set(0, backward ? in.shape(0) : Shape{1}, DType::kFloat);
  return {};
}

struct NormalizePlanarYUV {
  Status run(OpRun& op) {
    const Shape& shape = op.in(0).shape();
    const int64_t channels = shape[1], pixels = shape.from(2);
    const float *x = op.in(0).data<float>(), *mean = op.in(1).data<float>(), *stdev = op.in(2).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(shape[0] * channels, 1 + 8192 / (pixels + 1), [=](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const float m = mean[plane % channels], s = stdev[plane % channels];
        for (int64_t i = plane * pixels; i < (plane + 1) * pixels; ++i) y[i] = (x[i] - m) / s;
      }
    });
    return {};
  }
};

PF_OP(Normalize)
    .doc("Divides by the Euclidean length along one dimension, `Y = X / max(|X|, 1e-12)`.")
    .arg("axis", -1, "The dimension; negative counts from the end.")
    .input("X", "float, any shape that has the axis.")
    .output("Y", "Shape of X.")
    .shape(axis_shape)
    .grad([](Gradient& g) { g.op("NormalizeGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<Normalize>();

PF_OP(NormalizeGradient)
    .doc("Gradient of Normalize: `dX = (dY - X (X dY) / |X|^2) / |X|` along the dimension.")
    .arg("axis", -1, "As given to Normalize.")
    .input("X", "Input of Normalize.")
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .shape(axis_shape)
    .no_grad()
    .cpu<NormalizeGradient>();

PF_OP(NormalizeL1)
    .doc("Divides by the sum of the absolute values along one dimension; gives 0 where that is 0.")
    .arg("axis", -1, "The dimension; negative counts from the end.")
    .input("X", "float, any shape that has the axis.")
    .output("Y", "Shape of X.")
    .shape(axis_shape)
    .refuse_grad("Caffe2 defines none for NormalizeL1")
    .cpu<NormalizeL1>();

PF_OP(LpNorm)
    .doc("One number for a whole tensor: `sum |x|` for p 1, `sum x^2` (no root is taken) for p 2.")
    .arg("p", 2, "1 or 2.")
    .arg("average", false, "Divide by the number of elements.")
    .input("X", "float, any shape.")
    .output("Y", "float [1].")
    .shape(norm_shape)
    .grad([](Gradient& g) { g.op("LpNormGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<LpNorm>();

PF_OP(LpNormGradient)
    .doc("Gradient of LpNorm: `dY sign(x)` for p 1, `2 dY x` for p 2.")
    .arg("p", 2, "As given to LpNorm.")
    .arg("average", false, "As given to LpNorm.")
    .input("X", "Input of LpNorm.")
    .input("dY", "One number: gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .shape(norm_shape)
    .no_grad()
    .cpu<LpNormGradient>();

PF_OP(NormalizePlanarYUV)
    .doc("Subtracts the mean of each channel and divides by its standard deviation, `Y = (X - mean_c) / stdev_c`.")
    .input("X", "float [N, C, H, W].")
    .input("mean", "float [1, C].")
    .input("stdev", "float [1, C].")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_rank(0, 4));
      for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      for (int i = 1; i < 3; ++i)
        PF_CHECK(in.shape(i).rank() == 2 && in.shape(i)[0] >= 1 && in.shape(i)[1] == in.shape(0)[1], shape,
                 i == 1 ? "mean" : "stdev", " must have the shape [1, ", in.shape(0)[1], "], found ", in.shape(i));
      return same_as_first(in);
    })
    .refuse_grad("Caffe2 defines none for NormalizePlanarYUV")
    .cpu<NormalizePlanarYUV>();

}  // namespace
}  // namespace pf
