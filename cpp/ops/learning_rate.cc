// SPDX-License-Identifier: Apache-2.0
// LearningRate: base_lr times a factor that depends on the iteration, by one of Caffe2's policies.
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

enum class Kind {
  kFixed, kAlter, kHill, kSlope, kStep, kExp, kGate, kInv, kPoly, kLinearWarmup, kConstantWarmup, kPieceWarmup,
  kCyclical, kCosine, kConstantThenLinearWarmup, kCompositeCyclical, kCompositeCosine, kComposite, kCount,
};
constexpr const char* kNames[] = {
    "fixed", "alter", "hill", "slope", "step", "exp", "gate", "inv", "poly", "linearWarmup", "constantWarmup",
    "pieceWarmup", "cyclical", "cosine", "constantThenLinearWarmup", "compositeCyclical", "compositeCosine", "composite"};
static_assert(sizeof(kNames) / sizeof(kNames[0]) == size_t(Kind::kCount));

// The arguments of a policy; those of part k of a composite begin with "sub_policy_<k>_".
class PolicyArgs {
 public:
  PolicyArgs(const Args& args, std::string prefix) : args_(args), prefix_(std::move(prefix)) {}

  float f(const char* name) const { return f(name, number(name)); }
  float f(const char* name, double otherwise) const {
    const Argument* a = given(name);
    return !a ? float(otherwise) : a->has_f ? a->f : float(a->i);
  }
  int64_t i(const char* name) const {
    const Argument* a = given(name);
    return !a ? int64_t(number(name)) : a->has_i ? a->i : int64_t(a->f);
  }
  std::string_view policy() const {
    const Argument* a = given("policy");
    return a ? std::string_view(a->s) : "";
  }
  std::string name(const char* of) const { return prefix_ + of; }

 private:
  const Argument* given(const char* name) const { return args_.def.find(prefix_ + name); }
  double number(const char* name) const {
    const ArgSpec* spec = args_.schema.find_arg(name);
    return spec ? spec->number : 0;
  }
  const Args& args_;
  std::string prefix_;
};

// A policy read from its arguments. The fields mean what the arguments of the same names do; `gamma` is also decay,
// t_mult's companion lr_shrink is `shrink`.
struct Policy {
  Kind kind = Kind::kFixed;
  int64_t period[2] = {};     // stepsize, num_iter, max_iter, active and inactive period
  float value[5] = {};        // multipliers, gamma, power, bounds
  int64_t constant_iters = 0, linear_iters = 0;  // the warm-up before compositeCyclical and compositeCosine
  float warmup = 1;
  int64_t until = INT64_MAX;  // as a part of a composite: the iteration where the next part begins
  float scale = 1;
};

float power(float base, double exponent) { return float(std::pow(double(base), exponent)); }

float warm_up(float start, int64_t iters, int64_t iter) {
  return iter >= iters ? 1.f : start + (1.f - start) * float(iter) / float(iters);
}

float constant_then_linear(const Policy& p, int64_t iter) {
  return iter < p.constant_iters ? p.warmup : warm_up(p.warmup, p.linear_iters, iter - p.constant_iters);
}

float inverse(float gamma, float exponent, int64_t iter) { return power(1.f + gamma * float(iter), -exponent); }

// A triangle of width 2 * stepsize between base_lr and max_lr, lower by `decay` with each.
float cyclical(const Policy& p, float base_lr, int64_t iter) {
  const int64_t step = p.period[0], cycle = iter / (2 * step);
  const float x = std::fabs(float(iter) / float(step) - float(2 * cycle + 1));
  const float height = std::fabs(p.value[0]) / std::fabs(base_lr) - 1.f;
  return 1.f + height * (x < 1.f ? 1.f - x : 0.f) * power(p.value[1], double(cycle));
}

