// SPDX-License-Identifier: Apache-2.0
// Keeping what a mask tells: BooleanMask, BooleanMaskLengths; and putting it together again: BooleanUnmask.
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

struct BooleanMask {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const int64_t rows = x.dim(0), length = x.shape().from(1);
    const uint8_t* mask = op.in(1).data<uint8_t>();
    const Elements elements(x.dtype());
    uint8_t* y = op.out(0).data<uint8_t>();
    int64_t* indices = op.outputs() > 1 ? op.out(1).data<int64_t>() : nullptr;
    int64_t kept = 0;
    for (int64_t i = 0; i < rows; ++i) {
      if (!mask[i]) continue;
      elements.copy(elements.at(y, kept * length), elements.at(x.data<uint8_t>(), i * length), length);
      if (indices) indices[kept] = i;
      ++kept;
    }
    return {};
  }
};

Status mask_shape(Infer& in) {
  PF_TRY(in.want_dtype(1, DType::kBool));
  PF_TRY(in.want_rank(1, 1));
  const Shape& x = in.shape(0);
  PF_CHECK(x.rank() >= 1 && x[0] == in.shape(1)[0], shape, "the mask must have one truth value for each row of X ", x,
           ", has the shape ", in.shape(1));
  const Tensor* mask = in.value(1);
  if (!mask) return in.unknown();
  int64_t kept = 0;
  for (int64_t i = 0; i < mask->size(); ++i) kept += mask->data<uint8_t>()[i] != 0;
  Shape y = x;
  y[0] = kept;
  in.set(0, y, in.dtype(0));
  in.set(1, Shape{kept}, DType::kInt64);
  return {};
}

struct BooleanMaskLengths {
  Status run(OpRun& op) {
    const Tensor& lengths = op.in(0);
    const int64_t size = op.in(1).size();
    const uint8_t* mask = op.in(1).data<uint8_t>();
    int64_t at = 0;
    for (int64_t i = 0; i < lengths.size(); ++i) {
      const int64_t length = index_at(lengths, i);
      PF_CHECK(length >= 0 && length <= size - at, value, "length ", i, " is ", length, "; of the mask ", size - at,
               " elements are left");
      int64_t kept = 0;
      for (const int64_t end = at + length; at < end; ++at) kept += mask[at] != 0;
      if (lengths.dtype() == DType::kInt32)
        op.out(0).data<int32_t>()[i] = int32_t(kept);
      else
        op.out(0).data<int64_t>()[i] = kept;
    }
    PF_CHECK(at == size, value, "the lengths make ", at, " together, but the mask has ", size, " elements");
    return {};
  }
};

struct BooleanUnmask {
  Status run(OpRun& op) {
    const int masks = op.inputs() / 2;
    const Elements elements(op.out(0).dtype());
    int64_t* used;
    PF_TRY(op.scratch(masks, &used));
    for (int m = 0; m < masks; ++m) used[m] = 0;
    for (int64_t i = 0; i < op.in(0).size(); ++i) {
      int m = 0;
      while (m < masks && !op.in(2 * m).data<uint8_t>()[i]) ++m;
      PF_CHECK(m < masks, value, "no mask has position ", i);
      const Tensor& values = op.in(2 * m + 1);
      PF_CHECK(used[m] < values.size(), value, "mask ", m, " has more positions than its values, which are ",
               values.size());
      elements.copy(elements.at(op.out(0).data<uint8_t>(), i), elements.at(values.data<uint8_t>(), used[m]++), 1);
    }
    for (int m = 0; m < masks; ++m)
      PF_CHECK(used[m] == op.in(2 * m + 1).size(), value, "mask ", m, " uses ", used[m], " of its ",
               op.in(2 * m + 1).size(), " values");
    return {};
  }
};

Status unmask_shape(Infer& in) {
  PF_CHECK(in.inputs() % 2 == 0, argument, "takes masks and values in pairs, found ", in.inputs(), " inputs");
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, i % 2 ? in.dtype(1) : DType::kBool));
    PF_TRY(in.want_rank(i, 1));
    if (i % 2 == 0) PF_TRY(in.want_same_shape(0, i));
  }
  in.set(0, in.shape(0), in.dtype(1));
  return {};
}

PF_OP(BooleanMask)
    .doc("The rows of X where the mask is true.")
    .input("X", "Any type, [rows, ...].")
    .input("mask", "bool [rows].")
    .output("Y", "Type of X, [rows kept, ...].")
    .optional_output("indices", "int64 [rows kept]: where they were.")
    .shape(mask_shape)
    .no_grad()
    .cpu<BooleanMask>();

PF_OP(BooleanMaskLengths)
    .doc("Lengths of segments after BooleanMask: how often the mask is true in each.")
    .input("lengths", "int32 or int64 [segments].")
    .input("mask", "bool, as many elements as the lengths make together.")
    .output("Y", "Type and shape of lengths.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_indices(in, 0));
      PF_TRY(in.want_rank(0, 1));
      PF_TRY(in.want_dtype(1, DType::kBool));
      PF_TRY(in.want_rank(1, 1));
      in.set(0, in.shape(0), in.dtype(0));
      return {};
    })
    .no_grad()
    .cpu<BooleanMaskLengths>();

PF_OP(BooleanUnmask)
    .doc(
        "One tensor of several masks and the values they kept: at each position the next value of the first mask that "
        "is true there.")
    .variadic_input("masks and values", "mask, values, mask, values, ...: bool [count]; any one type, 1 dimension.")
    .output("Y", "Type of the values [count].")
    .shape(unmask_shape)
    .no_grad()
    .cpu<BooleanUnmask>();

}  // namespace
}  // namespace pf
