// SPDX-License-Identifier: Apache-2.0
// The protobuf wire format, as much of it as the core needs: a reader that never trusts its input, and a writer.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/status.h"

namespace pf {

class WireReader {
 public:
  enum Type { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  WireReader(const uint8_t* bytes, size_t size) : at_(bytes), end_(bytes + size) {}
  explicit WireReader(std::string_view s) : WireReader(reinterpret_cast<const uint8_t*>(s.data()), s.size()) {}

  // Moves to the next field; false at the end or when the input is malformed (then !ok()).
  bool next() {
    if (at_ == end_ || !ok_) return false;
    uint64_t key = varint();
    field = int(key >> 3), type = int(key & 7);
    if (key >> 3 == 0 || key >> 32) ok_ = false;
    return ok_;
  }
  bool ok() const { return ok_; }
  size_t left() const { return size_t(end_ - at_); }

  // The value of the current field. A wire type that does not fit marks the input malformed.
  uint64_t integer() { return expect(kVarint) ? varint() : 0; }
  float f32() { return expect(kFixed32) ? fixed<float>() : 0; }
  double f64() { return expect(kFixed64) ? fixed<double>() : 0; }
  std::string_view bytes() {
    if (!expect(kBytes)) return {};
    uint64_t n = varint();
    if (n > left()) return ok_ = false, std::string_view();
    std::string_view s(reinterpret_cast<const char*>(at_), size_t(n));
    at_ += n;
    return s;
  }
  void skip() {
    switch (type) {
      case kVarint:
        varint();
        break;
      case kFixed64:
        fixed<uint64_t>();
        break;
      case kBytes:
        bytes();
        break;
      case kFixed32:
        fixed<uint32_t>();
        break;
      default:
        ok_ = false;  // groups were never part of these messages
    }
  }
  // Repeated scalars arrive one by one or packed; `push` takes each. Weights mostly come one by one: those that follow
  // each other are taken in one go.
  template <class T, class Push>
  void repeated_fixed(Push push) {
    constexpr int kType = sizeof(T) == 4 ? kFixed32 : kFixed64;
    if (type == kType) {
      push(fixed<T>());
      const int key = field << 3 | type;
      while (key < 128 && left() > sizeof(T) && *at_ == key) ++at_, push(fixed<T>());
      return;
    }
    WireReader packed(bytes());
    while (packed.left() && packed.ok_) push(packed.fixed<T>());
    ok_ = ok_ && packed.ok_;
  }
  template <class Push>
  void repeated_integer(Push push) {
    if (type == kVarint) return push(varint());
    WireReader packed(bytes());
    while (packed.left() && packed.ok_) push(packed.varint());
    ok_ = ok_ && packed.ok_;
  }

  int field = 0;
  int type = 0;

 private:
  bool expect(int t) { return ok_ = ok_ && type == t; }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      uint8_t byte = *at_++;
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
    ok_ = false;
    return 0;
  }
  template <class T>
  T fixed() {
    T value{};
    if (left() < sizeof(T)) return ok_ = false, at_ = end_, value;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  const uint8_t *at_, *end_;
  bool ok_ = true;
};

class WireWriter {
 public:
  void integer(int field, uint64_t value) { key(field, WireReader::kVarint), varint(value); }
  void f32(int field, float value) { key(field, WireReader::kFixed32), raw(&value, 4); }
  void bytes(int field, std::string_view value) {
    key(field, WireReader::kBytes), varint(value.size());
    out.append(value);
  }
  void packed_integers_begin(int field, size_t size) { key(field, WireReader::kBytes), varint(size); }
  void varint(uint64_t value) {
    for (; value >= 128; value >>= 7) out += char(value | 128);
    out += char(value);
  }
  void raw(const void* data, size_t size) { out.append(static_cast<const char*>(data), size); }

  std::string out;

 private:
  void key(int field, int type) { varint(uint64_t(field) << 3 | unsigned(type)); }
};

}  // namespace pf
