// SPDX-License-Identifier: Apache-2.0
// Integers to integers: Mod (remainders), IndexHash (hashes into a range), NGramFromCategorical (one number for several
// columns).
// build: loops
#include <cmath>

#include "math/indices.h"

namespace pf {
namespace {

struct Remainder {
  int64_t divisor;
  bool follow;  // the sign of the divisor, else that of x
  template <class T>
  PF_FN T operator()(T x) const {
    const int64_t rest = divisor == -1 ? 0 : int64_t(x) % divisor;
    return T(follow && rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest);
  }
};

// The bytes of the number, lowest first and with their signs, as digits to the base 65537; overflow wraps.
struct Hash {
  int64_t seed, modulo;
  template <class T>
  PF_FN T operator()(T x) const {
    using U = std::make_unsigned_t<T>;
    U hashed = U(uint64_t(seed) * 0xDEADBEEFu);
    for (size_t i = 0; i < sizeof(T); ++i) hashed = hashed * U(65537) + U(T(int8_t(U(x) >> (8 * i))));
    const int64_t rest = int64_t(T(hashed)) % modulo;
    return T(rest < 0 ? rest + modulo : rest);
  }
};

template <class Device, class F>
Status map_integers(OpRun& op, F f) {
  const Tensor& x = op.in(0);
  if (x.dtype() == DType::kInt32)
    Device::map(op, x.size(), op.out(0).data<int32_t>(), f, x.data<int32_t>());
  else
    Device::map(op, x.size(), op.out(0).data<int64_t>(), f, x.data<int64_t>());
  return {};
}

template <class Device>
struct Mod {
  Status run(OpRun& op) {
    return map_integers<Device>(op, Remainder{op.args.i("divisor"), op.args.b("sign_follow_divisor")});
  }
};
template <class Device>
struct IndexHash {
  Status run(OpRun& op) { return map_integers<Device>(op, Hash{op.args.i("seed"), op.args.i("modulo")}); }
};

Status mod_shape(Infer& in) {
  PF_TRY(want_indices(in, 0));
  PF_CHECK(in.args.i("divisor") != 0, argument, "divisor must not be 0");
  return same_as_first(in);
}

Status hash_shape(Infer& in) {
  PF_TRY(want_indices(in, 0));
  const int64_t modulo = in.args.i("modulo");
  PF_CHECK(modulo > 0, argument, "modulo must be above 0, is ", modulo);
  PF_CHECK(in.dtype(0) == DType::kInt64 || modulo <= INT32_MAX, argument,
           "modulo must fit the indices' type int32, is ", modulo);
  return same_as_first(in);
}

// The digit of a value: where it is last among the column's values, 0 when it is not there.
int64_t digit_of(float x, const int64_t* values, int64_t count) {
  if (!(std::fabs(x) < 2147483648.f)) return 0;
  const int64_t rounded = int64_t(std::round(x));
  for (int64_t m = count; m-- > 0;)
    if (int32_t(values[m]) == rounded) return m;
  return 0;
}

struct NGramFromCategorical {
  Status run(OpRun& op) {
    const auto &columns = op.args.ints("col_ids"), &limits = op.args.ints("categorical_limits");
    const int64_t rows = op.in(0).dim(0), width = op.in(0).shape().from(1);
    const float* x = op.in(0).data<float>();
    int64_t* y = op.out(0).data<int64_t>();
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t* values = op.args.ints("vals").data();
      uint64_t base = 1, sum = 0;
      for (size_t k = 0; k < columns.size(); values += limits[k++]) {
        sum += base * uint64_t(digit_of(x[i * width + columns[k]], values, limits[k]));
        base *= uint64_t(limits[k]);
      }
      y[i] = int64_t(sum);
    }
    return {};
  }
};

Status ngram_shape(Infer& in) {
  const auto &columns = in.args.ints("col_ids"), &limits = in.args.ints("categorical_limits");
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_CHECK(in.shape(0).rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
  PF_CHECK(!columns.empty() && columns.size() == limits.size(), argument,
           "categorical_limits must have one number for each of col_ids, found ", limits.size(), " for ",
           columns.size());
  const int64_t values = int64_t(in.args.ints("vals").size());
  int64_t sum = 0;
  for (size_t k = 0; k < columns.size(); ++k) {
    PF_CHECK(columns[k] >= 0 && columns[k] < in.shape(0).from(1), argument, "there is no column ", columns[k], " in X ",
             in.shape(0));
    PF_CHECK(limits[k] > 0 && limits[k] <= values - sum, argument, "categorical_limits must be above 0 and make ",
             values, " together, the number of vals; number ", k, " is ", limits[k]);
    sum += limits[k];
  }
  PF_CHECK(sum == values, argument, "categorical_limits make ", sum, " together, but there are ", values, " vals");
  in.set(0, Shape{in.shape(0)[0]}, DType::kInt64);
  return {};
}

PF_OP(Mod)
    .doc("Elementwise remainder of `X / divisor`, with the sign of X or, on demand, of the divisor.")
    .arg("divisor", 0, "What to divide by; not 0.")
    .arg("sign_follow_divisor", false, "The remainder has the sign of the divisor.")
    .input("X", "int32 or int64, any shape.")
    .output("Y", "Type and shape of X.")
    .inplace(0, 0)
    .shape(mod_shape)
    .refuse_grad("integers have no gradient")
    .kernel<Mod>();

PF_OP(IndexHash)
    .doc("Hashes each index to one from 0 to modulo - 1.")
    .arg("seed", 0, "Another seed gives another hash.")
    .arg("modulo", 0, "How many results there are; above 0.")
    .input("indices", "int32 or int64, any shape.")
    .output("hashed", "Type and shape of indices.")
    .shape(hash_shape)
    .refuse_grad("integers have no gradient")
    .kernel<IndexHash>();

PF_OP(NGramFromCategorical)
    .doc(
        "One number for several columns of categories: the place of each column's value among its vals is a digit, "
        "the first column's the lowest. A value that is not among them counts as the first.")
    .optional_arg("col_ids", ArgType::kInts, "The columns.")
    .optional_arg("categorical_limits", ArgType::kInts, "How many of vals belong to each column.")
    .optional_arg("vals", ArgType::kInts, "The values of all columns, one after the other.")
    .input("X", "float [rows, ...]; values are rounded.")
    .output("Y", "int64 [rows].")
    .shape(ngram_shape)
    .no_grad()
    .cpu<NGramFromCategorical>();

}  // namespace
}  // namespace pf
