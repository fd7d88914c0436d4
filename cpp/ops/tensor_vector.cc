// SPDX-License-Identifier: Apache-2.0
// Lists of tensors: CreateTensorVector, TensorVectorSize, ConcatTensorVector.
#include "core/tensor_vector.h"

#include "math/copy.h"

namespace pf {
namespace {

Status vector_of(OpRun& op, TensorVector** out) {
  *out = op.in_blob(0).get<TensorVector>();
  PF_CHECK(*out, no_blob, "\"", op.in_blob(0).name, "\" is no list of tensors; CreateTensorVector makes one");
  return {};
}

struct CreateTensorVector {
  Status run(OpRun& op) {
    Blob& blob = op.out_blob(0);
    blob.clear();
    blob.object.reset(new TensorVector);
    return {};
  }
};

struct TensorVectorSize {
  Status run(OpRun& op) {
    TensorVector* list;
    PF_TRY(vector_of(op, &list));
    op.out(0).data<int32_t>()[0] = int32_t(list->tensors.size());
    return {};
  }
};

struct ConcatTensorVector {
  Status run(OpRun& op) {
    TensorVector* list;
    PF_TRY(vector_of(op, &list));
    PF_CHECK(!list->tensors.empty(), value, "\"", op.in_blob(0).name, "\" holds no tensors to join");
    const Tensor& first = list->tensors[0];
    PF_CHECK(first.rank() >= 1, shape, "scalars cannot be joined");
    Shape y = first.shape();
    y[0] = 0;
    for (const Tensor& t : list->tensors) {
      PF_CHECK(t.dtype() == first.dtype() && t.rank() == first.rank(), shape, "tensors must be of one type and rank");
      for (int d = 1; d < y.rank(); ++d)
        PF_CHECK(t.dim(d) == y[d], shape, "tensors may differ in dimension 0 only; there are ", first.shape(), " and ",
                 t.shape());
      y[0] += t.dim(0);
    }
    PF_TRY(op.resize(0, y, first.dtype()));
    const Elements elements(first.dtype());
    int64_t at = 0;
    for (const Tensor& t : list->tensors) {
      elements.copy(elements.at(op.out(0).data<uint8_t>(), at), t.data<uint8_t>(), t.size());
      at += t.size();
    }
    return {};
  }
};

PF_OP(CreateTensorVector)
    .doc("Makes an empty list of tensors.")
    .object_output("list", "The list.")
    .shape(no_tensor)
    .refuse_grad("a list has no gradient")
    .cpu<CreateTensorVector>();

PF_OP(TensorVectorSize)
    .doc("How many tensors a list holds.")
    .object_input("list", "From CreateTensorVector.")
    .output("size", "int32 scalar.")
    .shape([](Infer& in) -> Status {
      in.set(0, Shape{}, DType::kInt32);
      return {};
    })
    .refuse_grad("a number of tensors has no gradient")
    .cpu<TensorVectorSize>();

PF_OP(ConcatTensorVector)
    .doc("Joins the tensors of a list along their first dimension.")
    .object_input("list", "From CreateTensorVector.")
    .output("Y", "Type of the tensors.")
    .shape(no_tensor)
    .shape_unknown("it depends on what the list holds")
    .refuse_grad("a list has no gradient")
    .cpu<ConcatTensorVector>();

}  // namespace
}  // namespace pf
