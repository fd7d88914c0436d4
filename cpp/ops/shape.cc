// SPDX-License-Identifier: Apache-2.0
// Shape and Size: what a tensor's dimensions are and how many elements it has, as tensors.
#include "core/op.h"

namespace pf {
namespace {

Status shape_shape(Infer& in) {
  const std::vector<int64_t>& axes = in.args.ints("axes");
  for (int64_t axis : axes)
    PF_CHECK(axis >= 0 && axis < in.shape(0).rank(), argument, "axes name dimension ", axis, " of X, whose shape is ",
             in.shape(0));
  in.set(0, Shape{axes.empty() ? in.shape(0).rank() : int64_t(axes.size())}, DType::kInt64);
  return {};
}

struct ShapeOf {
  const Args& args;
  explicit ShapeOf(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    const Shape& x = op.in_shape(0);
    const std::vector<int64_t>& axes = args.ints("axes");
    int64_t* y = op.out(0).data<int64_t>();
    for (int64_t i = 0; i < op.out(0).size(); ++i) y[i] = x[axes.empty() ? int(i) : int(axes[size_t(i)])];
    return {};
  }
};

Status size_shape(Infer& in) {
  in.set(0, Shape{}, DType::kInt64);
  return {};
}

struct SizeOf {
  Status run(OpRun& op) {
    *op.out(0).data<int64_t>() = op.in_shape(0).size();
    return {};
  }
};

PF_OP(Shape)
    .doc("The dimensions of X.")
    .optional_arg("axes", ArgType::kInts, "Only these dimensions, in this order.")
    .input("X", "Any type and shape.")
    .output("shape", "int64, 1-D: one number for each dimension.")
    .shape(shape_shape)
    .refuse_grad("a shape does not depend on the elements")
    .cpu<ShapeOf>();

PF_OP(Size)
    .doc("The number of elements of X.")
    .input("X", "Any type and shape.")
    .output("size", "int64 scalar.")
    .shape(size_shape)
    .no_grad()
    .cpu<SizeOf>();

}  // namespace
}  // namespace pf
