// SPDX-License-Identifier: Apache-2.0
// How anything in the core fails: a code whose number never changes and a sentence for a person. No exceptions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "abi/pf.h"  // the list of codes, which the outside shares

namespace pf {

class Shape;
enum class DType : int32_t;

enum class Code : int32_t {
#define S(name, number, meaning) name = number,
  PF_STATUSES(S)
#undef S
};

class Status;

// Clang then returns the one pointer that a Status is in a register, not through memory.
#if defined(__clang__)
#define PF_IN_REGISTER __attribute__((trivial_abi))
#else
#define PF_IN_REGISTER
#endif

// Parts of a message (text, numbers, Shape, DType) travel as C variadic arguments, with a letter each for what they
// are: a failing check costs its caller one store per part.
namespace detail {

template <class T>
constexpr char kind() {
  using U = std::decay_t<T>;
  if constexpr (std::is_same_v<U, const char*> || std::is_same_v<U, char*>)
    return 'c';
  else if constexpr (std::is_same_v<U, std::string>)
    return 's';
  else if constexpr (std::is_same_v<U, std::string_view>)
    return 'v';
  else if constexpr (std::is_same_v<U, DType>)
    return 't';
  else if constexpr (std::is_same_v<U, Shape>)
    return 'S';
  else if constexpr (std::is_floating_point_v<U>)
    return 'd';
  else if constexpr (std::is_integral_v<U>)
    return sizeof(U) == 8 ? 'l' : std::is_signed_v<U> || sizeof(U) < 4 ? 'i' : 'u';
}

template <class... T>
inline constexpr char kinds[] = {kind<T>()..., 0};

template <class T>
__attribute__((always_inline)) inline auto pass(const T& part) {
  constexpr char k = kind<T>();
  if constexpr (k == 's' || k == 'v' || k == 'S')
    return &part;
  else if constexpr (k == 't')
    return int(part);
  else
    return part;  // arrays of char become pointers
}

void append(std::string* to, const char* kinds, ...);
std::string join(const char* kinds, ...);
Status fail(Code code, const char* kinds, ...);

}  // namespace detail

// Shortest decimal form that reads back as the same float (not double): messages, defaults in docs.
void append_number(std::string& to, double value);

template <class... T>
void append(std::string& to, const T&... parts) {
  detail::append(&to, detail::kinds<T...>, detail::pass(parts)...);
}

template <class... T>
std::string text(const T&... parts) {
  return detail::join(detail::kinds<T...>, detail::pass(parts)...);
}

class [[nodiscard]] PF_IN_REGISTER Status {
 public:
  Status() = default;  // success
  Status(Code code, std::string message);
  Status(Status&& other) : error_(other.error_) { other.error_ = nullptr; }
  Status& operator=(Status&& other) {
    std::swap(error_, other.error_);
    return *this;
  }
  ~Status() {
    if (error_) forget();
  }

  bool ok() const { return !error_; }
  Code code() const { return error_ ? error_->code : Code::ok; }
  const std::string& message() const;
  // Each layer on the way up says once where it was: "<where>: <message>". The parts of `where` are put together on
  // failure.
  template <class... T>
  Status at(const T&... where) && {
    if (error_) prefix(text(where...));
    return std::move(*this);
  }

 private:
  struct Error {
    Code code;
    std::string message;
  };
  void prefix(std::string where);
  void forget();
  Error* error_ = nullptr;
};

template <class... T>
__attribute__((always_inline)) inline Status fail(Code code, const T&... parts) {
  return detail::fail(code, detail::kinds<T...>, detail::pass(parts)...);
}

}  // namespace pf

#define PF_TRY(expression)                                                           \
  do {                                                                               \
    if (::pf::Status pf_status_ = (expression); !pf_status_.ok()) return pf_status_; \
  } while (0)

// PF_CHECK(x.rank() == 4, shape, "X needs 4 dimensions; its shape is ", x.shape())
#define PF_CHECK(condition, code, ...)                                                       \
  do {                                                                                       \
    if (__builtin_expect(!(condition), 0)) return ::pf::fail(::pf::Code::code, __VA_ARGS__); \
  } while (0)

// "<why>: <a> is <value of a>, <b> is <value of b>"
#define PF_CHECK_EQ(a, b, code, why) PF_CHECK((a) == (b), code, why ": " #a " is ", a, ", " #b " is ", b)
