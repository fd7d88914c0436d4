// SPDX-License-Identifier: Apache-2.0
// Tensors of random numbers. Number i depends on the seed and on i alone, whatever thread computes it.
#include "core/scalar.h"
#include "math/filler.h"
#include "math/indices.h"

namespace pf {
namespace {

// Makes up to four numbers at y, of 4 bytes each, from four random words; `low` and `high` are what they mean to it.
using Make = void (*)(const uint32_t* words, int64_t count, double low, double high, uint8_t* y);

void fill_blocks(OpRun& op, Make make, double low, double high, Tensor& y) {
  const uint64_t seed = op.random.next64();
  const int64_t n = y.size();
  uint8_t* data = y.data<uint8_t>();
  parallel_for((n + 3) / 4, 2048, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      make(Philox(seed, uint64_t(i)).word, n - i * 4 < 4 ? n - i * 4 : 4, low, high, data + i * 16);
  });
}

float unit(uint32_t word) { return float(word >> 8) * 0x1p-24f; }  // [0, 1)

void make_uniform(const uint32_t* words, int64_t count, double low, double high, uint8_t* y) {
  const float from = float(low), spread = float(high) - from;
  for (int64_t k = 0; k < count; ++k) reinterpret_cast<float*>(y)[k] = from + spread * unit(words[k]);
}

// Pairs of normal numbers from pairs of uniform ones, after Box and Muller.
void make_gaussian(const uint32_t* words, int64_t count, double mean, double deviation, uint8_t* y) {
  float* data = reinterpret_cast<float*>(y);
  for (int64_t k = 0; k < count; k += 2) {
    const float radius = float(deviation) * std::sqrt(-2.f * std::log(1.f - unit(words[k]))),
                turns = unit(words[k + 1]);
    data[k] = float(mean) + radius * float(cos_turns(turns));
    if (k + 1 < count) data[k + 1] = float(mean) + radius * float(sin_turns(turns));
  }
}

// Both ends are possible.
void make_integers(const uint32_t* words, int64_t count, double low, double high, uint8_t* y) {
  const uint64_t range = uint64_t(high - low) + 1;
  for (int64_t k = 0; k < count; ++k)
    reinterpret_cast<int32_t*>(y)[k] = int32_t(int64_t(low) + int64_t(words[k] * range >> 32));
}

template <class T>
T bound(const Args& args, const char* name) {
  if constexpr (std::is_same_v<T, float>)
    return args.f(name);
  else
    return T(args.i(name));
}

// The range comes from the arguments, or from inputs 1 and 2. With inputs an empty range makes an empty tensor.
template <class T>
Status range_shape(Infer& in) {
  Shape shape;
  bool known = false;
  PF_CHECK(in.inputs() != 2, argument, "takes min and max as inputs both or neither");
  PF_TRY(filler_shape(in, &shape, &known));
  if (in.inputs() == 3) {
    PF_CHECK(!in.args.has("min") && !in.args.has("max"), argument,
             "min and max are given both as arguments and as inputs");
    for (int i = 1; i < 3; ++i) {
      PF_TRY(in.want_dtype(i, dtype_of<T>()));
      PF_CHECK(in.shape(i).size() == 1, shape, "\"", in.args.def.input[size_t(i)],
               "\" must have 1 element; its shape is ", in.shape(i));
    }
    const Tensor *low = in.value(1), *high = in.value(2);
    if (!known || !low || !high) return in.unknown();
    if (*low->data<T>() > *high->data<T>()) {
      PF_CHECK(shape.rank() > 0, value, "min is larger than max");
      shape[0] = 0;
    }
  } else {
    PF_CHECK(bound<T>(in.args, "min") < bound<T>(in.args, "max"), argument, "max must be larger than min");
  }
  if (known) in.set(0, shape, dtype_of<T>());
  return {};
}

template <class T>
struct Uniform {
  const Args& args;
  explicit Uniform(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    const bool by_input = op.inputs() == 3;
    const T low = by_input ? *op.in(1).data<T>() : bound<T>(args, "min"),
            high = by_input ? *op.in(2).data<T>() : bound<T>(args, "max");
    fill_blocks(op, std::is_same_v<T, float> ? make_uniform : make_integers, low, high, op.out(0));
    return {};
  }
};

struct GaussianFill {
  float mean, deviation;
  explicit GaussianFill(const Args& args) : mean(args.f("mean")), deviation(args.f("std")) {}
  Status run(OpRun& op) {
    fill_blocks(op, make_gaussian, mean, deviation, op.out(0));
    return {};
  }
};

Status gaussian_shape(Infer& in) {
  PF_CHECK(in.args.f("std") > 0, argument, "std must be positive, is ", double(in.args.f("std")));
  return float_filler_shape(in);
}

// Fillers whose spread depends on the size of a weight: `rank` dimensions are needed to tell.
Status weight_shape(Infer& in, int rank) {
  Shape shape;
  bool known = false;
  PF_TRY(filler_shape(in, &shape, &known));
  PF_CHECK(!known || shape.rank() >= rank, shape, "needs ", rank, " dimensions or more, found ", shape);
  if (known) in.set(0, shape, DType::kFloat);
  return {};
}

struct XavierFill {
  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    if (y.size() == 0) return {};
    const float spread = std::sqrt(3.f / float(y.size() / y.dim(0)));  // the inputs of one output
    fill_blocks(op, make_uniform, -spread, spread, y);
    return {};
  }
};

struct MsraFill {
  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    const int64_t fan_out = y.size() ? y.size() / y.dim(1) : 1;  // the outputs of one input
    fill_blocks(op, make_gaussian, 0, std::sqrt(2.f / float(fan_out)), y);
    return {};
  }
};

