// SPDX-License-Identifier: Apache-2.0
// Into and out of quantized tensors: Int8Quantize, Int8Dequantize, Int8GivenTensorFill, Int8GivenIntTensorFill.
#include "math/int8.h"

namespace pf {
namespace {

struct Int8Quantize {
  Status run(OpRun& op) {
    Quantization q;
    uint8_t* y;
    PF_TRY(output_quantization(op.args, &q));
    PF_CHECK(op.in(0).dtype() == DType::kFloat, type, "X must be float32, is ", op.in(0).dtype());
    PF_TRY(int8_out(op, 0, op.in(0).shape(), q, &y));
    const float* x = op.in(0).data<float>();
    parallel_for(op.in(0).size(), 65536,
                 [=](int64_t begin, int64_t end) { quantize(x + begin, end - begin, q, y + begin); });
    return {};
  }
};

struct Int8Dequantize {
  Status run(OpRun& op) {
    Int8Tensor* x;
    PF_TRY(object_of(op.in_blob(0), "Int8Quantize", &x));
    op.out_blob(0).object.reset();
    PF_TRY(op.resize(0, x->t.shape(), DType::kFloat));
    float* y = op.out(0).data<float>();
    const Quantization from = x->q;
    const int64_t size = x->t.size();
    if (x->t.dtype() == DType::kInt32) {
      for (int64_t i = 0; i < size; ++i) y[i] = from.scale * float(int64_t(x->t.data<int32_t>()[i]) - from.zero_point);
      return {};
    }
    const uint8_t* q = x->t.data<uint8_t>();
    parallel_for(size, 65536, [=](int64_t begin, int64_t end) { dequantize(q + begin, end - begin, from, y + begin); });
    return {};
  }
};

Status shape_of(const Args& args, int64_t count, Shape* out) {
  for (int64_t d : args.ints("shape")) {
    PF_CHECK(d >= 0, argument, "shape has the dimension ", d);
    out->push_back(d);
  }
  PF_CHECK(!out->overflow() && out->size() == count, argument, "shape ", *out, " does not take the ", count, " values");
  return {};
}

struct Int8GivenTensorFill {
  Status run(OpRun& op) {
    const std::string_view values = op.args.s("values");
    Quantization q;
    Shape shape;
    uint8_t* y;
    PF_TRY(output_quantization(op.args, &q));
    PF_TRY(shape_of(op.args, int64_t(values.size()), &shape));
    PF_TRY(int8_out(op, 0, shape, q, &y));
    if (!values.empty()) __builtin_memcpy(y, values.data(), values.size());
    return {};
  }
};

// Of a bias, whose zero point may be anything: it is not used.
struct Int8GivenIntTensorFill {
  Status run(OpRun& op) {
    const auto& values = op.args.ints("values");
    Shape shape;
    const float scale = op.args.f("Y_scale");
    PF_CHECK(scale > 0 && scale < 1e30f, argument, "Y_scale must be positive, is ", scale);
    PF_TRY(shape_of(op.args, int64_t(values.size()), &shape));
    Int8Tensor& y = make_object<Int8Tensor>(op.out_blob(0));
    y.q = {scale, int32_t(op.args.i("Y_zero_point"))};
    PF_TRY(y.t.resize(shape, DType::kInt32));
    for (size_t i = 0; i < values.size(); ++i) y.t.data<int32_t>()[i] = int32_t(values[i]);
    return {};
  }
};

PF_OP(Int8Quantize)
    .doc("`q = Y_zero_point + round(x / Y_scale)`, halves to even, from 0 to 255.")
    .with(kQuantized)
    .input("X", "float, any shape; of four dimensions [N, H, W, C].")
    .object_output("Y", "int8 tensor, shape of X.")
    .shape(no_tensor)
    .cpu<Int8Quantize>();

PF_OP(Int8Dequantize)
    .doc("`x = scale * (q - zero_point)`.")
    .object_input("X", "int8 tensor.")
    .output("Y", "float, shape of X.")
    .shape(no_tensor)
    .shape_unknown("the input is an object")
    .no_grad()
    .cpu<Int8Dequantize>();

PF_OP(Int8GivenTensorFill)
    .doc("An int8 tensor of given elements.")
    .required_arg("values", ArgType::kString, "The elements, a byte each.")
    .required_arg("shape", ArgType::kInts, "The shape.")
    .with(kQuantized)
    .object_output("Y", "int8 tensor.")
    .shape(no_tensor)
    .cpu<Int8GivenTensorFill>();

PF_OP(Int8GivenIntTensorFill)
    .doc("An int8 tensor of given int32 elements, for a bias.")
    .required_arg("values", ArgType::kInts, "The elements.")
    .required_arg("shape", ArgType::kInts, "The shape.")
    .with(kQuantized)
    .object_output("Y", "int8 tensor of int32.")
    .shape(no_tensor)
    .cpu<Int8GivenIntTensorFill>();

}  // namespace
}  // namespace pf
