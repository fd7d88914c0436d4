// SPDX-License-Identifier: Apache-2.0
// YellowFin: momentum descent that tunes its learning rate and momentum by the gradients it sees (Zhang and Mitliagkas,
// "YellowFin and the art of momentum tuning", 2017).
// build: loops
#include <cmath>

#include "math/copy.h"
#include "math/reduce.h"

namespace pf {
namespace {

enum Port { kParam, kMoment, kLr, kMu, kWindow, kGradientMean, kSquareMean, kScalars, kGradient, kIter };
enum Scalar { kNorm, kSquareNorm, kLeast, kMost, kDistance, kScalarCount };

// Averages that fade by beta, and what a start at 0 makes them too small by.
struct Average {
  float beta, debias;
  float operator()(float& mean, float x) const {
    mean = beta * mean + (1 - beta) * x;
    return debias * mean;
  }
};

float at_least(float x, float least) { return x > least ? x : least; }

// The momentum at which the noisy quadratic is contracted fastest: a cubic's root, or what its curvature demands.
void tune(const Average& average, float least, float most, float distance, float variance, float* lr, float* mu) {
  const float ratio = std::sqrt(most / least), limit = (ratio - 1) / (ratio + 1);
  const float reach = distance * least, p = reach * reach / (2 * variance);
  const float cube = (-std::sqrt(p * p + 4.f / 27.f * p * p * p) - p) / 2;
  const float w = (cube > 0 ? 1.f : -1.f) * std::pow(std::fabs(cube), 1.f / 3.f);
  const float root = w - p / 3 / w + 1;
  const float best = at_least(root * root, limit * limit), rest = 1 - std::sqrt(best);
  (void)average(*mu, best);
  (void)average(*lr, rest * rest / least);
}

struct YellowFin {
  Status run(OpRun& op) {
    for (int i = kParam; i <= kScalars; ++i) copy_elements<Cpu>(op, op.in(i), op.out(i));
    const int64_t iter = op.in(kIter).data<int64_t>()[0], width = op.args.i("curv_win_width");
    PF_CHECK(iter >= 1, value, "the iteration counts from 1, is ", iter);
    const int64_t n = op.in(kGradient).size();
    const float* g = op.in(kGradient).data<float>();
    float *lr = op.out(kLr).data<float>(), *mu = op.out(kMu).data<float>();
    descend(n, *lr, *mu, op.args.b("nesterov"), g, op.out(kMoment).data<float>(), op.out(kParam).data<float>());

    const float epsilon = op.args.f("epsilon"), beta = op.args.f("beta");
    const Average average = {beta, op.args.b("zero_debias") ? 1.f / (1.f - std::pow(beta, float(iter))) : 1.f};
    float *scalar = op.out(kScalars).data<float>(), *window = op.out(kWindow).data<float>();
    float *mean = op.out(kGradientMean).data<float>(), *square_mean = op.out(kSquareMean).data<float>();
    double mean_square = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float unbiased = average(mean[i], g[i]);
      (void)average(square_mean[i], g[i] * g[i]);
      mean_square += double(unbiased) * unbiased;
    }
    const float square_norm = at_least(dot(n, g, g), epsilon);
    const float unbiased_square_norm = average(scalar[kSquareNorm], square_norm);
    (void)average(scalar[kNorm], std::sqrt(square_norm));

    window[(iter - 1) % width] = std::log(square_norm);
    float least = window[0], most = window[0];
    for (int64_t i = 1; i < width && i < iter; ++i)
      least = window[i] < least ? window[i] : least, most = window[i] > most ? window[i] : most;
    least = at_least(std::exp(average(scalar[kLeast], least)), epsilon);
    most = at_least(std::exp(average(scalar[kMost], most)), epsilon);
    const float variance = at_least(unbiased_square_norm - float(mean_square), epsilon);
    const float distance = average(scalar[kDistance], scalar[kNorm] / scalar[kSquareNorm]);
    if (iter > 1) tune(average, least, most, distance, variance, lr, mu);
    return {};
  }

  static void descend(int64_t n, float lr, float mu, bool nesterov, const float* g, float* moment, float* param) {
    parallel_for(n, Cpu::kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float before = moment[i], now = mu * before + lr * g[i];
        moment[i] = now;
        param[i] -= nesterov ? (1 + mu) * now - mu * before : now;
      }
    });
  }
};

Status yellow_fin_shape(Infer& in) {
  for (int i = kParam; i <= kGradient; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  for (int i : {kMoment, kGradientMean, kSquareMean, kGradient}) PF_TRY(in.want_same_shape(0, i));
  PF_TRY(in.want_dtype(kIter, DType::kInt64));
  const int64_t width = in.args.i("curv_win_width");
  PF_CHECK(in.shape(kLr).size() == 1 && in.shape(kMu).size() == 1 && in.shape(kIter).size() == 1, shape,
           "lr, mu and iter must be single numbers, have the shapes ", in.shape(kLr), ", ", in.shape(kMu), " and ",
           in.shape(kIter));
  PF_CHECK(width >= 1 && in.shape(kWindow).size() >= width, shape,
           "curv_win must have room for curv_win_width numbers, 1 or more: they are ", width, ", its shape is ",
           in.shape(kWindow));
  PF_CHECK(in.shape(kScalars).size() >= kScalarCount, shape, "scalars_memory must have ", int(kScalarCount),
           " elements, has the shape ", in.shape(kScalars));
  for (int i = kParam; i <= kScalars; ++i) in.set(i, in.shape(i), DType::kFloat);
  return {};
}

PF_OP(YellowFin)
    .doc(
        "One step of momentum descent, and the tuning of learning rate and momentum for the next one. The state is in "
        "the blobs that are both inputs and outputs, all 0 at first but lr and mu.")
    .arg("beta", 0.999f, "How slowly averages fade.")
    .arg("curv_win_width", 20, "Of how many gradients the extremes are kept.")
    .arg("epsilon", 1e-6f, "What norms and variances are at least.")
    .arg("nesterov", false, "Look ahead along the momentum.")
    .arg("zero_debias", true, "Correct averages for their start at 0.")
    .input("param", "float, any shape.")
    .input("moment", "Shape of param.")
    .input("lr", "float, one number.")
    .input("mu", "float, one number.")
    .input("curv_win", "float, at least curv_win_width numbers.")
    .input("g_avg", "Shape of param.")
    .input("g2_avg", "Shape of param.")
    .input("scalars_memory", "float [5].")
    .input("grad", "Shape of param.")
    .input("iter", "int64, one number: 1 for the first step.")
    .output("param", "The new parameters.")
    .output("moment", "The new momentum.")
    .output("lr", "The learning rate for the next step.")
    .output("mu", "The momentum coefficient for the next step.")
    .output("curv_win", "State.")
    .output("g_avg", "State.")
    .output("g2_avg", "State.")
    .output("scalars_memory", "State.")
    .with([](auto& op) {
      for (int i = 0; i < 8; ++i) op.inplace(i, i);
    })
    .shape(yellow_fin_shape)
    .refuse_grad("an optimizer's step has no gradient")
    .cpu<YellowFin>();

}  // namespace
}  // namespace pf
