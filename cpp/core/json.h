// SPDX-License-Identifier: Apache-2.0
// Writes JSON, commas and escapes included.
#pragma once
#include <string>
#include <string_view>

#include "core/status.h"

namespace pf {

class Json {
 public:
  Json& begin(char bracket) { return comma(), out += bracket, first_ = true, *this; }
  Json& end(char bracket) { return out += bracket, first_ = false, *this; }
  Json& key(std::string_view name) { return string(name), out += ':', first_ = true, *this; }
  Json& number(double v) {
    return comma(), v == v && v < 1e300 && v > -1e300 ? append_number(out, v) : void(out += "null"), *this;
  }
  Json& boolean(bool v) { return comma(), out += v ? "true" : "false", *this; }
  Json& raw(std::string_view json) { return comma(), out += json, *this; }
  Json& string(std::string_view s) {
    comma();
    out += '"';
    for (char c : s) {
      if (c == '"' || c == '\\')
        (out += '\\') += c;
      else if (static_cast<unsigned char>(c) >= 32)
        out += c;
      else
        append_control(c);
    }
    out += '"';
    return *this;
  }

  std::string out;

 private:
  void append_control(char c) {
    constexpr const char* kHex = "0123456789abcdef";
    out += "\\u00";
    out += kHex[c >> 4 & 15];
    out += kHex[c & 15];
  }
  void comma() {
    if (!first_) out += ',';
    first_ = false;
  }
  bool first_ = true;
};

}  // namespace pf
