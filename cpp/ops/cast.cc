// SPDX-License-Identifier: Apache-2.0
// Cast: the same numbers in another type.
//
// Of the 100 pairs of types the frequent ones are converted directly. All others pass through double or int64, which
// hold every value of every type, in pieces that stay in the first-level cache.
#include <type_traits>

#include "core/loops.h"
#include "math/copy.h"
#include "math/half.h"

namespace pf {
namespace {

constexpr int64_t kGrain = 16384;
constexpr int64_t kPiece = 512;

struct TypeName {
  const char* name;
  DType type;
};
// TensorProto.DataType's names, and what this project calls them.
constexpr TypeName kNames[] = {{"float", DType::kFloat},     {"int32", DType::kInt32},   {"byte", DType::kUint8},
                               {"bool", DType::kBool},       {"uint8", DType::kUint8},   {"int8", DType::kInt8},
                               {"uint16", DType::kUint16},   {"int16", DType::kInt16},   {"int64", DType::kInt64},
                               {"float16", DType::kFloat16}, {"double", DType::kDouble}, {"float32", DType::kFloat},
                               {"float64", DType::kDouble}};

bool same_name(std::string_view given, std::string_view name) {
  if (given.size() != name.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = given[i];
    if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name[i]) return false;
  }
  return true;
}

// A type named by its number in TensorProto.DataType or by its name, in upper or lower case.
Status read_type(const Args& args, const char* name, DType* out) {
  const Argument* given = args.def.find(name);
  PF_CHECK(given, argument, "needs the argument \"", name, "\", a type");
  *out = DType::kNone;
  for (const TypeName& t : kNames)
    if (given->has_s ? same_name(given->s, t.name) : args.i(name) == int64_t(t.type)) *out = t.type;
  if (!given->has_s && args.i(name) == int64_t(DType::kByte)) *out = DType::kUint8;
  PF_CHECK(*out != DType::kNone, argument, "\"", name, "\" must be a numeric type by number or name, is ",
           given->has_s ? std::string_view(given->s) : std::string_view("another number"),
           "; float32, int32, int64, uint8, … are");
  return {};
}

// As the CPU does it: towards zero; what does not fit into 64 bits is the smallest number.
int64_t truncated(double x) { return x >= -0x1p63 && x < 0x1p63 ? int64_t(x) : INT64_MIN; }

// A number on its way from any type to any type: whole ones exactly, the others as double.
template <class T>
void load(const void* x, int64_t n, double* real, int64_t* whole) {
  const T* from = static_cast<const T*>(x);
  PF_SCALAR_LOOP
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<T, bool>)
      whole[i] = static_cast<const uint8_t*>(x)[i] != 0;
    else if constexpr (std::is_same_v<T, Half>)
      real[i] = half_to_float(from[i].bits);
    else if constexpr (std::is_floating_point_v<T>)
      real[i] = from[i];
    else
      whole[i] = from[i];
  }
}

template <class T>
T from_whole(int64_t x) {
  if constexpr (std::is_same_v<T, bool>)
    return x != 0;
  else if constexpr (std::is_same_v<T, Half>)
    return {float_to_half(float(x))};
  else
    return T(x);
}
template <class T>
T from_real(double x) {
  if constexpr (std::is_same_v<T, bool>)
    return x != 0;
  else if constexpr (std::is_same_v<T, Half>)
    return {float_to_half(float(x))};
  else if constexpr (std::is_floating_point_v<T>)
    return T(x);
  else if constexpr (std::is_same_v<T, int32_t>)
    return x > -2147483649.0 && x < 2147483648.0 ? int32_t(x) : INT32_MIN;
  else
    return T(truncated(x));
}
template <class T>
void store(const double* real, const int64_t* whole, int64_t n, void* y) {
  T* to = static_cast<T*>(y);
  if (real) {
    PF_SCALAR_LOOP
    for (int64_t i = 0; i < n; ++i) to[i] = from_real<T>(real[i]);
  } else {
    PF_SCALAR_LOOP
    for (int64_t i = 0; i < n; ++i) to[i] = from_whole<T>(whole[i]);
  }
}

