// SPDX-License-Identifier: Apache-2.0
// Repeated operands and reordered dimensions: the fast walks against the plain ones, over many shapes; and halves.
#include <cmath>
#include <cstring>

#include "math/broadcast.h"
#include "math/half.h"
#include "math/permute.h"
#include "test.h"

using namespace pf;

namespace {

struct Mix {
  template <class T>
  T operator()(T a, T b) const {
    return T(a * 1000 + b);
  }
};

template <class T>
bool same_as_plain(const Shape& a, const Shape& b, const OpDef& def) {
  Schema schema;
  const Args args(def, schema);
  Shape shape;
  Broadcast plan;
  if (!plan_broadcast(args, a, b, &shape, &plan).ok()) return false;
  std::vector<T> x(size_t(a.size())), y(size_t(b.size())), fast(size_t(shape.size())), plain(size_t(shape.size()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = T(i);
  for (size_t i = 0; i < y.size(); ++i) y[i] = T(i);
  broadcast_rows(plan, x.data(), y.data(), fast.data(), sizeof(T), sizeof(T), &broadcast_row<T, T, Mix>);
  const BroadcastAt<T, T, Mix> at{plan, x.data(), y.data(), plain.data()};
  for (int64_t i = 0; i < plan.size; ++i) at(i);
  return plan.size == shape.size() && fast == plain;
}

template <class T>
bool permuted_as_plain(const Shape& x, const int* axes, DType type) {
  const Permutation plan(x, axes);
  std::vector<T> from(size_t(x.size())), fast(from.size()), plain(from.size());
  for (size_t i = 0; i < from.size(); ++i) from[i] = T(i * 7 + 1);
  permute(plan, type, from.data(), fast.data());
  const PermuteAt<T> at{plan, from.data(), plain.data()};
  for (int64_t i = 0; i < plan.size; ++i) at(i);
  return fast == plain;
}

// All orders of `rank` dimensions, by exchanging one after the other with those behind it.
template <class F>
void each_order(int* axes, int rank, int at, F use) {
  if (at == rank) return use();
  for (int i = at; i < rank; ++i) {
    std::swap(axes[at], axes[i]);
    each_order(axes, rank, at + 1, use);
    std::swap(axes[at], axes[i]);
  }
}

}  // namespace

TEST("numpy's rules: the fast walk gives what the plain one gives") {
  const Shape shapes[] = {{},           {1},          {5},       {4, 5},      {4, 1},    {1, 5},
                          {3, 4, 5},    {3, 1, 5},    {3, 4, 1}, {1, 4, 1},   {1, 1, 1}, {3, 1, 1},
                          {2, 3, 4, 5}, {2, 1, 4, 1}, {0, 1, 5}, {700, 1, 50}};
  OpDef def;
  def.set("axis", int64_t(-1));
  int tried = 0;
  for (const Shape& a : shapes) {
    for (const Shape& b : shapes) {
      Shape shape;
      Broadcast plan;
      Schema schema;
      if (!plan_broadcast(Args(def, schema), a, b, &shape, &plan).ok()) continue;
      ++tried;
      EXPECT(same_as_plain<float>(a, b, def), text(a, " and ", b));
      EXPECT(same_as_plain<int64_t>(a, b, def), text(a, " and ", b));
    }
  }
  EXPECT(tried > 100, tried);
}

TEST("the older rules: B from an axis on, ones at its ends aside") {
  OpDef def;
  def.set("broadcast", int64_t(1));
  def.set("axis", int64_t(1));
  for (const Shape& b : {Shape{3}, Shape{3, 4}, Shape{3, 4, 5}, Shape{3, 1}, Shape{1, 4}, Shape{1, 4, 1}, Shape{1}})
    EXPECT(same_as_plain<float>(Shape{2, 3, 4, 5}, b, def), text(b));
  EXPECT(!same_as_plain<float>(Shape{2, 3, 4, 5}, Shape{4}, def));
}

TEST("every order of four dimensions, in every size of element") {
  const Shape shapes[] = {{2, 3, 4, 5}, {1, 33, 1, 37}, {40, 2, 35, 1}, {2, 1, 1, 3}, {3, 0, 2, 2}};
  for (const Shape& x : shapes) {
    int axes[] = {0, 1, 2, 3};
    each_order(axes, 4, 0, [&] {
      const std::string what = text(x, " by ", axes[0], axes[1], axes[2], axes[3]);
      EXPECT(permuted_as_plain<uint8_t>(x, axes, DType::kUint8), what);
      EXPECT(permuted_as_plain<int16_t>(x, axes, DType::kInt16), what);
      EXPECT(permuted_as_plain<float>(x, axes, DType::kFloat), what);
      EXPECT(permuted_as_plain<double>(x, axes, DType::kDouble), what);
    });
  }
}

TEST("every half survives the way to float and back") {
  for (uint32_t half = 0; half < 65536; ++half) {
    const float value = half_to_float(uint16_t(half));
    if (std::isnan(value))
      EXPECT(std::isnan(half_to_float(float_to_half(value))), half);
    else
      EXPECT(float_to_half(value) == half, half, value);
  }
}

TEST("floats between two halves go to the nearer one, to the even one from the middle") {
  for (uint32_t half = 0; half < 0x7bff; ++half) {
    const float low = half_to_float(uint16_t(half)), high = half_to_float(uint16_t(half + 1)),
                middle = (low + high) / 2;
    EXPECT(float_to_half(middle) == half + (half & 1), half);
    EXPECT(float_to_half(std::nextafter(middle, 0.f)) == half, half);
    EXPECT(float_to_half(std::nextafter(middle, 1e9f)) == half + 1, half);
  }
}
