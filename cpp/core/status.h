// SPDX-License-Identifier: Apache-2.0
// How anything in the core fails: a code whose number never changes and a sentence for a person. No exceptions.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "abi/pf.h"  // the list of codes, which the outside shares

namespace pf {

class Shape;
enum class DType : int32_t;

enum class Code : int32_t {
#define S(name, number, meaning) name = number,
  PF_STATUSES(S)
#undef S
};

// One part of a message. A tagged view, so that a failing check costs its caller few bytes of code.
struct Piece {
  enum Kind : uint8_t { kText, kInteger, kNumber, kShape, kType } kind;
  union {
    const char* chars;
    int64_t integer;
    double number;
    const Shape* shape;
  };
  size_t length = 0;

  Piece(const char* s) : kind(kText), chars(s), length(__builtin_strlen(s)) {}
  Piece(std::string_view s) : kind(kText), chars(s.data()), length(s.size()) {}
  Piece(const std::string& s) : kind(kText), chars(s.data()), length(s.size()) {}
  Piece(int v) : kind(kInteger), integer(v) {}
  Piece(unsigned v) : kind(kInteger), integer(v) {}
  Piece(long v) : kind(kInteger), integer(v) {}
  Piece(unsigned long v) : kind(kInteger), integer(int64_t(v)) {}
  Piece(long long v) : kind(kInteger), integer(v) {}
  Piece(unsigned long long v) : kind(kInteger), integer(int64_t(v)) {}
  Piece(double v) : kind(kNumber), number(v) {}
  Piece(const Shape& s) : kind(kShape), shape(&s) {}
  Piece(DType t) : kind(kType), integer(int64_t(t)) {}
};

std::string join(std::initializer_list<Piece> pieces);
void append(std::string& to, std::initializer_list<Piece> pieces);
// Shortest decimal form that reads back as the same float (not double): messages, defaults in docs.
void append_number(std::string& to, double value);

template <class... T>
std::string text(const T&... parts) {
  return join({Piece(parts)...});
}

class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  Status(Code code, std::string message) : error_(new Error{code, std::move(message)}) {}

  bool ok() const { return !error_; }
  Code code() const { return error_ ? error_->code : Code::ok; }
  const std::string& message() const;
  // Each layer on the way up says once where it was: "<where>: <message>".
  Status at(std::string_view where) &&;

 private:
  struct Error {
    Code code;
    std::string message;
  };
  std::unique_ptr<Error> error_;
};

Status fail(Code code, std::initializer_list<Piece> pieces);

// "<why>: <a_name> is <a>, <b_name> is <b>"
Status differ(Code code, const char* why, const char* a_name, Piece a, const char* b_name, Piece b);

}  // namespace pf

#define PF_TRY(expression)                                \
  do {                                                    \
    if (::pf::Status pf_status_ = (expression); !pf_status_.ok()) return pf_status_; \
  } while (0)

// PF_CHECK(x.rank() == 4, shape, "X needs 4 dimensions; its shape is ", x.shape())
#define PF_CHECK(condition, code, ...)                                                             \
  do {                                                                                             \
    if (__builtin_expect(!(condition), 0)) return ::pf::fail(::pf::Code::code, {__VA_ARGS__});     \
  } while (0)

#define PF_CHECK_EQ(a, b, code, why)                                                               \
  do {                                                                                             \
    if (__builtin_expect(!((a) == (b)), 0)) return ::pf::differ(::pf::Code::code, why, #a, a, #b, b); \
  } while (0)
