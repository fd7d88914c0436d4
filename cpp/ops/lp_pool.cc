// SPDX-License-Identifier: Apache-2.0
// LpPool: the p-norm of each window of each channel, (sum |x|^p)^(1/p); and its gradient.
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/conv_geometry.h"

namespace pf {
namespace {

// Channels as [count][rows][columns] with `depth` floats between columns: NHWC has depth C and interleaved planes.
struct Geometry {
  Window w;
  int64_t batch, channels, step;
  bool last;

  Status read(const WindowArgs& args, const Shape& x) {
    PF_TRY(pool_window(args, x, 2, &w));
    const Activation a(x, args.channels_last);
    batch = a.batch, channels = a.channels, last = args.channels_last;
    step = last ? channels : 1;
    return {};
  }
  int64_t plane(int64_t k, int64_t size) const {
    return last ? k / channels * channels * size + k % channels : k * size;
  }
};

// The part of dimension d that window `o` covers.
struct Range {
  int64_t begin, end;
  Range(const Window& w, int d, int64_t o) : begin(o * w.stride[d] - w.pad_head[d]), end(begin + w.kernel[d]) {
    if (begin < 0) begin = 0;
    if (end > w.in[d]) end = w.in[d];
  }
};

// f(index of the output, its rows, its columns) for each window of plane k.
template <class F>
void each_window(const Geometry& g, int64_t k, F f) {
  const int64_t base = g.plane(k, g.w.out_size);
  for (int64_t i = 0; i < g.w.out[0]; ++i)
    for (int64_t j = 0; j < g.w.out[1]; ++j)
      f(base + (i * g.w.out[1] + j) * g.step, Range(g.w, 0, i), Range(g.w, 1, j));
}

template <class F>
void each_plane(const Geometry& g, F f) {
  parallel_for(g.batch * g.channels, 1 + 1024 / (g.w.in_size + 1), [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) f(k);
  });
}

struct LpPool {
  WindowArgs window;
  float p;
  explicit LpPool(const Args& args) : window(args), p(args.f("p")) {}
  Status run(OpRun& op) {
    Geometry g;
    PF_TRY(g.read(window, op.in(0).shape()));
    const float *x = op.in(0).data<float>(), p = this->p;
    float* y = op.out(0).data<float>();
    each_plane(g, [=, &g](int64_t k) {
      const float* in = x + g.plane(k, g.w.in_size);
      each_window(g, k, [=, &g](int64_t o, Range rows, Range columns) {
        double sum = 0;
        for (int64_t i = rows.begin; i < rows.end; ++i)
          for (int64_t j = columns.begin; j < columns.end; ++j)
            sum += std::pow(std::fabs(in[(i * g.w.in[1] + j) * g.step]), p);
        y[o] = float(std::pow(sum, 1 / double(p)));
      });
    });
    return {};
  }
};

struct LpPoolGradient {
  WindowArgs window;
  float p;
  explicit LpPoolGradient(const Args& args) : window(args), p(args.f("p")) {}
  Status run(OpRun& op) {
    Geometry g;
    PF_TRY(g.read(window, op.in(0).shape()));
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *dy = op.in(2).data<float>(), p = this->p;
    float* dx = op.out(0).data<float>();
    each_plane(g, [=, &g](int64_t k) {
      const int64_t base = g.plane(k, g.w.in_size);
      for (int64_t i = 0; i < g.w.in_size; ++i) dx[base + i * g.step] = 0;
      each_window(g, k, [=, &g](int64_t o, Range rows, Range columns) {
        if (y[o] == 0) return;  // every x is 0
        const float factor = dy[o] / std::pow(y[o], p - 1);
        for (int64_t i = rows.begin; i < rows.end; ++i) {
          for (int64_t j = columns.begin; j < columns.end; ++j) {
            const int64_t at = base + (i * g.w.in[1] + j) * g.step;
            if (x[at] != 0) dx[at] += factor * x[at] * std::pow(std::fabs(x[at]), p - 2);
          }
        }
      });
    });
    return {};
  }
};

Status pool_shape(Infer& in) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  PF_CHECK(in.args.f("p") > 0, argument, "p must be positive, found ", in.args.f("p"));
  WindowArgs window;
  PF_TRY(window.read(in.args));
  Geometry g;
  PF_TRY(g.read(window, in.shape(0)));
  const Shape y = activation_shape(g.batch, g.channels, 2, g.w.out, g.last);
  if (in.inputs() == 1) return in.set(0, y, DType::kFloat), Status();
  for (int i = 1; i < 3; ++i)
    PF_CHECK(in.shape(i) == y, shape, i == 1 ? "Y" : "dY", " needs the shape of the pooled output, ", y,
             "; its shape is ", in.shape(i));
  return same_as_first(in);
}

constexpr auto kArguments = [](auto& op) {
  op.with(window_arguments)
      .with(dilation_arguments)
      .arg("global_pooling", false, "One window, as large as the input.")
      .arg("p", 2.f, "The exponent.");
};

PF_OP(LpPool)
    .doc("The p-norm over windows, `Y = (sum |x|^p)^(1/p)`.")
    .with(kArguments)
    .input("X", "float [N, C, H, W] or [N, H, W, C] by order.")
    .output("Y", "X with each spatial dimension (in + pads - kernel) / stride + 1, rounded down.")
    .shape(pool_shape)
    .grad([](Gradient& g) { g.op("LpPoolGradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<LpPool>();

PF_OP(LpPoolGradient)
    .doc("Gradient of LpPool: `dX = sum over windows of dY x |x|^(p-2) / Y^(p-1)`, 0 where x is 0.")
    .with(kArguments)
    .input("X", "Input of LpPool.")
    .input("Y", "Its output.")
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .shape(pool_shape)
    .no_grad()
    .cpu<LpPoolGradient>();

}  // namespace
}  // namespace pf
