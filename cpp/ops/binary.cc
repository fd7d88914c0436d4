// SPDX-License-Identifier: Apache-2.0
// Add, Sub, Mul, Div of two tensors, one of which may be repeated (math/broadcast.h); and the gradient of Div.
// build: loops
#include <type_traits>

#include "math/broadcast.h"

namespace pf {
namespace {

// Integers wrap around: they are computed without a sign.
template <class T, bool = std::is_integral_v<T>>
struct Wrapping {
  using type = T;
};
template <class T>
struct Wrapping<T, true> {
  using type = std::make_unsigned_t<T>;
};

template <class T>
struct Plus {
  using U = typename Wrapping<T>::type;
  PF_FN T operator()(T a, T b) const { return T(U(a) + U(b)); }
};
template <class T>
struct Minus {
  using U = typename Wrapping<T>::type;
  PF_FN T operator()(T a, T b) const { return T(U(a) - U(b)); }
};
template <class T>
struct Times {
  using U = typename Wrapping<T>::type;
  PF_FN T operator()(T a, T b) const { return T(U(a) * U(b)); }
};
// Integers: towards zero; the kernel has refused divisors of 0 where it can look at them.
template <class T>
struct Over {
  using U = typename Wrapping<T>::type;
  PF_FN T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return b == 0 ? 0 : b == -1 ? T(U(0) - U(a)) : T(a / b);
    else
      return a / b;
  }
};

Status binary_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "A must be float32, float64, int32 or int64, is ", t, "; Cast converts");
  return broadcast_shape(in, DType::kNone);
}

template <class T>
Status check_divisors(const Tensor& b) {
  const T* data = b.data<T>();
  for (int64_t i = 0; i < b.size(); ++i)
    PF_CHECK(data[i] != 0, value, "division of integers by 0: element ", i, " of B");
  return {};
}

template <class Device, template <class> class F>
struct Binary {
  const Args& args;
  explicit Binary(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        return run_as<float>(op);
      case DType::kDouble:
        return run_as<double>(op);
      case DType::kInt32:
        return run_as<int32_t>(op);
      default:
        return run_as<int64_t>(op);
    }
  }
  template <class T>
  Status run_as(OpRun& op) {
    Shape shape;
    Broadcast plan;
    PF_TRY(plan_broadcast(args, op.in_shape(0), op.in_shape(1), &shape, &plan));
    if constexpr (Device::kIsHost && std::is_integral_v<T> && std::is_same_v<F<T>, Over<T>>)
      PF_TRY(check_divisors<T>(op.in(1)));
    broadcast_map<Device, F<T>>(op, plan, op.in(0).data<T>(), op.in(1).data<T>(), op.out(0).data<T>());
    return {};
  }
};
template <class Device>
using Add = Binary<Device, Plus>;
template <class Device>
using Sub = Binary<Device, Minus>;
template <class Device>
using Mul = Binary<Device, Times>;
template <class Device>
using Div = Binary<Device, Over>;

struct DividendGradient {
  PF_FN float operator()(float dc, float b) const { return dc / b; }
};
// d/db (a / b) = -(a / b) / b
struct DivisorGradient {
  PF_FN float operator()(float dc, float c, float b) const { return -(dc * c) / b; }
};

template <class Device>
struct DivGradient {
  Status run(OpRun& op) {
    const float *b = op.in(0).data<float>(), *c = op.in(1).data<float>(), *dc = op.in(2).data<float>();
    const int64_t n = op.in(0).size();
    // dA may lie where B was, so it comes last.
    Device::map(op, n, op.out(1).data<float>(), DivisorGradient{}, dc, c, b);
    Device::map(op, n, op.out(0).data<float>(), DividendGradient{}, dc, b);
    return {};
  }
};

// The arguments of the forward operator that say how B was repeated, with their defaults.
void set_axis(const Args& args, OpDef& to) {
  to.set("axis", args.i("axis"));
  to.set("axis_str", args.s("axis_str"));
  to.set("order", args.s("order"));
}

// The gradient of B was computed in A's shape under the name of pre_reduced(): sums it over what B was repeated along.
std::string pre_reduced(Gradient& g) { return g.GI(1) + "_autogen_pre_red"; }
void reduce_to_b(Gradient& g) { set_axis(g.args, g.plain("SumReduceLike", {pre_reduced(g), g.I(1)}, {g.GI(1)})); }

void add_gradient(Gradient& g) {
  g.set_dense(0, g.GO(0));
  if (g.args.has("broadcast"))
    g.op("SumReduceLike", {g.GO(0), g.I(1)}, {g.GI(1)});
  else
    g.set_dense(1, g.GO(0));
}

void sub_gradient(Gradient& g) {
  g.set_dense(0, g.GO(0));
  if (!g.args.has("broadcast")) {
    g.plain("Negative", {g.GO(0)}, {g.GI(1)});
    return;
  }
  g.plain("Negative", {g.GO(0)}, {pre_reduced(g)});
  reduce_to_b(g);
}

void mul_gradient(Gradient& g) {
  if (g.O(0) == g.I(0) || g.O(0) == g.I(1)) {
    (void)g.refuse(text("works in place on \"", g.O(0),
                        "\", but its gradient needs both inputs; give the output a name of its own"));
    return;
  }
  OpDef& da = g.plain("Mul", {g.GO(0), g.I(1)}, {g.GI(0)});
  if (!g.args.has("broadcast")) {
    g.plain("Mul", {g.GO(0), g.I(0)}, {g.GI(1)});
    return;
  }
  da.set("broadcast", g.args.i("broadcast"));
  set_axis(g.args, da);
  g.plain("Mul", {g.GO(0), g.I(0)}, {pre_reduced(g)});
  reduce_to_b(g);
}

void div_gradient(Gradient& g) {
  if (g.args.has("broadcast"))
    (void)g.refuse("has no gradient with broadcast; repeat B with Tile first");
  else
    g.op("DivGradient", {g.I(1), g.O(0), g.GO(0)}, {g.GI(0), g.GI(1)});
}

constexpr auto kOperands = [](auto& op) {
  broadcast_arguments(op)
      .input("A", "float32, float64, int32 or int64.")
      .input("B", "Type of A; shape of A or one that is repeated to it.")
      .output("C", "Shape of A; by numpy's rules the common shape.")
      .inplace(0, 0)
      .images(Images::kElementwise)
      .shape(binary_shape);
};

PF_OP(Add).with(kOperands).doc("Elementwise sum `C = A + B`.").inplace(1, 0).grad(add_gradient).kernel<Add>();

PF_OP(Sub).with(kOperands).doc("Elementwise difference `C = A - B`.").inplace(1, 0).grad(sub_gradient).kernel<Sub>();

PF_OP(Mul).with(kOperands).doc("Elementwise product `C = A * B`.").inplace(1, 0).grad(mul_gradient).kernel<Mul>();

PF_OP(Div)
    .with(kOperands)
    .doc("Elementwise quotient `C = A / B`; integers are rounded towards zero.")
    .grad(div_gradient)
    .kernel<Div>();

PF_OP(DivGradient)
    .doc("Gradient of Div: `dA = dC / B`, `dB = -dC * C / B`.")
    .input("B", "Divisor.")
    .input("C", "Quotient.")
    .input("dC", "Gradient of C.")
    .output("dA", "Gradient of A.")
    .output("dB", "Gradient of B.")
    .inplace(0, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<DivGradient>();

}  // namespace
}  // namespace pf
