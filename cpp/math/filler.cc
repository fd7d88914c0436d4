// SPDX-License-Identifier: Apache-2.0
#include "math/filler.h"

#include "math/indices.h"

namespace pf {

Status filler_shape(Infer& in, Shape* out, bool* known) {
  const std::vector<int64_t>&shape = in.args.ints("shape"), &extra = in.args.ints("extra_shape");
  *known = true;
  if (in.inputs() == 0) {
    PF_CHECK(extra.empty() && !in.args.b("input_as_shape"), argument, "extra_shape and input_as_shape need an input");
    *out = Shape(shape.begin(), shape.end());
  } else {
    PF_CHECK(shape.empty(), argument, "the shape is given both as argument and by an input");
    if (in.args.b("input_as_shape")) {
      PF_TRY(want_indices(in, 0));
      PF_TRY(in.want_rank(0, 1));
      const Tensor* values = in.value(0);
      *known = values != nullptr;
      for (int64_t i = 0; values && i < values->size(); ++i) out->push_back(index_at(*values, i));
    } else {
      *out = in.shape(0);
    }
    for (int64_t d : extra) out->push_back(d);
  }
  for (int64_t d : *out) PF_CHECK(d >= 0, shape, "a tensor cannot have the shape ", *out);
  PF_CHECK(!out->overflow(), shape, "a tensor has at most ", Shape::kMaxRank, " dimensions");
  return {};
}

Status value_type(const Args& args, DType* out) {
  const Argument* value = args.def.find("value");
  *out = DType::kFloat;
  if (args.has("dtype"))
    *out = DType(args.i("dtype"));
  else if (value && !value->has_f && value->has_i)
    *out = DType::kInt64;
  else if (value && value->has_s)
    *out = DType::kString;
  if (*out == DType::kByte) *out = DType::kUint8;
  PF_CHECK(*out == DType::kString || (dtype_size(*out) && *out != DType::kFloat16), argument,
           "dtype must be the number of a type (1 float32, 2 int32, 10 int64, …), is ", args.i("dtype"));
  PF_CHECK(!value || value->has_s == (*out == DType::kString), argument, "value and dtype (", *out,
           ") do not go together");
  return {};
}

Status float_filler_shape(Infer& in) {
  Shape shape;
  bool known = false;
  PF_TRY(filler_shape(in, &shape, &known));
  if (known) in.set(0, shape, DType::kFloat);
  return {};
}

}  // namespace pf
