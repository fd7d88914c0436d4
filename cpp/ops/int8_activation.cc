// SPDX-License-Identifier: Apache-2.0
// Functions of quantized tensors: Int8Relu; Int8LeakyRelu and Int8Sigmoid, each by a table of its 256 values;
// Int8Softmax.
// build: loops
#include <cmath>

#include "math/int8.h"

namespace pf {
namespace {

// table[q of the input] = q of the output.
Status look_up(OpRun& op, const Int8Tensor& x, const Quantization& q, const uint8_t* table) {
  uint8_t* y;
  PF_TRY(int8_out(op, 0, Shape(x.t.shape()), q, &y));
  const uint8_t* from = x.t.data<uint8_t>();
  parallel_for(x.t.size(), 32768, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = table[from[i]];
  });
  return {};
}

struct Int8Relu {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(same_quantization(op.args, *x));
    const auto low = uint8_t(x->q.zero_point);
    uint8_t* y;
    const int64_t size = x->t.size();
    PF_TRY(int8_out(op, 0, Shape(x->t.shape()), x->q, &y));
    const uint8_t* from = x->t.data<uint8_t>();
    parallel_for(size, 65536, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = from[i] < low ? low : from[i];
    });
    return {};
  }
};

struct Int8LeakyRelu {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    Quantization q;
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(output_quantization(op.args, &q));
    const float alpha = op.args.f("alpha"), ratio = x->q.scale / q.scale;
    uint8_t table[256];
    for (int i = 0; i < 256; ++i) {
      const float v = ratio * float(i - x->q.zero_point);
      table[i] = quantize(v < 0 ? v * alpha : v, {1.f, q.zero_point});
    }
    return look_up(op, *x, q, table);
  }
};

constexpr float kPart = 1.f / 256;  // the scale of numbers from 0 to 1

Status want_parts(const Args& args, Quantization* q) {
  PF_TRY(output_quantization(args, q));
  PF_CHECK(q->scale == kPart && q->zero_point == 0, argument, "Y_scale must be 1/256 and Y_zero_point 0, they are ",
           q->scale, " and ", q->zero_point);
  return {};
}

struct Int8Sigmoid {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    Quantization q;
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(want_parts(op.args, &q));
    uint8_t table[256];
    for (int i = 0; i < 256; ++i)
      table[i] = quantize(1.f / (1.f + std::exp(-x->q.scale * float(i - x->q.zero_point))), q);
    return look_up(op, *x, q, table);
  }
};

struct Int8Softmax {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    Quantization q;
    uint8_t* y;
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(want_parts(op.args, &q));
    const Shape shape = x->t.shape();
    int64_t axis = op.args.i("axis");
    if (axis < 0) axis += shape.rank();
    PF_CHECK(axis >= 0 && axis < shape.rank(), argument, "axis is ", op.args.i("axis"), ", X has the shape ", shape);
    const int64_t rows = shape.upto(int(axis)), columns = shape.from(int(axis));
    // exp of how far an element is below the largest, such that a row's sum stays in 32 bits.
    uint32_t table[256];
    const double most = std::fmin(double(UINT32_MAX) / double(columns ? columns : 1), 8388607.0);
    for (int i = 0; i < 256; ++i)
      table[i] = uint32_t(std::nearbyint(most * std::exp(double(i - 255) * double(x->q.scale))));
    PF_TRY(int8_out(op, 0, shape, q, &y));
    const uint8_t* from = x->t.data<uint8_t>();
    parallel_for(rows, 1 + 16384 / (columns + 1), [=, &table](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const uint8_t* row = from + r * columns;
        uint8_t largest = 0;
        for (int64_t c = 0; c < columns; ++c) largest = row[c] > largest ? row[c] : largest;
        const uint32_t* exps = table + (255 - largest);
        uint64_t sum = 0;
        for (int64_t c = 0; c < columns; ++c) sum += exps[row[c]];
        for (int64_t c = 0; c < columns; ++c)
          y[r * columns + c] = clamp_u8(sum ? int64_t(((uint64_t(exps[row[c]]) << 8) + (sum >> 1)) / sum) : 0);
      }
    });
    return {};
  }
};

constexpr auto kUnary = [](auto& op) {
  op.with(kQuantized)
      .arg("order", "NHWC", "Of no effect.")
      .object_input("X", "int8 tensor.")
      .object_output("Y", "int8 tensor, shape of X.")
      .inplace(0, 0)
      .shape(no_tensor);
};

PF_OP(Int8Relu).doc("`max(x, 0)`. The output has the scale and zero point of the input.").with(kUnary).cpu<Int8Relu>();

PF_OP(Int8LeakyRelu)
    .doc("`x` where `x > 0`, `alpha * x` elsewhere.")
    .arg("alpha", 0.01f, "Slope of the negative side.")
    .with(kUnary)
    .cpu<Int8LeakyRelu>();

PF_OP(Int8Sigmoid)
    .doc("`1 / (1 + exp(-x))`. Y_scale must be 1/256 and Y_zero_point 0.")
    .with(kUnary)
    .cpu<Int8Sigmoid>();

PF_OP(Int8Softmax)
    .doc("Softmax over all dimensions from an axis on. Y_scale must be 1/256 and Y_zero_point 0.")
    .arg("axis", 1, "The first of them; below 0 it counts from the end.")
    .with(kUnary)
    .cpu<Int8Softmax>();

}  // namespace
}  // namespace pf
