// SPDX-License-Identifier: Apache-2.0
// Tensors made from nothing: of one value, of values the net holds, of a range, of a diagonal.
#include "core/loops.h"
#include "math/copy.h"
#include "math/filler.h"

namespace pf {
namespace {

constexpr int64_t kGrain = 65536;

// The argument `value` as one element of type `t`: its bytes, or for strings `text`.
struct Value {
  uint64_t bits = 0;
  std::string text;

  Value(const Args& args, DType t) {
    const Argument* given = args.def.find("value");
    const double real = given && given->has_f ? double(given->f) : double(args.i("value"));
    const int64_t whole = t == DType::kBool ? real != 0 : args.i("value");
    const float single = float(real);
    if (t == DType::kString)
      text = given ? given->s : std::string();
    else if (t == DType::kFloat)
      std::memcpy(&bits, &single, sizeof single);
    else if (t == DType::kDouble)
      std::memcpy(&bits, &real, sizeof real);
    else
      bits = uint64_t(whole);  // the low bytes, whatever the width
  }
};

template <class T>
void set_all(Tensor& y, T value) {
  T* data = y.data<T>();
  parallel_for(y.size(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) data[i] = value;
  });
}

Status value_shape(Infer& in) {
  Shape shape;
  bool known = false;
  DType type;
  PF_TRY(value_type(in.args, &type));
  PF_TRY(filler_shape(in, &shape, &known));
  if (known) in.set(0, shape, type);
  return {};
}

struct ConstantFill {
  const Args& args;
  explicit ConstantFill(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    const Value value(args, y.dtype());
    switch (dtype_size(y.dtype())) {
      case 1:
        set_all(y, uint8_t(value.bits));
        break;
      case 2:
        set_all(y, uint16_t(value.bits));
        break;
      case 4:
        set_all(y, uint32_t(value.bits));
        break;
      case 8:
        set_all(y, value.bits);
        break;
      default:
        for (int64_t i = 0; i < y.size(); ++i) y.data<std::string>()[i] = value.text;
    }
    return {};
  }
};

Status diagonal_shape(Infer& in) {
  Shape shape;
  bool known = false;
  DType type;
  PF_TRY(value_type(in.args, &type));
  PF_CHECK(type != DType::kString, argument, "a diagonal holds numbers");
  PF_TRY(filler_shape(in, &shape, &known));
  if (!known) return in.unknown();
  PF_CHECK(shape.rank() >= 2, shape, "needs 2 dimensions or more, found ", shape);
  for (int d = 1; d < shape.rank(); ++d)
    PF_CHECK(shape.rank() == 2 || shape[d] == shape[0], shape,
             "needs equal dimensions where there are more than 2, found ", shape);
  in.set(0, shape, type);
  return {};
}

struct DiagonalFill {
  const Args& args;
  explicit DiagonalFill(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    // From one element of the diagonal to the next: one step in every dimension. A tall matrix begins anew, as in
    // numpy.
    int64_t step = 0;
    for (int d = 0; d < y.rank(); ++d) step += y.shape().from(d + 1);
    const Value value(args, y.dtype());
    const Elements elements(y.dtype());
    uint8_t* data = y.data<uint8_t>();
    if (y.size()) std::memset(data, 0, y.byte_size());
    for (int64_t i = 0; i < y.size(); i += step) std::memcpy(elements.at(data, i), &value.bits, elements.size);
    return {};
  }
};

struct RangeFill {
  Status run(OpRun& op) {
    float* y = op.out(0).data<float>();
    for (int64_t i = 0; i < op.out(0).size(); ++i) y[i] = float(i);
    return {};
  }
};

// How many elements of that type the argument `values` holds. Whole numbers may stand for floats.
size_t values_given(const Args& args, DType type) {
  const Argument* a = args.def.find("values");
  if (!a) return 0;
  if (type == DType::kString) return a->strings.size();
  return a->ints.empty() && (type == DType::kFloat || type == DType::kDouble) ? a->floats.size() : a->ints.size();
}

template <DType kType>
Status given_shape(Infer& in) {
  Shape shape;
  bool known = false;
  // Only GivenTensorFill heeds dtype, the others have their type in their name.
  DType type = kType;
  if (kType == DType::kFloat && in.args.has("dtype")) type = DType(in.args.i("dtype"));
  PF_CHECK(type == DType::kFloat || type == DType::kDouble || type == DType::kBool || type == DType::kInt32 ||
               type == DType::kInt64 || type == DType::kString,
           argument, "dtype must be 1 (float32), 2 (int32), 4 (string), 5 (bool), 10 (int64) or 13 (float64), is ",
           in.args.i("dtype"));
  PF_TRY(filler_shape(in, &shape, &known));
  if (!known) return in.unknown();
  const size_t count = values_given(in.args, type);
  PF_CHECK(int64_t(count) == shape.size(), shape, "values has ", count, " elements of type ", type, ", the shape ",
           shape, " needs ", shape.size());
  in.set(0, shape, type);
  return {};
}

template <class T, class S>
void copy_values(const std::vector<S>& values, T* y) {
  if constexpr (std::is_same_v<T, S>) {
    if (!values.empty()) std::memcpy(y, values.data(), values.size() * sizeof(T));
  } else {
    PF_SCALAR_LOOP
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, bool>)
        y[i] = values[i] != 0;
      else
        y[i] = T(values[i]);
    }
  }
}

