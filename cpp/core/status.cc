// SPDX-License-Identifier: Apache-2.0
#include "core/status.h"

#include <cmath>
#include <cstdarg>
#include <cstring>

#include "core/tensor.h"

namespace pf {
namespace {

void append_integer(std::string& to, int64_t value) {
  char digits[24];
  int n = 0;
  uint64_t rest = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
  do digits[n++] = char('0' + rest % 10);
  while (rest /= 10);
  if (value < 0) to += '-';
  while (n) to += digits[--n];
}

// value times ten to the power `exponent`
double scaled(double value, int exponent) {
  for (; exponent > 0; --exponent) value *= 10;
  for (; exponent < 0; ++exponent) value /= 10;
  return value;
}

}  // namespace

void append_number(std::string& to, double value) {
  if (std::isnan(value)) return void(to += "nan");
  if (value < 0 || (value == 0 && std::signbit(value))) {
    to += '-';
    value = -value;
  }
  if (std::isinf(value)) return void(to += "inf");
  if (value < 1e9 && value == std::floor(value)) return append_integer(to, int64_t(value));
  // The fewest significant digits, at most nine, that give the same float back.
  int exponent = 0;
  for (double rest = value; rest >= 10; rest /= 10) ++exponent;
  for (double rest = value; rest < 1; rest *= 10) --exponent;
  uint64_t digits = 0;
  int count = 1;
  for (; count <= 9; ++count) {
    digits = uint64_t(std::llround(scaled(value, count - 1 - exponent)));
    if (float(scaled(double(digits), exponent - count + 1)) == float(value)) break;
  }
  char buffer[24];
  int length = 0;
  for (uint64_t rest = digits; rest; rest /= 10) buffer[length++] = char('0' + rest % 10);
  int point = exponent + 1 + (length > count ? length - count : 0);  // digits before the decimal point
  while (length > 1 && buffer[0] == '0') {
    std::memmove(buffer, buffer + 1, size_t(--length));
  }
  bool scientific = point < -3 || point > 16;
  int before = scientific ? 1 : point;
  if (before <= 0) {
    to += "0.";
    to.append(size_t(-before), '0');
  }
  for (int i = 0; i < length; ++i) {
    if (i && i == before) to += '.';
    to += buffer[length - 1 - i];
  }
  for (int i = length; i < before; ++i) to += '0';
  if (scientific) {
    to += 'e';
    append_integer(to, point - 1);
  }
}

namespace detail {
namespace {

void append_shape(std::string& to, const Shape& shape) {
  to += '[';
  for (int i = 0; i < shape.rank(); ++i) {
    if (i) to += ", ";
    append_integer(to, shape[i]);
  }
  to += ']';
}

void append_all(std::string& to, const char* kinds, va_list parts) {
  for (; *kinds; ++kinds) {
    switch (*kinds) {
      case 'c':
        to += va_arg(parts, const char*);
        break;
      case 's':
        to += *va_arg(parts, const std::string*);
        break;
      case 'v':
        to += *va_arg(parts, const std::string_view*);
        break;
      case 'S':
        append_shape(to, *va_arg(parts, const Shape*));
        break;
      case 't':
        to += dtype_name(DType(va_arg(parts, int)));
        break;
      case 'i':
        append_integer(to, va_arg(parts, int));
        break;
      case 'u':
        append_integer(to, va_arg(parts, unsigned));
        break;
      case 'l':
        append_integer(to, va_arg(parts, int64_t));
        break;
      default:
        append_number(to, va_arg(parts, double));
    }
  }
}

}  // namespace

void append(std::string* to, const char* kinds, ...) {
  va_list parts;
  va_start(parts, kinds);
  append_all(*to, kinds, parts);
  va_end(parts);
}

std::string join(const char* kinds, ...) {
  std::string joined;
  va_list parts;
  va_start(parts, kinds);
  append_all(joined, kinds, parts);
  va_end(parts);
  return joined;
}

Status fail(Code code, const char* kinds, ...) {
  std::string message;
  va_list parts;
  va_start(parts, kinds);
  append_all(message, kinds, parts);
  va_end(parts);
  return Status(code, std::move(message));
}

}  // namespace detail

Status::Status(Code code, std::string message) : error_(new Error{code, std::move(message)}) {}
void Status::forget() { delete error_; }

const std::string& Status::message() const {
  static const std::string none;
  return error_ ? error_->message : none;
}

void Status::prefix(std::string where) { error_->message.insert(0, std::move(where) + ": "); }

}  // namespace pf
