// SPDX-License-Identifier: Apache-2.0
// StringJoin, StringPrefix, StringSuffix, StringStartsWith, StringEndsWith. Lengths count bytes.
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

// Six significant digits without trailing zeros, as C++ streams write numbers.
void append_short(std::string& to, double x) {
  if (std::signbit(x)) to += '-';
  x = std::fabs(x);
  if (!(x < __builtin_huge_val())) {
    to += x == x ? "inf" : "nan";
    return;
  }
  int exponent = x == 0 ? 0 : int(std::floor(std::log10(x)));
  // Numbers near the ends of the range are brought to the middle first.
  const double near = exponent < -200 ? x * 1e200 : x;
  const int moved = exponent < -200 ? 200 : 0;
  int64_t digits = int64_t(std::nearbyint(near * std::pow(10., 5 - exponent - moved)));
  if (digits >= 1000000) digits = int64_t(std::nearbyint(near * std::pow(10., 4 - exponent - moved))), ++exponent;
  if (x != 0 && digits < 100000)
    digits = int64_t(std::nearbyint(near * std::pow(10., 6 - exponent - moved))), --exponent;
  char text[6];
  for (int i = 5; i >= 0; --i, digits /= 10) text[i] = char('0' + digits % 10);
  int length = 6;
  while (length > 1 && text[length - 1] == '0') --length;
  const bool scientific = exponent < -4 || exponent >= 6;
  const int point = scientific ? 1 : exponent + 1;  // digits before the point
  if (point <= 0) to += "0.";
  for (int i = point; i < 0; ++i) to += '0';
  for (int i = 0; i < length || i < point; ++i) {
    if (i == point && i > 0) to += '.';
    to += i < length ? text[i] : '0';
  }
  if (!scientific) return;
  to += exponent < 0 ? "e-" : "e+";
  exponent = exponent < 0 ? -exponent : exponent;
  if (exponent < 10) to += '0';
  append(to, exponent);
}

void append_element(std::string& to, const Tensor& x, int64_t i) {
  switch (x.dtype()) {
    case DType::kString:
      to += x.data<std::string>()[i];
      return;
    case DType::kFloat:
      return append_short(to, x.data<float>()[i]);
    case DType::kDouble:
      return append_short(to, x.data<double>()[i]);
    case DType::kInt32:
      return append(to, x.data<int32_t>()[i]);
    case DType::kInt64:
      return append(to, x.data<int64_t>()[i]);
    case DType::kInt16:
      return append(to, int(x.data<int16_t>()[i]));
    case DType::kUint16:
      return append(to, int(x.data<uint16_t>()[i]));
    case DType::kBool:
      to += x.data<uint8_t>()[i] ? '1' : '0';
      return;
    default:  // 8 bits are a character
      to += char(x.data<uint8_t>()[i]);
  }
}

struct StringJoin {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const bool by_column = op.args.i("axis") == 1;
    const int64_t rows = x.dim(0), columns = x.rank() == 2 ? x.dim(1) : 1;
    const std::string_view delimiter = op.args.s("delimiter");
    for (int64_t k = 0; k < op.out(0).size(); ++k) {
      std::string& y = op.out(0).data<std::string>()[k];
      y.clear();
      for (int64_t i = 0; i < (by_column ? rows : columns); ++i) {
        append_element(y, x, by_column ? i * columns + k : k * columns + i);
        y += delimiter;
      }
    }
    return {};
  }
};

Status join_shape(Infer& in) {
  const Shape& x = in.shape(0);
  const int64_t axis = in.args.i("axis");
  PF_CHECK(in.dtype(0) != DType::kFloat16, type, "X must not be float16; Cast converts");
  PF_CHECK(axis == 0 || axis == 1, argument, "axis must be 0 or 1, is ", axis);
  PF_CHECK(x.rank() == 2 || (x.rank() == 1 && axis == 0), shape, "X must have ", axis == 0 ? "1 or 2" : "2",
           " dimensions, is ", x);
  in.set(0, Shape{x[int(axis)]}, DType::kString);
  return {};
}

template <bool kSuffix>
struct Part {
  Status run(OpRun& op) {
    const std::string* x = op.in(0).data<std::string>();
    const size_t length = size_t(op.args.i("length"));
    for (int64_t i = 0; i < op.in(0).size(); ++i) {
      const bool whole = x[i].size() <= length;
      op.out(0).data<std::string>()[i] = whole ? x[i] : x[i].substr(kSuffix ? x[i].size() - length : 0, length);
    }
    return {};
  }
};

template <bool kSuffix>
struct HasPart {
  Status run(OpRun& op) {
    const std::string* x = op.in(0).data<std::string>();
    const std::string_view part = op.args.s(kSuffix ? "suffix" : "prefix");
    for (int64_t i = 0; i < op.in(0).size(); ++i)
      op.out(0).data<bool>()[i] =
          kSuffix ? std::string_view(x[i]).ends_with(part) : std::string_view(x[i]).starts_with(part);
    return {};
  }
};

Status part_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kString));
  PF_CHECK(in.args.i("length") >= 0, argument, "length must not be negative, is ", in.args.i("length"));
  return same_as_first(in);
}

constexpr auto kPart = [](auto& op) {
  op.arg("length", 3, "How many bytes; of shorter strings all.")
      .input("X", "string, any shape.")
      .output("Y", "string, shape of X.")
      .shape(part_shape)
      .refuse_grad("strings have no gradient");
};
constexpr auto kHasPart = [](auto& op) {
  op.input("X", "string, any shape.")
      .output("Y", "bool, shape of X.")
      .shape([](Infer& in) -> Status {
        PF_TRY(in.want_dtype(0, DType::kString));
        in.set(0, in.shape(0), DType::kBool);
        return {};
      })
      .refuse_grad("strings have no gradient");
};

PF_OP(StringJoin)
    .doc(
        "Writes the elements of each row (or column) as one string, each followed by the delimiter. Numbers have six "
        "significant digits; those of 8 bits are characters.")
    .arg("delimiter", ",", "What follows each element.")
    .arg("axis", 0, "0: one string for each row, 1: for each column.")
    .input("X", "Any type but float16; 1 or 2 dimensions.")
    .output("Y", "string [rows or columns].")
    .shape(join_shape)
    .refuse_grad("strings have no gradient")
    .cpu<StringJoin>();
PF_OP(StringPrefix).doc("The first bytes of each string.").with(kPart).cpu<Part<false>>();
PF_OP(StringSuffix).doc("The last bytes of each string.").with(kPart).cpu<Part<true>>();
PF_OP(StringStartsWith)
    .doc("Whether each string begins with the prefix.")
    .arg("prefix", "", "The prefix.")
    .with(kHasPart)
    .cpu<HasPart<false>>();
PF_OP(StringEndsWith)
    .doc("Whether each string ends with the suffix.")
    .arg("suffix", "", "The suffix.")
    .with(kHasPart)
    .cpu<HasPart<true>>();

}  // namespace
}  // namespace pf
