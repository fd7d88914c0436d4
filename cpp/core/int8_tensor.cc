// SPDX-License-Identifier: Apache-2.0
#include "core/int8_tensor.h"

namespace pf {

Status output_quantization(const Args& args, Quantization* out) {
  const int64_t zero_point = args.i("Y_zero_point");
  out->scale = args.f("Y_scale");
  PF_CHECK(out->scale > 1e-30f && out->scale < 1e30f, argument, "Y_scale must be positive, is ", out->scale);
  PF_CHECK(zero_point >= 0 && zero_point <= 255, argument, "Y_zero_point must be from 0 to 255, is ", zero_point);
  out->zero_point = int32_t(zero_point);
  return {};
}

Status int8_in(OpRun& op, int i, const Int8Tensor** out, DType dtype) {
  Int8Tensor* x;
  PF_TRY(object_of(op.in_blob(i), "Int8Quantize", &x));
  PF_CHECK(x->t.dtype() == dtype, type, "\"", op.in_blob(i).name, "\" must hold ", dtype, ", holds ", x->t.dtype());
  *out = x;
  return {};
}

Status int8_out(OpRun& op, int j, const Shape& shape, const Quantization& q, uint8_t** data) {
  Int8Tensor* y = op.out_blob(j).get<Int8Tensor>();
  if (!y) y = &make_object<Int8Tensor>(op.out_blob(j));
  PF_TRY(y->t.resize(shape, DType::kUint8));
  y->q = q;
  *data = y->t.data<uint8_t>();
  return {};
}

Status same_quantization(const Args& args, const Int8Tensor& x) {
  Quantization q;
  PF_TRY(output_quantization(args, &q));
  PF_CHECK(!args.has("Y_scale") || q.scale == x.q.scale, value, "Y_scale is ", q.scale, ", the input's scale ",
           x.q.scale, "; they must be the same");
  PF_CHECK(!args.has("Y_zero_point") || q.zero_point == x.q.zero_point, value, "Y_zero_point is ", q.zero_point,
           ", the input's ", x.q.zero_point, "; they must be the same");
  return {};
}

}  // namespace pf
