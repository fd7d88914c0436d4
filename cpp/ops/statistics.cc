// SPDX-License-Identifier: Apache-2.0
// What is kept of tensors that pass: Accumulate, AccumulateHistogram, Summarize.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

// The sum lives in the output blob, so its shape is left to the run: a planner must not put it where others write.
struct Accumulate {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Tensor& sum = op.out(0);
    const bool there = sum.dtype() == DType::kFloat && sum.shape() == x.shape();
    PF_TRY(op.resize(0, x.shape(), DType::kFloat));
    const float gamma = there ? op.args.f("gamma") : 0.f;
    const float* from = x.data<float>();
    float* y = sum.data<float>();
    for (int64_t i = 0; i < x.size(); ++i) y[i] = there ? from[i] + gamma * y[i] : from[i];
    return {};
  }
};

struct AccumulateHistogram {
  std::vector<int64_t> total;  // of all runs
  Status run(OpRun& op) {
    const float low = op.args.f("lower_bound"), high = op.args.f("upper_bound");
    const int64_t buckets = op.args.i("num_buckets");
    const float* x = op.in(0).data<float>();
    int64_t *now = op.out(0).data<int64_t>(), *all = op.out(1).data<int64_t>();
    if (total.empty()) total.resize(size_t(buckets + 2));
    for (int64_t b = 0; b < buckets + 2; ++b) now[b] = 0;
    for (int64_t i = 0; i < op.in(0).size(); ++i) {
      const float way = (x[i] - low) / (high - low) * float(buckets);
      const int64_t inside = way < float(buckets) ? int64_t(way) : buckets - 1;
      // A NaN is in none of the buckets between and counts as too large.
      ++now[x[i] < low ? 0 : x[i] < high ? 1 + inside : buckets + 1];
    }
    for (int64_t b = 0; b < buckets + 2; ++b) all[b] = total[size_t(b)] += now[b];
    return {};
  }
};

Status histogram_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  const int64_t buckets = in.args.i("num_buckets");
  PF_CHECK(buckets > 0 && buckets <= 1 << 24, argument, "num_buckets must be from 1 to ", 1 << 24, ", is ", buckets);
  PF_CHECK(in.args.f("lower_bound") < in.args.f("upper_bound"), argument, "lower_bound must be below upper_bound");
  in.set(0, Shape{buckets + 2}, DType::kInt64);
  in.set(1, Shape{buckets + 2}, DType::kInt64);
  return {};
}

struct Summarize {
  Status run(OpRun& op) {
    const float* x = op.in(0).data<float>();
    const int64_t n = op.in(0).size();
    float least = x[0], most = x[0];
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) {
      least = x[i] < least ? x[i] : least, most = x[i] > most ? x[i] : most;
      sum += x[i];
    }
    const double mean = sum / double(n);
    for (int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    if (op.outputs() == 0) return {};
    float* y = op.out(0).data<float>();
    y[0] = least, y[1] = most, y[2] = float(mean), y[3] = n > 1 ? float(std::sqrt(squares / double(n - 1))) : 0.f;
    return {};
  }
};

PF_OP(Accumulate)
    .doc("Adds X to what the output holds: `Y = X + gamma Y`. It starts as X, and again when X changes its shape.")
    .arg("gamma", 1.f, "What is kept of the sum so far.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X; keeps its contents between runs.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      return in.unknown();
    })
    .shape_unknown("the output is a state that lives in its blob")
    .refuse_grad("a sum over runs has no gradient")
    .cpu<Accumulate>();

PF_OP(AccumulateHistogram)
    .doc("Counts how many elements are in each of equal buckets, below the first and above the last.")
    .arg("lower_bound", 0.f, "Where the first bucket begins.")
    .arg("upper_bound", 1.f, "Where the last bucket ends; elements from here on are above it.")
    .arg("num_buckets", 1, "How many buckets there are between.")
    .input("X", "float, any shape.")
    .output("now", "int64 [num_buckets + 2]: the counts of X.")
    .output("all", "int64 [num_buckets + 2]: the counts of this operator's runs together.")
    .shape(histogram_shape)
    .refuse_grad("counts have no gradient")
    .cpu<AccumulateHistogram>();

PF_OP(Summarize)
    .doc("Smallest and largest element, mean and standard deviation (of a sample: by n - 1).")
    .arg("to_file", false, "Ignored: where output goes is for the host to say.")
    .input("X", "float, not empty.")
    .optional_output("Y", "float [4]: minimum, maximum, mean, standard deviation.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_CHECK(in.shape(0).size() > 0, shape, "there is nothing to summarize in an empty tensor, ", in.shape(0));
      in.set(0, Shape{4}, DType::kFloat);
      return {};
    })
    .refuse_grad("a summary has no gradient")
    .cpu<Summarize>();

}  // namespace
}  // namespace pf