using Load = void (*)(const void*, int64_t, double*, int64_t*);
using Store = void (*)(const double*, const int64_t*, int64_t, void*);

struct Numbers {
  DType type;
  bool real;
  Load load;
  Store store;
};
template <class T>
constexpr Numbers numbers(bool real) {
  return {dtype_of<T>(), real, load<T>, store<T>};
}
constexpr Numbers kNumbers[] = {numbers<float>(true),     numbers<double>(true),   numbers<Half>(true),
                                numbers<bool>(false),     numbers<uint8_t>(false), numbers<int8_t>(false),
                                numbers<uint16_t>(false), numbers<int16_t>(false), numbers<int32_t>(false),
                                numbers<int64_t>(false)};

const Numbers* numbers_of(DType t) {
  for (const Numbers& n : kNumbers)
    if (n.type == t) return &n;
  return nullptr;
}

void convert(const Tensor& x, Tensor& y) {
  const Numbers *from = numbers_of(x.dtype()), *to = numbers_of(y.dtype());
  const Elements in(x.dtype()), out(y.dtype());
  const uint8_t* source = x.data<uint8_t>();
  uint8_t* target = y.data<uint8_t>();
  parallel_for(x.size(), kGrain, [=](int64_t begin, int64_t end) {
    double real[kPiece];
    int64_t whole[kPiece];
    for (int64_t i = begin; i < end; i += kPiece) {
      const int64_t n = end - i < kPiece ? end - i : kPiece;
      from->load(in.at(source, i), n, real, whole);
      to->store(from->real ? real : nullptr, whole, n, out.at(target, i));
    }
  });
}

// The plain loop, for pairs that stand at the door of many nets.
template <class X, class Y>
bool direct(const Tensor& x, Tensor& y) {
  if (x.dtype() != dtype_of<X>() || y.dtype() != dtype_of<Y>()) return false;
  const X* from = x.data<X>();
  Y* to = y.data<Y>();
  parallel_for(x.size(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = Y(from[i]);
  });
  return true;
}

struct Cast {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Tensor& y = op.out(0);
    if (x.dtype() == y.dtype())
      copy_elements<Device>(op, x, y);
    else if (!direct<uint8_t, float>(x, y) && !direct<int32_t, float>(x, y) && !direct<int32_t, int64_t>(x, y))
      convert(x, y);
    return {};
  }
};

Status cast_shape(Infer& in) {
  DType to;
  PF_TRY(read_type(in.args, "to", &to));
  PF_CHECK(numbers_of(in.dtype(0)), type, "X must hold numbers, is ", in.dtype(0));
  in.set(0, in.shape(0), to);
  return {};
}

void cast_gradient(Gradient& g) {
  DType to = DType::kNone, from = DType::kNone;
  if (g.status.ok()) g.status = read_type(g.args, "to", &to);
  if (g.status.ok()) g.status = read_type(g.args, "from_type", &from);
  OpDef& back = g.plain("Cast", {g.GO(0)}, {g.GI(0)});
  back.set("to", int64_t(from));
  back.set("from_type", int64_t(to));
}

PF_OP(Cast)
    .doc("X in another type. To integers numbers are cut towards zero, to bool everything but 0 becomes true.")
    .required_arg("to", ArgType::kValue, "The type: a number of TensorProto.DataType or a name such as int32.")
    .optional_arg("from_type", ArgType::kValue, "The type of X; the gradient needs it.")
    .input("X", "Any numeric type, any shape.")
    .output("Y", "Shape of X, type `to`.")
    .shape(cast_shape)
    .grad(cast_gradient)
    .cpu<Cast>();

}  // namespace
}  // namespace pf