// Half a cosine from max_lr to min_lr in each period; periods grow by t_mult, bounds shrink by lr_shrink.
float cosine(const Policy& p, int64_t iter) {
  const double grow = p.value[2], period = double(p.period[0]);
  double turn, length = period, at;
  if (grow != 1) {
    turn = std::floor(std::log(1 - double(iter) / period * (1 - grow)) / std::log(grow));
    length = std::pow(grow, turn) * period;
    at = double(iter) - (1 - std::pow(grow, turn)) / (1 - grow) * period;
  } else {
    turn = std::floor(double(iter) / period);
    at = double(iter) - turn * period;
  }
  const double shrink = std::pow(double(p.value[3]), turn), low = p.value[0] * shrink, high = p.value[1] * shrink;
  constexpr double kPi = 3.14159265358979323846;
  return float(low + 0.5 * (high - low) * (1 + std::cos(kPi * at / length)));
}

float slope(const Policy& p, int64_t iter) {
  if (iter < p.period[0]) return p.value[0];
  const float along = float(iter - p.period[0]) / float(p.period[1] - p.period[0]);
  const float line = p.value[0] + along * (p.value[1] - p.value[0]);
  return line > p.value[1] ? line : p.value[1];
}

float factor(const Policy& p, float base_lr, int64_t iter) {
  const int64_t after_warm_up = iter - p.constant_iters - p.linear_iters;
  switch (p.kind) {
    case Kind::kAlter: {
      const bool active_first = p.value[0] != 0;
      const bool first = iter % (p.period[0] + p.period[1]) < p.period[active_first ? 0 : 1];
      return first == active_first ? 1.f : 0.f;
    }
    case Kind::kHill: {
      if (iter < p.period[0]) return warm_up(p.value[0], p.period[0], iter);
      const float falling = inverse(p.value[1], p.value[2], iter - p.period[0]);
      return falling > p.value[3] ? falling : p.value[3];
    }
    case Kind::kSlope: return slope(p, iter);
    case Kind::kStep: return power(p.value[0], double(iter / p.period[0]));
    case Kind::kExp: return power(p.value[0], double(iter));
    case Kind::kGate: return iter >= p.period[0] ? p.value[1] : p.value[0];
    case Kind::kInv: return inverse(p.value[0], p.value[1], iter);
    // max_iter is unsigned in Caffe2: not given (-1) it is never reached.
    case Kind::kPoly: return power(1.f - float(iter) / float(uint64_t(p.period[0])), p.value[0]);
    case Kind::kLinearWarmup: return warm_up(p.value[0], p.period[0], iter);
    case Kind::kConstantWarmup: return iter >= p.period[0] ? 1.f : p.value[0];
    case Kind::kPieceWarmup: return iter < p.period[0] ? p.value[0] : iter < p.period[1] ? p.value[1] : p.value[2];
    case Kind::kCyclical: return cyclical(p, base_lr, iter);
    case Kind::kCosine: return cosine(p, iter);
    case Kind::kConstantThenLinearWarmup: return constant_then_linear(p, iter);
    case Kind::kCompositeCyclical: return after_warm_up < 0 ? constant_then_linear(p, iter) : cyclical(p, base_lr, after_warm_up);
    case Kind::kCompositeCosine: return after_warm_up < 0 ? constant_then_linear(p, iter) : cosine(p, after_warm_up);
    default: return 1.f;
  }
}

void read_warm_up(const PolicyArgs& args, Policy* p) {
  p->warmup = args.f("start_warmup_multiplier");
  p->constant_iters = args.i("constant_warmup_num_iter");
  p->linear_iters = args.i("linear_warmup_num_iter");
}

void read_cyclical(const PolicyArgs& args, const char* max_lr, double otherwise, const char* step, const char* decay, Policy* p) {
  p->period[0] = args.i(step);
  p->value[0] = args.f(max_lr, otherwise), p->value[1] = args.f(decay);
}

