// SPDX-License-Identifier: Apache-2.0
// Reshape: the same elements under other dimensions. ResizeLike: under those of another tensor.
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

// The dimensions asked for, from the argument or the second input; false when the input's values are not known yet.
bool wanted(Infer& in, Shape* out) {
  if (in.inputs() == 1) {
    for (int64_t d : in.args.ints("shape")) out->push_back(d);
    return true;
  }
  const Tensor* values = in.value(1);
  if (!values) return false;
  for (int64_t i = 0; i < values->size(); ++i) out->push_back(index_at(*values, i));
  return true;
}

// 0 stands for the dimension of X in its place, one -1 for whatever makes the number of elements right.
Status resolve(const Shape& x, Shape* shape) {
  int open = -1;
  int64_t size = 1;
  const Shape asked = *shape;
  for (int i = 0; i < shape->rank(); ++i) {
    int64_t& d = (*shape)[i];
    if (d == 0 && i < x.rank()) d = x[i];
    PF_CHECK(d >= -1 && (d >= 0 || open < 0), shape, "the new shape ", asked,
             " may hold one -1 and no other negative number");
    if (d < 0)
      open = i;
    else
      size = saturating_product(size, d);
  }
  if (open >= 0) {
    PF_CHECK(size != 0, shape, "the new shape ", asked, " leaves the -1 open: the other dimensions have no elements");
    (*shape)[open] = x.size() / size;
    size = saturating_product(size, (*shape)[open]);
  }
  PF_CHECK(size == x.size() && !shape->overflow(), shape, "X ", x, " has ", x.size(),
           " elements, which do not fit the new shape ", asked);
  return {};
}

Status reshape_shape(Infer& in) {
  const bool by_argument = in.args.has("shape");
  PF_CHECK(by_argument != (in.inputs() == 2), argument, "needs the new shape either as argument or as second input",
           by_argument ? ", found both" : ", found neither");
  DType of_shape = DType::kInt64;
  if (in.inputs() == 2) {
    PF_TRY(want_indices(in, 1));
    PF_TRY(in.want_rank(1, 1));
    of_shape = in.dtype(1);
  }
  Shape shape;
  if (!wanted(in, &shape)) return in.unknown();
  PF_TRY(resolve(in.shape(0), &shape));
  in.set(0, shape, in.dtype(0));
  in.set(1, Shape{in.shape(0).rank()}, of_shape);
  return {};
}

struct Reshape {
  Status run(OpRun& op) {
    copy_elements<Device>(op, op.in(0), op.out(0));
    if (op.outputs() < 2) return {};
    const Shape& old = op.in_shape(0);  // X itself may have its new shape already
    Tensor& y = op.out(1);
    for (int i = 0; i < old.rank(); ++i) {
      if (y.dtype() == DType::kInt64)
        y.data<int64_t>()[i] = old[i];
      else
        y.data<int32_t>()[i] = int32_t(old[i]);
    }
    return {};
  }
};

void reshape_gradient(Gradient& g) {
  if (g.outputs() < 2)
    (void)g.refuse("needs its second output, the old shape, to have a gradient");
  else
    g.plain("Reshape", {g.GO(0), g.O(1)}, {g.GI(0), "_" + g.GI(0) + "_dims"});
}

Status resize_like_shape(Infer& in) {
  PF_CHECK(in.shape(0).size() == in.shape(1).size(), shape, "X ", in.shape(0), " and Like ", in.shape(1),
           " must have equally many elements");
  in.set(0, in.shape(1), in.dtype(0));
  return {};
}

PF_OP(Reshape)
    .doc(
        "The elements of X in row-major order under new dimensions. In the new shape 0 keeps the dimension of X in its "
        "place and one -1 is computed.")
    .optional_arg("shape", ArgType::kInts, "The new shape, where it is no input.")
    .input("X", "Any type and shape.")
    .optional_input("new_shape", "int64 or int32, 1-D: the new shape, where it is no argument.")
    .output("Y", "Type and elements of X.")
    .optional_output("old_shape", "The dimensions X had, of the type of new_shape or int64; the gradient needs them.")
    .inplace(0, 0)
    .shape(reshape_shape)
    .grad(reshape_gradient)
    .cpu<Reshape>();

PF_OP(ResizeLike)
    .doc("The elements of X in row-major order under the dimensions of Like.")
    .input("X", "Any type and shape.")
    .input("Like", "As many elements as X.")
    .output("Y", "Shape of Like, type and elements of X.")
    .shape(resize_like_shape)
    .refuse_grad("it is made by gradients and has none of its own; use Reshape")
    .kernel<CopyElements>();

}  // namespace
}  // namespace pf
