// SPDX-License-Identifier: Apache-2.0
// Sum, Mean, Max, Min of any number of tensors of one shape, element by element; and their gradients.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Plus {
  template <class T>
  PF_FN T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return T(uint32_t(a) + uint32_t(b));  // wraps around
    else
      return a + b;
  }
};
struct Larger {
  template <class T>
  PF_FN T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct Smaller {
  template <class T>
  PF_FN T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};

Status same_numbers(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kInt32, type, "the inputs must be float32 or int32, are ", t,
           "; Cast converts");
  for (int i = 1; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, t));
    PF_TRY(in.want_same_shape(0, i));
  }
  return same_as_first(in);
}

// y = f(f(x0, x1), x2) …
template <class Device, class F, class T>
Status combine(OpRun& op) {
  const Tensor& first = op.in(0);
  T* y = op.out(0).data<T>();
  const int64_t n = first.size();
  if (op.inputs() == 1) Device::copy(op, size_t(n) * sizeof(T), y, first.data<T>());
  for (int i = 1; i < op.inputs(); ++i) Device::map(op, n, y, F(), i == 1 ? first.data<T>() : y, op.in(i).data<T>());
  return {};
}

struct PlusRelu {
  PF_FN float operator()(float a, float b) const { return a + b < 0.f ? 0.f : a + b; }
};

template <class Device>
struct Sum {
  bool relu = false;
  // A Relu that alone follows the sum of two is done with it: one pass through memory less for a residual block.
  bool absorb(const Args& next, int first_input) {
    return !relu && first_input == 2 && next.def.type == "Relu" && (relu = true);
  }
  Status run(OpRun& op) {
    if (op.in(0).dtype() == DType::kFloat)
      return relu ? combine<Device, PlusRelu, float>(op) : combine<Device, Plus, float>(op);
    PF_CHECK(!relu, type, "the Relu after it takes float, the sum is ", op.in(0).dtype());
    return combine<Device, Plus, int32_t>(op);
  }
};
template <class Device>
struct Max {
  Status run(OpRun& op) { return combine<Device, Larger, float>(op); }
};
template <class Device>
struct Min {
  Status run(OpRun& op) { return combine<Device, Smaller, float>(op); }
};

struct Times {
  float factor;
  PF_FN float operator()(float x) const { return factor * x; }
};

template <class Device>
struct Mean {
  Status run(OpRun& op) {
    PF_TRY((combine<Device, Plus, float>(op)));
    float* y = op.out(0).data<float>();
    if (op.inputs() > 1) Device::map(op, op.out(0).size(), y, Times{1.f / float(op.inputs())}, y);
    return {};
  }
};

template <class Device>
struct MeanGradient {
  Status run(OpRun& op) {
    const Tensor& dy = op.in(0);
    const Times part{1.f / float(op.outputs())};
    // Output 0 may be dY itself and comes last.
    for (int j = op.outputs() - 1; j >= 0; --j)
      Device::map(op, dy.size(), op.out(j).data<float>(), part, dy.data<float>());
    return {};
  }
};

// Every input that equals the result gets the whole gradient.
struct Chosen {
  PF_FN float operator()(float y, float dy, float x) const { return x == y ? dy : 0.f; }
};

template <class Device>
struct ChosenGradient {
  Status run(OpRun& op) {
    const float *y = op.in(0).data<float>(), *dy = op.in(1).data<float>();
    for (int j = 0; j < op.outputs(); ++j)
      Device::map(op, op.in(0).size(), op.out(j).data<float>(), Chosen{}, y, dy, op.in(2 + j).data<float>());
    return {};
  }
};

Status chosen_shape(Infer& in) {
  PF_CHECK(in.inputs() == in.outputs() + 2, argument, "takes as many outputs as it has inputs from X0 on");
  return same_floats(in);
}

// The gradients of all inputs by one operator.
void all_inputs(Gradient& g, const char* type, std::vector<std::string> in) {
  std::vector<std::string> out;
  for (int i = 0; i < g.inputs(); ++i) out.push_back(g.GI(i));
  g.op(type, in, out);
}
template <const char* kType>
void chosen_gradient(Gradient& g) {
  std::vector<std::string> in = {g.O(0), g.GO(0)};
  for (int i = 0; i < g.inputs(); ++i) in.push_back(g.I(i));
  all_inputs(g, kType, std::move(in));
}
constexpr char kMaxGradient[] = "MaxGradient", kMinGradient[] = "MinGradient";

constexpr auto kPorts = [](auto& op) {
  op.variadic_input("X", "All of one shape and type.").output("Y", "Shape and type of the inputs.").inplace(0, 0);
};
constexpr auto kChosenPorts = [](auto& op) {
  op.input("Y", "Result.")
      .input("dY", "Gradient of Y, shape of Y.")
      .variadic_input("X", "The inputs.")
      .variadic_output("dX", "Gradient of each input.")
      .shape(chosen_shape)
      .no_grad();
};

PF_OP(Sum)
    .doc("Elementwise sum of all inputs, which are float32 or int32.")
    .with(kPorts)
    .images(Images::kElementwise)
    .shape(same_numbers)
    .grad([](Gradient& g) {
      for (int i = 0; i < g.inputs(); ++i) g.set_dense(i, g.GO(0));
    })
    .kernel<Sum>();

PF_OP(SumInt)
    .doc("Sum, as it was once called for integers.")
    .with(kPorts)
    .shape(same_numbers)
    .refuse_grad("integers have no gradient")
    .kernel<Sum>();

PF_OP(Mean)
    .doc("Elementwise mean of all inputs, which are float.")
    .with(kPorts)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { all_inputs(g, "MeanGradient", {g.GO(0)}); })
    .kernel<Mean>();

PF_OP(MeanGradient)
    .doc("Gradient of Mean: dY divided by the number of inputs, for each of them.")
    .input("dY", "Gradient of the mean.")
    .variadic_output("dX", "Gradient of each input.")
    .inplace(0, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<MeanGradient>();

PF_OP(Max)
    .doc("Elementwise largest of all inputs, which are float.")
    .with(kPorts)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad(chosen_gradient<kMaxGradient>)
    .kernel<Max>();

PF_OP(MaxGradient)
    .doc("Gradient of Max: dY for each input that equals the result, 0 elsewhere.")
    .with(kChosenPorts)
    .kernel<ChosenGradient>();

PF_OP(Min)
    .doc("Elementwise smallest of all inputs, which are float.")
    .with(kPorts)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad(chosen_gradient<kMinGradient>)
    .kernel<Min>();

PF_OP(MinGradient)
    .doc("Gradient of Min: dY for each input that equals the result, 0 elsewhere.")
    .with(kChosenPorts)
    .kernel<ChosenGradient>();

}  // namespace
}  // namespace pf