// Numbers already taken: an open hash table of twice as many places as there will be numbers.
struct Taken {
  int64_t* places;
  uint64_t mask;
  // Whether `value` is new; it is taken then. No number of a tensor is INT64_MIN: the range is refused.
  bool add(int64_t value) {
    uint64_t at = uint64_t(value) * 0x9E3779B97F4A7C15ull;
    for (at ^= at >> 32;; ++at) {
      int64_t& place = places[at & mask];
      if (place == value) return false;
      if (place == INT64_MIN) return place = value, true;
    }
  }
};

Status unique_shape(Infer& in) {
  Shape shape;
  bool known = false;
  const DType type = DType(in.args.i("dtype"));
  PF_CHECK(is_index(type), argument, "dtype must be 2 (int32) or 10 (int64), is ", in.args.i("dtype"));
  PF_CHECK(in.args.i("min") <= in.args.i("max") && in.args.i("min") > INT64_MIN / 2 && in.args.i("max") < INT64_MAX / 2,
           argument, "max must not be smaller than min");
  if (in.inputs() == 2) PF_TRY(in.want_dtype(1, type));
  PF_TRY(filler_shape(in, &shape, &known));
  if (!known) return in.unknown();
  const int64_t avoided = in.inputs() == 2 ? in.shape(1).size() : 0, range = in.args.i("max") - in.args.i("min") + 1;
  PF_CHECK(shape.size() <= range - avoided, argument, "there are not ", shape.size(),
           " different numbers from min to max besides the ", avoided, " to avoid");
  in.set(0, shape, type);
  return {};
}

struct UniqueUniformFill {
  const Args& args;
  explicit UniqueUniformFill(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    const int64_t low = args.i("min"), avoided = op.inputs() == 2 ? op.in(1).size() : 0;
    int64_t places = 16;
    while (places < 2 * (y.size() + avoided)) places *= 2;
    Taken taken{nullptr, uint64_t(places - 1)};
    PF_TRY(op.scratch(places, &taken.places));
    for (int64_t i = 0; i < places; ++i) taken.places[i] = INT64_MIN;
    for (int64_t i = 0; i < avoided; ++i) taken.add(index_at(op.in(1), i));
    for (int64_t i = 0; i < y.size();) {
      const int64_t value = low + int64_t(op.random.below(uint64_t(args.i("max") - low) + 1));
      if (!taken.add(value)) continue;
      if (y.dtype() == DType::kInt64)
        y.data<int64_t>()[i++] = value;
      else
        y.data<int32_t>()[i++] = int32_t(value);
    }
    return {};
  }
};

constexpr auto kFiller = [](auto& op) { op.with(kFillerArguments).with(kFillerPorts).inplace(0, 0).no_grad(); };
constexpr auto kRange = [](auto& op) {
  op.with(kFillerArguments)
      .optional_input("shape", "Gives its shape; with input_as_shape int64, 1-D: holds the shape.")
      .optional_input("min", "1 element, of the type of Y; in place of the argument.")
      .optional_input("max", "1 element, of the type of Y; in place of the argument.")
      .output("Y", "The new tensor.")
      .inplace(0, 0)
      .no_grad();
};

PF_OP(UniformFill)
    .doc("float numbers, equally likely from `min` to below `max`.")
    .arg("min", 0.f, "Lower bound.")
    .arg("max", 1.f, "Upper bound.")
    .with(kRange)
    .shape(range_shape<float>)
    .cpu<Uniform<float>>();

PF_OP(UniformIntFill)
    .doc("int32 numbers, equally likely from `min` to `max`, both included.")
    .arg("min", 0, "Smallest number.")
    .arg("max", 1, "Largest number.")
    .with(kRange)
    .shape(range_shape<int32_t>)
    .cpu<Uniform<int32_t>>();

PF_OP(UniqueUniformFill)
    .doc("Different integers from `min` to `max`, both included, none of them in the second input.")
    .arg("min", 0, "Smallest number.")
    .arg("max", 0, "Largest number.")
    .arg("dtype", 2, "2 for int32, 10 for int64.")
    .with(kFillerArguments)
    .optional_input("shape", "Gives its shape; with input_as_shape int64, 1-D: holds the shape.")
    .optional_input("avoid", "Numbers to avoid, of the type of Y.")
    .output("Y", "The new tensor.")
    .inplace(0, 0)
    .shape(unique_shape)
    .no_grad()
    .cpu<UniqueUniformFill>();

PF_OP(GaussianFill)
    .doc("float numbers of a normal distribution.")
    .arg("mean", 0.f, "Mean.")
    .arg("std", 1.f, "Standard deviation.")
    .with(kFiller)
    .shape(gaussian_shape)
    .cpu<GaussianFill>();

PF_OP(XavierFill)
    .doc(
        "First weights of a layer: float, equally likely from -s to s with `s = sqrt(3 / fan_in)`, where fan_in is the "
        "number of elements divided by dimension 0.")
    .with(kFiller)
    .shape([](Infer& in) { return weight_shape(in, 1); })
    .cpu<XavierFill>();

PF_OP(MSRAFill)
    .doc(
        "First weights of a layer before Relu: float, normal with mean 0 and `std = sqrt(2 / fan_out)`, where fan_out "
        "is "
        "the number of elements divided by dimension 1.")
    .with(kFiller)
    .shape([](Infer& in) { return weight_shape(in, 2); })
    .cpu<MsraFill>();

}  // namespace
}  // namespace pf
