// SPDX-License-Identifier: Apache-2.0
// Flatten: a matrix of everything before an axis times everything from it on. FlattenToVec: one row of all.
// PrependDim and MergeDim split the first dimension in two and join the first two.
#include "math/copy.h"

namespace pf {
namespace {

Status flatten_shape(Infer& in) {
  const Shape& x = in.shape(0);
  int64_t axis = in.args.i("axis");
  if (axis < 0) axis += x.rank();
  PF_CHECK(axis >= 0 && axis <= x.rank(), shape, "axis ", in.args.i("axis"), " is none of X, whose shape is ", x);
  in.set(0, Shape{x.upto(int(axis)), x.from(int(axis))}, in.dtype(0));
  return {};
}

Status vector_shape(Infer& in) {
  PF_CHECK(in.shape(0).rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
  in.set(0, Shape{in.shape(0).size()}, in.dtype(0));
  return {};
}

Status prepend_shape(Infer& in) {
  const Shape& x = in.shape(0);
  const int64_t size = in.args.i("dim_size");
  PF_CHECK(size > 0, argument, "dim_size must be 1 or more, is ", size);
  PF_CHECK(x.rank() >= 1 && x[0] % size == 0, shape, "the first dimension of X ", x,
           " must be a multiple of dim_size, ", size);
  Shape y{size, x[0] / size};
  for (int i = 1; i < x.rank(); ++i) y.push_back(x[i]);
  in.set(0, y, in.dtype(0));
  return {};
}

Status merge_shape(Infer& in) {
  const Shape& x = in.shape(0);
  PF_CHECK(x.rank() >= 2, shape, "X must have 2 dimensions or more; its shape is ", x);
  Shape y{saturating_product(x[0], x[1])};
  for (int i = 2; i < x.rank(); ++i) y.push_back(x[i]);
  in.set(0, y, in.dtype(0));
  return {};
}

void resize_gradient(Gradient& g) { g.op("ResizeLike", {g.GO(0), g.I(0)}, {g.GI(0)}); }

PF_OP(Flatten)
    .doc("The elements of X as a matrix: the dimensions before `axis` become rows, the others columns.")
    .arg("axis", 1, "The first dimension that becomes columns.")
    .input("X", "Any type; `axis` dimensions or more.")
    .output("Y", "2-D, type and elements of X.")
    .shape(flatten_shape)
    .grad(resize_gradient)
    .kernel<CopyElements>();

PF_OP(FlattenToVec)
    .doc("The elements of X as one dimension.")
    .input("X", "Any type; 1 dimension or more.")
    .output("Y", "1-D, type and elements of X.")
    .shape(vector_shape)
    .grad(resize_gradient)
    .kernel<CopyElements>();

PF_OP(PrependDim)
    .doc("Splits the first dimension: `(n, …)` becomes `(dim_size, n / dim_size, …)`.")
    .required_arg("dim_size", ArgType::kInt, "The new first dimension.")
    .input("X", "Any type; 1 dimension or more.")
    .output("Y", "Type and elements of X.")
    .inplace(0, 0)
    .shape(prepend_shape)
    .grad([](Gradient& g) { g.plain("MergeDim", {g.GO(0)}, {g.GI(0)}); })
    .kernel<CopyElements>();

PF_OP(MergeDim)
    .doc("Joins the first two dimensions: `(m, n, …)` becomes `(m * n, …)`.")
    .input("X", "Any type; 2 dimensions or more.")
    .output("Y", "Type and elements of X.")
    .inplace(0, 0)
    .shape(merge_shape)
    .refuse_grad("Caffe2 defines none; use Reshape")
    .kernel<CopyElements>();

}  // namespace
}  // namespace pf