// Weights of many megabytes come this way: one copy from the net's argument.
struct GivenTensorFill {
  const Args& args;
  explicit GivenTensorFill(const Args& args) : args(args) {}

  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    const Argument* given = args.def.find("values");
    if (!given) return {};  // and no elements either: the shape function has counted
    const std::vector<float>& floats = given->floats;
    const std::vector<int64_t>& ints = given->ints;
    switch (y.dtype()) {
      case DType::kFloat:
        ints.empty() ? copy_values(floats, y.data<float>()) : copy_values(ints, y.data<float>());
        break;
      case DType::kDouble:
        ints.empty() ? copy_values(floats, y.data<double>()) : copy_values(ints, y.data<double>());
        break;
      case DType::kBool:
        copy_values(ints, y.data<bool>());
        break;
      case DType::kInt32:
        copy_values(ints, y.data<int32_t>());
        break;
      case DType::kInt64:
        copy_values(ints, y.data<int64_t>());
        break;
      default:
        for (size_t i = 0; i < given->strings.size(); ++i) y.data<std::string>()[i] = given->strings[i];
    }
    return {};
  }
};

constexpr auto kValue = [](auto& op) {
  op.optional_arg("value", ArgType::kValue, "The value; 0 without it.")
      .optional_arg("dtype", ArgType::kInt, "Type by its number in TensorProto.DataType; without it that of the value.")
      .with(kFillerArguments)
      .with(kFillerPorts)
      .inplace(0, 0)
      .no_grad();
};

template <ArgType kArgument>
constexpr auto kGiven = [](auto& op) {
  op.required_arg("values", kArgument, "All elements in row-major order.")
      .optional_arg("dtype", ArgType::kInt,
                    "Of GivenTensorFill: another type than float, by its number in TensorProto.DataType.")
      .with(kFillerArguments)
      .with(kFillerPorts)
      .inplace(0, 0)
      .no_grad()
      .template cpu<GivenTensorFill>();
};

PF_OP(ConstantFill)
    .doc(
        "A tensor of one value. Without dtype its type is that of the value: float32 for a float, int64 for an "
        "integer.")
    .with(kValue)
    .shape(value_shape)
    .cpu<ConstantFill>();

PF_OP(DiagonalFill)
    .doc("Zeros, and one value on the diagonal: where all coordinates are equal.")
    .with(kValue)
    .shape(diagonal_shape)
    .cpu<DiagonalFill>();

PF_OP(RangeFill)
    .doc("float 0, 1, 2, … in row-major order.")
    .with(kFillerArguments)
    .with(kFillerPorts)
    .inplace(0, 0)
    .shape(float_filler_shape)
    .no_grad()
    .cpu<RangeFill>();

PF_OP(GivenTensorFill)
    .doc("A float tensor of the values given.")
    .with(kGiven<ArgType::kFloats>)
    .shape(given_shape<DType::kFloat>);
PF_OP(GivenTensorDoubleFill)
    .doc("A float64 tensor of the values given.")
    .with(kGiven<ArgType::kFloats>)
    .shape(given_shape<DType::kDouble>);
PF_OP(GivenTensorIntFill)
    .doc("An int32 tensor of the values given.")
    .with(kGiven<ArgType::kInts>)
    .shape(given_shape<DType::kInt32>);
PF_OP(GivenTensorInt64Fill)
    .doc("An int64 tensor of the values given.")
    .with(kGiven<ArgType::kInts>)
    .shape(given_shape<DType::kInt64>);
PF_OP(GivenTensorBoolFill)
    .doc("A bool tensor of the values given.")
    .with(kGiven<ArgType::kInts>)
    .shape(given_shape<DType::kBool>);
PF_OP(GivenTensorStringFill)
    .doc("A string tensor of the values given.")
    .with(kGiven<ArgType::kStrings>)
    .shape(given_shape<DType::kString>);

}  // namespace
}  // namespace pf