void read_fields(const PolicyArgs& args, Policy* p) {
  float* v = p->value;
  switch (p->kind) {
    case Kind::kAlter:
      v[0] = float(args.i("active_first"));
      p->period[0] = args.i("active_period"), p->period[1] = args.i("inactive_period");
      break;
    case Kind::kHill:
      p->period[0] = args.i("num_iter");
      v[0] = args.f("start_multiplier"), v[1] = args.f("gamma"), v[2] = args.f("power"), v[3] = args.f("end_multiplier");
      break;
    case Kind::kSlope:
      p->period[0] = args.i("num_iter_1"), p->period[1] = args.i("num_iter_2");
      v[0] = args.f("multiplier_1", 0), v[1] = args.f("multiplier_2", 0);
      break;
    case Kind::kStep: p->period[0] = args.i("stepsize"), v[0] = args.f("gamma"); break;
    case Kind::kExp: v[0] = args.f("gamma"); break;
    case Kind::kGate:
      p->period[0] = args.i("num_iter");
      v[0] = args.f("multiplier_1", 1), v[1] = args.f("multiplier_2", 1);
      break;
    case Kind::kInv: v[0] = args.f("gamma"), v[1] = args.f("power"); break;
    case Kind::kPoly: p->period[0] = args.i("max_iter"), v[0] = args.f("power"); break;
    case Kind::kLinearWarmup: p->period[0] = args.i("num_iter"), v[0] = args.f("start_multiplier"); break;
    case Kind::kConstantWarmup: p->period[0] = args.i("num_iter"), v[0] = args.f("multiplier"); break;
    case Kind::kPieceWarmup:
      p->period[0] = args.i("n1"), p->period[1] = args.i("n2");
      v[0] = args.f("m1"), v[1] = args.f("m2"), v[2] = args.f("m3");
      break;
    case Kind::kCompositeCyclical:
      read_warm_up(args, p);
      read_cyclical(args, "cyclical_max_lr", 0.05, "cyclical_step_size", "cyclical_decay", p);
      break;
    case Kind::kCyclical: read_cyclical(args, "max_lr", 0.005, "stepsize", "decay", p); break;
    case Kind::kCompositeCosine:
      read_warm_up(args, p);
      p->period[0] = args.i("cosine_period");
      v[0] = args.f("cosine_min_lr"), v[1] = args.f("cosine_max_lr"), v[2] = args.f("cosine_t_mult"), v[3] = args.f("cosine_lr_shrink");
      break;
    case Kind::kCosine:
      p->period[0] = args.i("period");
      v[0] = args.f("min_lr"), v[1] = args.f("max_lr", 0.5), v[2] = args.f("t_mult"), v[3] = args.f("lr_shrink");
      break;
    case Kind::kConstantThenLinearWarmup: read_warm_up(args, p); break;
    default: break;
  }
}

// What would divide by zero or read past a period.
Status check_fields(const PolicyArgs& args, const Policy& p) {
  const char* length = nullptr;  // the argument that must be positive
  switch (p.kind) {
    case Kind::kStep:
    case Kind::kCyclical: length = "stepsize"; break;
    case Kind::kCompositeCyclical: length = "cyclical_step_size"; break;
    case Kind::kCosine: length = "period"; break;
    case Kind::kCompositeCosine: length = "cosine_period"; break;
    case Kind::kHill: length = "num_iter"; break;
    default: break;
  }
  if (length)
    PF_CHECK(p.period[0] > 0, argument, "policy ", kNames[int(p.kind)], " needs a positive ", args.name(length), ", found ", p.period[0]);
  if (p.kind == Kind::kAlter)
    PF_CHECK(p.period[0] >= 0 && p.period[1] >= 0 && p.period[0] + p.period[1] > 0, argument, "policy alter needs ",
             args.name("active_period"), " and ", args.name("inactive_period"), ", one of them positive");
  if (p.kind == Kind::kSlope)
    PF_CHECK(p.period[1] > p.period[0] && p.period[0] > 0, argument, "policy slope needs 0 < ", args.name("num_iter_1"), " < ",
             args.name("num_iter_2"), ", found ", p.period[0], " and ", p.period[1]);
  return {};
}

