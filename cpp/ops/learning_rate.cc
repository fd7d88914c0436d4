// SPDX-License-Identifier: Apache-2.0
// LearningRate: base_lr times a factor that depends on the iteration, by one of Caffe2's policies.
#include <cmath>

#include "core/op.h"
#include "core/scalar.h"

namespace pf {
namespace {

// The arguments of a policy. Those of part k of a composite have a prefix, "sub_policy_<k>_".
class PolicyArgs {
 public:
  explicit PolicyArgs(const Args& args, std::string_view prefix = "") : args_(args), prefix_(prefix) {}

  float f(const char* name) const { return f(name, default_of(name)); }
  float f(const char* name, double otherwise) const {
    const Argument* a = given(name);
    return !a ? float(otherwise) : a->has_f ? a->f : float(a->i);
  }
  int64_t i(const char* name) const {
    const Argument* a = given(name);
    return !a ? int64_t(default_of(name)) : a->has_i ? a->i : int64_t(a->f);
  }
  std::string_view policy() const {
    const Argument* a = given("policy");
    return a ? std::string_view(a->s) : "";
  }
  std::string name(const char* of) const { return text(prefix_, of); }
  float base_lr() const { return args_.f("base_lr"); }

 private:
  const Argument* given(std::string_view name) const {
    for (auto& a : args_.def.arg) {
      const std::string_view full = a.name;
      if (full.size() == prefix_.size() + name.size() && full.substr(0, prefix_.size()) == prefix_ &&
          full.substr(prefix_.size()) == name)
        return &a;
    }
    return nullptr;
  }
  double default_of(std::string_view name) const {
    const ArgSpec* spec = args_.schema.find_arg(name);
    return spec ? spec->number : 0;
  }
  const Args& args_;
  std::string_view prefix_;
};

float power(float base, double exponent) { return float(scalar_pow(double(base), exponent)); }

// From `start` at iteration 0 to 1 at iteration `iters`.
float warm_up(float start, int64_t iters, int64_t iter) {
  return iter >= iters ? 1.f : start + (1.f - start) * float(iter) / float(iters);
}

float inverse(const PolicyArgs& a, int64_t iter) { return power(1.f + a.f("gamma") * float(iter), -a.f("power")); }

float hill(const PolicyArgs& a, int64_t iter) {
  const int64_t top = a.i("num_iter");
  if (iter < top) return warm_up(a.f("start_multiplier"), top, iter);
  const float falling = inverse(a, iter - top), least = a.f("end_multiplier");
  return falling > least ? falling : least;
}

float slope(const PolicyArgs& a, int64_t iter) {
  const int64_t first = a.i("num_iter_1"), last = a.i("num_iter_2");
  const float from = a.f("multiplier_1", 0), to = a.f("multiplier_2", 0);
  if (iter < first) return from;
  const float line = from + float(iter - first) * (to - from) / float(last - first);
  return line > to ? line : to;
}

float alter(const PolicyArgs& a, int64_t iter) {
  const bool active_first = a.i("active_first") != 0;
  const int64_t active = a.i("active_period"), inactive = a.i("inactive_period");
  const bool in_first = iter % (active + inactive) < (active_first ? active : inactive);
  return in_first == active_first ? 1.f : 0.f;
}

// max_iter is unsigned in Caffe2: not given (-1) it is never reached.
float poly(const PolicyArgs& a, int64_t iter) {
  return power(1.f - float(iter) / float(uint64_t(a.i("max_iter"))), a.f("power"));
}

float piece_warm_up(const PolicyArgs& a, int64_t iter) {
  return a.f(iter < a.i("n1") ? "m1" : iter < a.i("n2") ? "m2" : "m3");
}

// A triangle of width 2 * step between base_lr and max_lr, lower by `decay` with each.
float triangles(float base_lr, float max_lr, int64_t step, float decay, int64_t iter) {
  const int64_t cycle = iter / (2 * step);
  const float x = std::fabs(float(iter) / float(step) - float(2 * cycle + 1));
  const float height = std::fabs(max_lr) / std::fabs(base_lr) - 1.f;
  return 1.f + height * (x < 1.f ? 1.f - x : 0.f) * power(decay, double(cycle));
}

// Half a cosine from `high` to `low` in each period; periods grow by `grow`, bounds shrink by `shrink`.
float half_cosines(float low, float high, int64_t period, float grow, float shrink, int64_t iter) {
  double turn = std::floor(double(iter) / double(period)), length = double(period), begin = turn * length;
  if (grow != 1) {
    turn = std::floor(scalar_log(1 - double(iter) / double(period) * (1 - grow)) / scalar_log(double(grow)));
    length = scalar_pow(double(grow), turn) * double(period);
    begin = (1 - scalar_pow(double(grow), turn)) / (1 - grow) * double(period);
  }
  const double bounds = scalar_pow(double(shrink), turn),
               share = 0.5 * (1 + cos_turns((double(iter) - begin) / length / 2));
  return float(bounds * (low + (high - low) * share));
}

int64_t warm_up_iters(const PolicyArgs& a) { return a.i("constant_warmup_num_iter") + a.i("linear_warmup_num_iter"); }

float constant_then_linear(const PolicyArgs& a, int64_t iter) {
  const float start = a.f("start_warmup_multiplier");
  const int64_t constant = a.i("constant_warmup_num_iter");
  return iter < constant ? start : warm_up(start, a.i("linear_warmup_num_iter"), iter - constant);
}

float composite_cyclical(const PolicyArgs& a, int64_t iter) {
  const int64_t after = iter - warm_up_iters(a);
  if (after < 0) return constant_then_linear(a, iter);
  return triangles(a.base_lr(), a.f("cyclical_max_lr"), a.i("cyclical_step_size"), a.f("cyclical_decay"), after);
}

float composite_cosine(const PolicyArgs& a, int64_t iter) {
  const int64_t after = iter - warm_up_iters(a);
  if (after < 0) return constant_then_linear(a, iter);
  return half_cosines(a.f("cosine_min_lr"), a.f("cosine_max_lr"), a.i("cosine_period"), a.f("cosine_t_mult"),
                      a.f("cosine_lr_shrink"), after);
}

using Factor = float (*)(const PolicyArgs&, int64_t iter);

struct Policy {
  const char* name;
  Factor factor;
  const char* positive = nullptr;  // an argument that must be, or the factor would divide by 0
};

constexpr Policy kPolicies[] = {
    {"fixed", [](const PolicyArgs&, int64_t) { return 1.f; }},
    {"alter", alter},
    {"hill", hill, "num_iter"},
    {"slope", slope, "num_iter_1"},
    {"step", [](const PolicyArgs& a, int64_t iter) { return power(a.f("gamma"), double(iter / a.i("stepsize"))); },
     "stepsize"},
    {"exp", [](const PolicyArgs& a, int64_t iter) { return power(a.f("gamma"), double(iter)); }},
    {"gate", [](const PolicyArgs& a,
                int64_t iter) { return a.f(iter < a.i("num_iter") ? "multiplier_1" : "multiplier_2", 1); }},
    {"inv", inverse},
    {"poly", poly},
    {"linearWarmup",
     [](const PolicyArgs& a, int64_t iter) { return warm_up(a.f("start_multiplier"), a.i("num_iter"), iter); }},
    {"constantWarmup",
     [](const PolicyArgs& a, int64_t iter) { return iter < a.i("num_iter") ? a.f("multiplier") : 1.f; }},
    {"pieceWarmup", piece_warm_up},
    {"cyclical",
     [](const PolicyArgs& a, int64_t iter) {
       return triangles(a.base_lr(), a.f("max_lr", 0.005), a.i("stepsize"), a.f("decay"), iter);
     },
     "stepsize"},
    {"cosine",
     [](const PolicyArgs& a, int64_t iter) {
       return half_cosines(a.f("min_lr"), a.f("max_lr", 0.5), a.i("period"), a.f("t_mult"), a.f("lr_shrink"), iter);
     },
     "period"},
    {"constantThenLinearWarmup", constant_then_linear},
    {"compositeCyclical", composite_cyclical, "cyclical_step_size"},
    {"compositeCosine", composite_cosine, "cosine_period"},
};

const Policy* find_policy(std::string_view name) {
  for (auto& policy : kPolicies)
    if (name == policy.name) return &policy;
  return nullptr;
}

Status check_policy(const PolicyArgs& args) {
  const Policy* policy = find_policy(args.policy());
  if (!policy) {
    std::string known;
    for (auto& p : kPolicies) append(known, p.name, ", ");
    return fail(Code::argument, "argument \"", args.name("policy"), "\" names no learning rate policy: \"",
                args.policy(), "\" (policies: ", known, "composite, which may not be nested)");
  }
  if (policy->positive)
    PF_CHECK(args.i(policy->positive) > 0, argument, "policy ", policy->name, " needs a positive ",
             args.name(policy->positive), ", found ", args.i(policy->positive));
  if (policy->factor == alter)
    PF_CHECK(args.i("active_period") >= 0 && args.i("inactive_period") >= 0 &&
                 args.i("active_period") + args.i("inactive_period") > 0,
             argument, "policy alter needs ", args.name("active_period"), " and ", args.name("inactive_period"),
             ", one of them positive");
  if (policy->factor == slope)
    PF_CHECK(args.i("num_iter_2") > args.i("num_iter_1"), argument, "policy slope needs ", args.name("num_iter_2"),
             " above ", args.name("num_iter_1"));
  return {};
}

// The prefix of the arguments of part k of a composite.
struct Prefix {
  char chars[40] = "sub_policy_";
  size_t length = 11;
  explicit Prefix(size_t k) {
    size_t unit = 1;
    while (k / unit >= 10) unit *= 10;
    for (; unit; unit /= 10) chars[length++] = char('0' + k / unit % 10);
    chars[length++] = '_';
  }
  operator std::string_view() const { return {chars, length}; }
};

Status check_composite(const Args& args) {
  const std::vector<int64_t>& iters = args.ints("sub_policy_num_iters");
  PF_CHECK(!iters.empty(), argument, "policy composite needs sub_policy_num_iters: how long each of its parts lasts");
  for (size_t k = 0; k < iters.size(); ++k) {
    PF_CHECK(iters[k] > 0, argument, "sub_policy_num_iters must be positive, found ", iters[k]);
    PF_TRY(check_policy(PolicyArgs(args, Prefix(k))));
  }
  return {};
}

// The part that iteration `iter` belongs to; the first begins with iteration 1, the last does not end.
float composite(const Args& args, int64_t iter) {
  const std::vector<int64_t>& iters = args.ints("sub_policy_num_iters");
  size_t k = 0;
  for (int64_t end = 1 + iters[0]; k + 1 < iters.size() && iter >= end; end += iters[k]) ++k;
  const Prefix prefix(k);
  const PolicyArgs part(args, prefix);
  return find_policy(part.policy())->factor(part, iter) * part.f("lr_scale", 1);
}

struct LearningRate {
  Status run(OpRun& op) {
    const int64_t iter = op.in(0).data<int64_t>()[0];
    const Policy* policy = find_policy(op.args.s("policy"));
    const float factor = policy ? policy->factor(PolicyArgs(op.args), iter) : composite(op.args, iter);
    op.out(0).data<float>()[0] = op.args.f("base_lr") * factor;
    return {};
  }
};

PF_OP(LearningRate)
    .doc(
        "The learning rate of an iteration: `base_lr` times a factor by `policy`. WeightedSum, Adam and "
        "Adagrad add what they compute, so they want a negative rate; MomentumSGDUpdate subtracts.\n"
        "fixed: 1. step: `gamma ^ floor(iter / stepsize)`. exp: `gamma ^ iter`. inv: `(1 + gamma iter) ^ "
        "-power`. poly: `(1 - iter / max_iter) ^ power`. linearWarmup: from start_multiplier to 1 in "
        "num_iter, then 1. constantWarmup: multiplier for num_iter, then 1. pieceWarmup: m1 until n1, m2 "
        "until n2, then m3. gate: multiplier_1 for num_iter, then multiplier_2. slope: multiplier_1 until "
        "num_iter_1, then a line that falls to multiplier_2 at num_iter_2 and ends there. hill: linearWarmup "
        "for num_iter, then inv, at least end_multiplier. alter: 1 for active_period, 0 for inactive_period, "
        "and so on. cyclical: triangles between base_lr and max_lr, 2 stepsize wide. cosine: from max_lr to "
        "min_lr in each period. constantThenLinearWarmup: start_warmup_multiplier, then a line to 1; "
        "compositeCyclical and compositeCosine go on with those. composite: policies one after another; part "
        "k has its arguments as sub_policy_<k>_policy and so on, and a factor sub_policy_<k>_lr_scale.")
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
    .optional_arg("max_lr", ArgType::kFloat,
                  "cyclical (default 0.005): the rate at the top; cosine (default 0.5): the first factor.")
    .arg("decay", 1.f, "cyclical: factor of the height from one triangle to the next.")
    .arg("min_lr", 0.1f, "cosine: factor at the end of a period.")
    .arg("period", 50, "cosine: iterations of the first period.")
    .arg("t_mult", 1.f, "cosine: how much longer each period is.")
    .arg("lr_shrink", 0.99f, "cosine: how much lower each period is.")
    .arg("start_warmup_multiplier", 0.1f,
         "constantThenLinearWarmup, compositeCyclical, compositeCosine: the first factor.")
    .arg("constant_warmup_num_iter", 10000000, "The same: iterations of the first factor.")
    .arg("linear_warmup_num_iter", 10000000, "The same: iterations of the line to 1.")
    .arg("cyclical_max_lr", 0.05f, "compositeCyclical: as max_lr.")
    .arg("cyclical_step_size", 1000000, "compositeCyclical: as stepsize.")
    .arg("cyclical_decay", 1.f, "compositeCyclical: as decay.")
    .arg("cosine_max_lr", 0.5f, "compositeCosine: as max_lr.")
    .arg("cosine_min_lr", 0.1f, "compositeCosine: as min_lr.")
    .arg("cosine_period", 50, "compositeCosine: as period.")
    .arg("cosine_t_mult", 1.f, "compositeCosine: as t_mult.")
    .arg("cosine_lr_shrink", 0.99f, "compositeCosine: as lr_shrink.")
    .optional_arg("sub_policy_num_iters", ArgType::kInts,
                  "composite: how many iterations each part lasts; the last goes on.")
    .input("iter", "int64, the iteration, as Iter and AtomicIter keep it.")
    .output("rate", "float scalar.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kInt64));
      PF_CHECK(in.shape(0).size() > 0, shape, "iter must have an element, found the shape ", in.shape(0));
      PF_TRY(in.args.s("policy") == "composite" ? check_composite(in.args) : check_policy(PolicyArgs(in.args)));
      in.set(0, Shape{}, DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<LearningRate>();

}  // namespace
}  // namespace pf
