// SPDX-License-Identifier: Apache-2.0
// MomentumSGD, MomentumSGDUpdate and WeightedSum on CUDA: gradients are read in the form that convolutions leave them
// in, and a parameter that convolutions keep in a form of their own is written in that form too.
#include "device/cuda.h"
#include "device/order.h"

namespace pf {
namespace {

struct Step {
  Source gradient;
  const float *momentum, *rate, *parameter;
  float *new_gradient, *new_momentum, *new_parameter, mu;
  Target packed;
  bool nesterov;
  __device__ void operator()(int64_t i) const {
    const float old = momentum[i], m = mu * old + *rate * gradient(i);
    const float by = nesterov ? m + mu * (m - old) : m;
    if (parameter) {
      const float w = parameter[i] - by;
      new_parameter[i] = w;
      packed.store(i, w);
    }
    new_momentum[i] = m;
    new_gradient[i] = by;
  }
};

// Steps of several parameters in one launch. Each has blocks of its own.
constexpr int kMost = 48, kPerBlock = 2048;
template <class S>
struct Together {
  S step[kMost];
  int64_t size[kMost];
  unsigned first[kMost + 1];  // block
  int count;
};
template <class S>
__global__ void __launch_bounds__(cuda::kThreads) run_together(const __grid_constant__ Together<S> all) {
  int k = 0;
  while (blockIdx.x >= all.first[k + 1]) ++k;
  const int64_t begin = int64_t(blockIdx.x - all.first[k]) * kPerBlock;
  const int64_t end = begin + kPerBlock < all.size[k] ? begin + kPerBlock : all.size[k];
  for (int64_t i = begin + threadIdx.x; i < end; i += cuda::kThreads) all.step[k](i);
}

// Collects steps and launches them when there are enough.
template <class S>
class Launcher {
 public:
  explicit Launcher(OpRun& op) : op_(op) { all_.count = 0, all_.first[0] = 0; }
  void add(const S& step, int64_t size) {
    if (!size) return;
    const int k = all_.count++;
    all_.step[k] = step, all_.size[k] = size;
    all_.first[k + 1] = all_.first[k] + unsigned((size + kPerBlock - 1) / kPerBlock);
    if (all_.count == kMost) launch();
  }
  void launch() {
    if (!all_.count) return;
    run_together<<<all_.first[all_.count], cuda::kThreads, 0, device_of(op_).queue()>>>(all_);
    all_.count = 0;
  }

 private:
  OpRun& op_;
  Together<S> all_;
};

// An operator that does the work of others of its kind as well, whose inputs and outputs follow its own.
struct Joined {
  std::string type;
  int count = 1;
  explicit Joined(const Args& args) : type(args.def.type) {}
  bool absorb(const Args& next, int) {
    const bool joins = next.def.type == type;
    count += joins;
    return joins;
  }
};

struct Momentum : Joined {
  static constexpr bool kPicksForms = true;
  using Joined::Joined;

  Status prepare(OpRun& op, int in, int out, bool update, Step* step, int64_t* size) {
    const Shape shape = op.in(in).shape();
    View g;
    Step s{};
    PF_TRY(read_any(op, in, &g));
    s.gradient = Source(g, shape);
    PF_TRY(read_plain(op, in + 1, &s.momentum));
    PF_TRY(read_plain(op, in + 2, &s.rate));
    if (update) PF_TRY(read_plain(op, in + 3, &s.parameter));
    std::shared_ptr<Packed> packed;
    if (update && op.in_place(in + 3, out + 2) && op.in(in + 3).shape() == shape) packed = op.in(in + 3).packed();
    PF_TRY(write_plain(op, out, &s.new_gradient));
    PF_TRY(write_plain(op, out + 1, &s.new_momentum));
    if (update) PF_TRY(write_plain(op, out + 2, &s.new_parameter));
    if (packed) {
      s.packed.data = packed->memory->bytes(), s.packed.order = Order(shape, packed->form);
      s.packed.half = packed->form.half, packed->fresh = true;
    }
    s.mu = op.args.f("momentum"), s.nesterov = op.args.b("nesterov");
    *step = s, *size = shape.size();
    return {};
  }

  Status run(OpRun& op) {
    const int ins = op.inputs() / count, outs = op.outputs() / count;
    Launcher<Step> launcher(op);
    for (int k = 0; k < count; ++k) {
      Step step;
      int64_t size;
      PF_TRY(prepare(op, k * ins, k * outs, ins > 3, &step, &size));
      launcher.add(step, size);
    }
    launcher.launch();
    return {};
  }
};

// One or two terms, after y itself where `add` says so.
struct Terms {
  Source x0, x1;
  const float *w0, *w1;
  float* y;
  bool add;
  __device__ void operator()(int64_t i) const {
    float sum = add ? y[i] : 0.f;
    sum += x0(i) * *w0;
    if (w1) sum += x1(i) * *w1;
    y[i] = sum;
  }
};

struct WeightedSum : Joined {
  static constexpr bool kPicksForms = true;
  using Joined::Joined;

  Status term(OpRun& op, int i, Source* x, const float** w) {
    View v;
    PF_TRY(read_any(op, i, &v));
    *x = Source(v, op.in(i).shape());
    return read_plain(op, i + 1, w);
  }

  Status run(OpRun& op) {
    const int ins = op.inputs() / count;
    Launcher<Terms> launcher(op);
    for (int k = 0; k < count; ++k) {
      const int64_t size = op.in(k * ins).size();
      std::vector<Terms> all;
      for (int i = 0; i < ins; i += 4) {
        Terms t{};
        PF_TRY(term(op, k * ins + i, &t.x0, &t.w0));
        if (i + 2 < ins) PF_TRY(term(op, k * ins + i + 2, &t.x1, &t.w1));
        t.add = i > 0;
        all.push_back(t);
      }
      float* y;
      PF_TRY(write_plain(op, k, &y));
      for (Terms& t : all) {
        t.y = y;
        launcher.add(t, size);
        if (all.size() > 1) launcher.launch();  // each continues the one before it
      }
    }
    launcher.launch();
    return {};
  }
};

PF_CUDA_OP(MomentumSGD, Momentum);
PF_CUDA_OP(MomentumSGDUpdate, Momentum);
PF_CUDA_OP(WeightedSum, WeightedSum);

}  // namespace
}  // namespace pf
