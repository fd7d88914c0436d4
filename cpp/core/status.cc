// SPDX-License-Identifier: Apache-2.0
#include "core/status.h"

#include <cmath>
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

// The value of `digits` (as an integer) times ten to the power `exponent`.
double scaled(uint64_t digits, int exponent) { return double(digits) * std::pow(10.0, exponent); }

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
  int exponent = int(std::floor(std::log10(value)));
  uint64_t digits = 0;
  int count = 1;
  for (; count <= 9; ++count) {
    digits = uint64_t(std::llround(value / std::pow(10.0, exponent - count + 1)));
    if (float(scaled(digits, exponent - count + 1)) == float(value)) break;
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

void append(std::string& to, std::initializer_list<Piece> pieces) {
  for (const Piece& p : pieces) {
    switch (p.kind) {
      case Piece::kText: to.append(p.chars, p.length); break;
      case Piece::kInteger: append_integer(to, p.integer); break;
      case Piece::kNumber: append_number(to, p.number); break;
      case Piece::kType: to += dtype_name(DType(p.integer)); break;
      case Piece::kShape:
        to += '[';
        for (int i = 0; i < p.shape->rank(); ++i) {
          if (i) to += ", ";
          append_integer(to, (*p.shape)[i]);
        }
        to += ']';
        break;
    }
  }
}

std::string join(std::initializer_list<Piece> pieces) {
  std::string s;
  append(s, pieces);
  return s;
}

const std::string& Status::message() const {
  static const std::string none;
  return error_ ? error_->message : none;
}

Status Status::at(std::string_view where) && {
  if (error_) error_->message = text(where, ": ", error_->message);
  return std::move(*this);
}

Status fail(Code code, std::initializer_list<Piece> pieces) { return Status(code, join(pieces)); }

Status differ(Code code, const char* why, const char* a_name, Piece a, const char* b_name, Piece b) {
  return Status(code, join({why, ": ", a_name, " is ", a, ", ", b_name, " is ", b}));
}

}  // namespace pf