Status read_policy(const PolicyArgs& args, Policy* p) {
  const std::string_view name = args.policy();
  PF_CHECK(!name.empty(), argument, "argument \"", args.name("policy"), "\" is missing");
  int k = 0;
  while (k < int(Kind::kCount) && name != kNames[k]) ++k;
  if (k == int(Kind::kCount)) {
    std::string known = kNames[0];
    for (int i = 1; i < int(Kind::kCount); ++i) append(known, {", ", kNames[i]});
    return fail(Code::argument, {"there is no learning rate policy \"", name, "\" (policies: ", known, ")"});
  }
  p->kind = Kind(k);
  read_fields(args, p);
  return check_fields(args, *p);
}

// One policy, or the parts of a composite in their order.
Status read_policies(const Args& args, std::vector<Policy>* out) {
  Policy whole;
  PF_TRY(read_policy(PolicyArgs(args, ""), &whole));
  if (whole.kind != Kind::kComposite) return out->push_back(whole), Status();
  const std::vector<int64_t>& iters = args.ints("sub_policy_num_iters");
  PF_CHECK(!iters.empty(), argument, "policy composite needs sub_policy_num_iters: how long each of its parts lasts");
  int64_t end = 1;
  for (size_t k = 0; k < iters.size(); ++k) {
    PF_CHECK(iters[k] > 0, argument, "sub_policy_num_iters must be positive, found ", iters[k]);
    const PolicyArgs part(args, text("sub_policy_", k, "_"));
    Policy p;
    PF_TRY(read_policy(part, &p));
    PF_CHECK(p.kind != Kind::kComposite, argument, "a part of a composite policy may not be a composite itself");
    end += iters[k];
    p.until = k + 1 < iters.size() ? end : INT64_MAX;
    p.scale = part.f("lr_scale", 1);
    out->push_back(p);
  }
  return {};
}

struct LearningRate {
  float base_lr;
  std::vector<Policy> policies;
  explicit LearningRate(const Args& args) : base_lr(args.f("base_lr")) {
    // The shape function reports what is wrong, before the first run.
    if (!read_policies(args, &policies).ok()) policies.clear();
  }
  Status run(OpRun& op) {
    const int64_t iter = op.in(0).data<int64_t>()[0];
    size_t k = 0;
    while (iter >= policies[k].until) ++k;
    op.out(0).data<float>()[0] = base_lr * factor(policies[k], base_lr, iter) * policies[k].scale;
    return {};
  }
};

