// SPDX-License-Identifier: Apache-2.0
// Sums of quantized tensors: Int8Sum, Int8SumRelu, Int8Add, Int8AddRelu. Both terms are brought to twice the larger
// scale with 20 bits behind the point (gemmlowp's way), added, and brought to the scale of the output.
// build: loops
#include <cmath>

#include "math/int8_vector.h"

namespace pf {
namespace {

constexpr int kBits = 20;

// A number below 1 as multiplier / 2^31 / 2^shift.
struct FixedPoint {
  int32_t multiplier = 0;
  int shift = 0;

  explicit FixedPoint(double value) {
    if (!(value > 0)) return;
    const double fraction = std::frexp(value, &shift);
    int64_t fixed = int64_t(std::nearbyint(fraction * double(1ll << 31)));
    shift = -shift;
    if (fixed == 1ll << 31) fixed /= 2, --shift;
    multiplier = int32_t(fixed);
    if (shift > 31) multiplier = 0, shift = 0;
  }
  int32_t times(int32_t x) const {
    // Doubled high half of the product, rounded to the nearest; then halves away from 0.
    const int64_t product = int64_t(x) * multiplier;
    const int32_t high = int32_t((product + (product >= 0 ? 1ll << 30 : 1 - (1ll << 30))) / (1ll << 31));
    const int32_t mask = int32_t((1u << shift) - 1), remainder = high & mask;
    return (high >> shift) + (remainder > (mask >> 1) + (high < 0));
  }
};

template <bool kRelu>
struct Sum {
  Status run(OpRun& op) {
    const Int8Tensor *a, *b;
    Quantization q;
    uint8_t* y;
    PF_TRY(int8_in(op, 0, &a));
    PF_TRY(int8_in(op, 1, &b));
    PF_TRY(output_quantization(op.args, &q));
    PF_CHECK(a->t.shape() == b->t.shape(), shape, "the terms must have one shape, found ", a->t.shape(), " and ",
             b->t.shape());
    const double twice = 2.0 * double(a->q.scale > b->q.scale ? a->q.scale : b->q.scale);
    const double back = twice / (double(1 << kBits) * double(q.scale));
    PF_CHECK(back < 1, argument, "Y_scale is ", q.scale, ", too small for terms of the scales ", a->q.scale, " and ",
             b->q.scale);
    const FixedPoint fa(double(a->q.scale) / twice), fb(double(b -> q.scale) / twice), fy(back);
    const int32_t za = a->q.zero_point, zb = b->q.zero_point, low = kRelu ? q.zero_point : 0;
    PF_TRY(int8_out(op, 0, Shape(a->t.shape()), q, &y));
    const uint8_t *ta = a->t.data<uint8_t>(), *tb = b->t.data<uint8_t>();
    parallel_for(a->t.size(), 32768, [=](int64_t begin, int64_t end) {
      int64_t i = begin;
      // Eight at a time, the same numbers.
      const FixedPointVector va(fa.multiplier, fa.shift), vb(fb.multiplier, fb.shift), vy(fy.multiplier, fy.shift);
      const i16x8 eight_za = i16x8::splat(int16_t(za)), eight_zb = i16x8::splat(int16_t(zb));
      const i16x8 none = i16x8::splat(0);
      const i32x4 zero = i32x4::splat(q.zero_point);
      const auto scaled = [&](const FixedPointVector& v, i16x8 pairs) {  // the upper half of a pair is the element
        const i32x4 x = i32x4{(RawI32x4)pairs.v} << (kBits - 16);
        return v.halves ? x >> 1 : v(x);  // of the term of the larger scale it is a half
      };
      for (; i + 8 <= end; i += 8) {
        const i16x8 ea = i16x8::load_u8(ta + i) - eight_za, eb = i16x8::load_u8(tb + i) - eight_zb;
        const i32x4 first = scaled(va, first_pairs(none, ea)) + scaled(vb, first_pairs(none, eb));
        const i32x4 last = scaled(va, last_pairs(none, ea)) + scaled(vb, last_pairs(none, eb));
        RawU8x16 bytes;
        const i16x8 x = narrow(vy(first) + zero, vy(last) + zero);
        narrow_u8(x, x, uint8_t(low), &bytes);
        std::memcpy(y + i, &bytes, 8);
      }
      for (; i < end; ++i) {
        const int32_t sum = fa.times((ta[i] - za) * (1 << kBits)) + fb.times((tb[i] - zb) * (1 << kBits));
        y[i] = clamp_u8(int64_t(fy.times(sum)) + q.zero_point, low);
      }
    });
    return {};
  }
};

constexpr auto kSum = [](auto& op) {
  op.with(kQuantized)
      .arg("order", "NHWC", "Of no effect.")
      .object_input("A", "int8 tensor.")
      .object_input("B", "int8 tensor, shape of A.")
      .object_output("Y", "int8 tensor, shape of A.")
      .inplace(0, 0)
      .inplace(1, 0)
      .shape(no_tensor);
};

PF_OP(Int8Sum).doc("Sum of two quantized tensors.").with(kSum).cpu<Sum<false>>();
PF_OP(Int8SumRelu).doc("Sum of two quantized tensors, then Relu.").with(kSum).cpu<Sum<true>>();
PF_OP(Int8Add).doc("Sum of two quantized tensors.").with(kSum).cpu<Sum<false>>();
PF_OP(Int8AddRelu).doc("Sum of two quantized tensors, then Relu.").with(kSum).cpu<Sum<true>>();

}  // namespace
}  // namespace pf
