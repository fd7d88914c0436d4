// SPDX-License-Identifier: Apache-2.0
// Pow: powers of a tensor, the exponents being one number or a tensor; its gradient is made of other operators.
// build: loops
#include <cmath>

#include "math/broadcast.h"

namespace pf {
namespace {

struct Power {
  PF_FN float operator()(float a, float b) const { return std::pow(a, b); }
};
struct PowerOf {
  float exponent;
  PF_FN float operator()(float a) const { return std::pow(a, exponent); }
};
struct Square {
  PF_FN float operator()(float a) const { return a * a; }
};
struct Inverse {
  PF_FN float operator()(float a) const { return 1.f / a; }
};
struct Root {
  PF_FN float operator()(float a) const { return std::sqrt(a); }
};

template <class Device>
struct Pow {
  const Args& args;
  explicit Pow(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    const float* a = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    if (op.inputs() == 2) {
      Shape shape;
      Broadcast plan;
      PF_TRY(plan_broadcast(args, op.in_shape(0), op.in_shape(1), &shape, &plan));
      broadcast_map<Device, Power>(op, plan, a, op.in(1).data<float>(), y);
      return {};
    }
    const float exponent = args.f("exponent");
    const int64_t n = op.in(0).size();
    if (exponent == 2.f)
      Device::map(op, n, y, Square{}, a);
    else if (exponent == -1.f)
      Device::map(op, n, y, Inverse{}, a);
    else if (exponent == 0.5f)
      Device::map(op, n, y, Root{}, a);
    else
      Device::map(op, n, y, PowerOf{exponent}, a);
    return {};
  }
};

Status pow_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  if (in.inputs() == 2) {
    PF_CHECK(!in.args.has("exponent"), argument, "the exponent is given both as argument and as second input");
    return broadcast_shape(in, DType::kNone);
  }
  PF_CHECK(in.args.has("exponent"), argument, "takes the argument exponent or a second input, found neither");
  return same_as_first(in);
}

// d/dx x^p = p x^(p - 1). In place x is gone, but x^(p - 1) = y^((p - 1) / p).
void number_gradient(Gradient& g) {
  const float p = g.args.f("exponent");
  const bool in_place = g.I(0) == g.O(0);
  if (in_place && !(std::fabs(p) > 1e-12f)) {
    (void)g.refuse("works in place with exponent 0, whose gradient cannot be told from the output");
    return;
  }
  g.plain("Pow", {g.I(0)}, {g.GI(0)}).set("exponent", in_place ? (p - 1) / p : p - 1);
  g.plain("Mul", {g.GI(0), g.GO(0)}, {g.GI(0)});
  g.plain("Scale", {g.GI(0)}, {g.GI(0)}).set("scale", p);
}

void set_broadcast(Gradient& g, OpDef& to, bool with_flag) {
  if (!g.args.has("broadcast")) return;
  if (with_flag) to.set("broadcast", g.args.i("broadcast"));
  to.set("axis", g.args.i("axis"));
  to.set("axis_str", std::string(g.args.s("axis_str")));
  to.set("order", std::string(g.args.s("order")));
}

// d/da a^b = b a^(b - 1), d/db a^b = a^b log a, the latter summed over what b was repeated along.
void tensor_gradient(Gradient& g) {
  if (g.I(0) == g.O(0) || g.I(1) == g.O(0)) {
    (void)g.refuse(text("works in place on \"", g.O(0), "\", but its gradient needs both inputs"));
    return;
  }
  const bool repeated = g.args.has("broadcast");
  const std::string full = g.GI(1) + "_autogen_pre_red";
  g.plain("ConstantFill", {g.I(1)}, {g.GI(1)}).set("value", 1.f);
  g.plain("Sub", {g.I(1), g.GI(1)}, {g.GI(1)});
  set_broadcast(g, g.plain("Pow", {g.I(0), g.GI(1)}, {g.GI(0)}), true);
  g.plain("Mul", {g.GI(0), g.GO(0)}, {g.GI(0)});
  set_broadcast(g, g.plain("Mul", {g.GI(0), g.I(1)}, {g.GI(0)}), true);
  g.plain("Log", {g.I(0)}, {full});
  g.plain("Mul", {full, g.O(0)}, {full});
  g.plain("Mul", {full, g.GO(0)}, {repeated ? full : g.GI(1)});
  if (repeated) set_broadcast(g, g.plain("SumReduceLike", {full, g.I(1)}, {g.GI(1)}), false);
}

PF_OP(Pow)
    .doc("Elementwise `Y = X ^ exponent`, the exponent being one number or a tensor.")
    .arg("exponent", 0.f, "The exponent of all elements, where there is no second input.")
    .with([](auto& op) { broadcast_arguments(op); })
    .input("X", "float, any shape.")
    .optional_input("exponent", "float, shape of X or one that is repeated to it.")
    .output("Y", "Shape of X; by numpy's rules the common shape.")
    .inplace(0, 0)
    .inplace(1, 0)
    .shape(pow_shape)
    .grad([](Gradient& g) { g.args.has("exponent") ? number_gradient(g) : tensor_gradient(g); })
    .kernel<Pow>();

}  // namespace
}  // namespace pf