PF_OP(LearningRate)
    .doc("The learning rate of an iteration: `base_lr` times a factor by `policy`. WeightedSum, Adam and Adagrad add "
         "what they compute, so they want a negative rate; MomentumSGDUpdate subtracts.\n"
         "fixed: 1. step: `gamma ^ floor(iter / stepsize)`. exp: `gamma ^ iter`. inv: `(1 + gamma iter) ^ -power`. poly: "
         "`(1 - iter / max_iter) ^ power`. linearWarmup: from start_multiplier to 1 in num_iter, then 1. constantWarmup: "
         "multiplier for num_iter, then 1. pieceWarmup: m1 until n1, m2 until n2, then m3. gate: multiplier_1 for num_iter, "
         "then multiplier_2. slope: multiplier_1 until num_iter_1, then a line that falls to multiplier_2 at num_iter_2 and ends there. hill: "
         "linearWarmup for num_iter, then inv, at least end_multiplier. alter: 1 for active_period, 0 for inactive_period, "
         "and so on. cyclical: triangles between base_lr and max_lr, 2 stepsize wide. cosine: from max_lr to min_lr in "
         "each period. constantThenLinearWarmup: start_warmup_multiplier, then a line to 1; compositeCyclical and "
         "compositeCosine go on with those. composite: policies one after another; part k has its arguments as "
         "sub_policy_<k>_policy and so on, and a factor sub_policy_<k>_lr_scale.")
    .required_arg("base_lr", ArgType::kFloat, "The rate that the policy scales.")
    .required_arg("policy", ArgType::kString, "Name of the policy.")
    .arg("gamma", 0.f, "step, exp, inv, hill: base of the power, or its slope.")
    .arg("power", 0.f, "inv, poly, hill: the exponent.")
    .arg("stepsize", 0, "step: iterations of a step; cyclical: half the width of a triangle.")
    .arg("max_iter", -1, "poly: the iteration where the rate is 0.")
    .arg("num_iter", 0, "linearWarmup, constantWarmup, gate, hill: iterations of the first stage.")
    .arg("start_multiplier", 0.f, "linearWarmup, hill: factor of iteration 0.")
    .arg("end_multiplier", 0.f, "hill: the least factor.")
    .arg("multiplier", 0.5f, "constantWarmup: factor of the first stage.")
    .optional_arg("multiplier_1", ArgType::kFloat, "gate (default 1), slope (default 0): the first factor.")
    .optional_arg("multiplier_2", ArgType::kFloat, "gate (default 1), slope (default 0): the second factor.")
    .arg("num_iter_1", 0, "slope: iteration where the line begins.")
    .arg("num_iter_2", 0, "slope: iteration where the line ends.")
    .arg("m1", 0.5f, "pieceWarmup: the first factor.")
    .arg("n1", 0, "pieceWarmup: iteration where the second begins.")
    .arg("m2", 0.5f, "pieceWarmup: the second factor.")
    .arg("n2", 0, "pieceWarmup: iteration where the third begins.")
    .arg("m3", 0.5f, "pieceWarmup: the third factor.")
    .arg("active_first", true, "alter: begin with the active period.")
    .arg("active_period", -1, "alter: iterations with factor 1.")
    .arg("inactive_period", -1, "alter: iterations with factor 0.")
    .optional_arg("max_lr", ArgType::kFloat, "cyclical (default 0.005): the rate at the top; cosine (default 0.5): the first factor.")
    .arg("decay", 1.f, "cyclical: factor of the height from one triangle to the next.")
    .arg("min_lr", 0.1f, "cosine: factor at the end of a period.")
    .arg("period", 50, "cosine: iterations of the first period.")
    .arg("t_mult", 1.f, "cosine: how much longer each period is.")
    .arg("lr_shrink", 0.99f, "cosine: how much lower each period is.")
    .arg("start_warmup_multiplier", 0.1f, "constantThenLinearWarmup, compositeCyclical, compositeCosine: the first factor.")
    .arg("constant_warmup_num_iter", 10000000, "The same: iterations of the first factor.")
    .arg("linear_warmup_num_iter", 10000000, "The same: iterations of the line to 1.")
    .optional_arg("cyclical_max_lr", ArgType::kFloat, "compositeCyclical (default 0.05): as max_lr.")
    .arg("cyclical_step_size", 1000000, "compositeCyclical: as stepsize.")
    .arg("cyclical_decay", 1.f, "compositeCyclical: as decay.")
    .arg("cosine_max_lr", 0.5f, "compositeCosine: as max_lr.")
    .arg("cosine_min_lr", 0.1f, "compositeCosine: as min_lr.")
    .arg("cosine_period", 50, "compositeCosine: as period.")
    .arg("cosine_t_mult", 1.f, "compositeCosine: as t_mult.")
    .arg("cosine_lr_shrink", 0.99f, "compositeCosine: as lr_shrink.")
    .optional_arg("sub_policy_num_iters", ArgType::kInts, "composite: how many iterations each part lasts; the last goes on.")
    .input("iter", "int64, the iteration, as Iter and AtomicIter keep it.")
    .output("rate", "float scalar.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kInt64));
      PF_CHECK(in.shape(0).size() > 0, shape, "iter must have an element, found the shape ", in.shape(0));
      std::vector<Policy> policies;
      PF_TRY(read_policies(in.args, &policies));
      in.set(0, Shape{}, DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<LearningRate>();

}  // namespace
}  // namespace pf
