// SPDX-License-Identifier: Apache-2.0
// Numbers as rows of zeros with a one: OneHot, BatchOneHot, BatchBucketOneHot.
#include "math/indices.h"

namespace pf {
namespace {

struct OneHot {
  Status run(OpRun& op) {
    const int64_t count = op.in(0).size(), size = op.out(0).dim(1);
    const int64_t* indices = op.in(0).data<int64_t>();
    float* y = op.out(0).data<float>();
    for (int64_t i = 0; i < count * size; ++i) y[i] = 0;
    for (int64_t i = 0; i < count; ++i) {
      PF_CHECK(indices[i] >= 0 && indices[i] < size, value, "index ", i, " is ", indices[i], ", expected 0 to ",
               size - 1);
      y[i * size + indices[i]] = 1;
    }
    return {};
  }
};

Status one_hot_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kInt64));
  PF_TRY(in.want_rank(0, 1));
  PF_TRY(in.want_dtype(1, DType::kInt64));
  PF_CHECK(in.shape(1).size() == 1, shape, "the size must be one number, has the shape ", in.shape(1));
  const Tensor* size = in.value(1);
  if (!size) return in.unknown();
  const int64_t n = size->data<int64_t>()[0];
  PF_CHECK(n >= 0, value, "the size must not be negative, is ", n);
  in.set(0, Shape{in.shape(0)[0], n}, DType::kFloat);
  return {};
}

// X is [rows, columns]; column j becomes lengths[j] + extra columns. `numbers` has the lengths' sum.
Status expanded_shape(Infer& in, int64_t least, int64_t extra, DType type) {
  const Shape& x = in.shape(0);
  PF_CHECK(x.rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
  PF_TRY(in.want_dtype(1, DType::kInt32));
  PF_TRY(in.want_dtype(2, in.dtype(0)));
  PF_CHECK(in.shape(1).size() == x.from(1), shape, "there must be one length for each of the ", x.from(1),
           " columns, found the shape ", in.shape(1));
  const Tensor* lengths = in.value(1);
  if (!lengths) return in.unknown();
  int64_t sum = 0;
  for (int64_t j = 0; j < lengths->size(); ++j) {
    const int32_t length = lengths->data<int32_t>()[j];
    PF_CHECK(length >= least, value, "length ", j, " is ", length, ", expected ", least, " or more");
    sum += length;
  }
  PF_CHECK(sum == in.shape(2).size(), value, "the lengths make ", sum, " together, but there are ", in.shape(2).size(),
           " values");
  in.set(0, Shape{x[0], sum + extra * lengths->size()}, type);
  return {};
}

template <class T>
void tell_equal(OpRun& op) {
  const int64_t rows = op.in(0).dim(0), columns = op.in(1).size(), width = op.out(0).dim(1);
  const T *x = op.in(0).data<T>(), *values = op.in(2).data<T>();
  T* y = op.out(0).data<T>();
  const int32_t* lengths = op.in(1).data<int32_t>();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0, at = 0; j < columns; ++j)
      for (int64_t end = at + lengths[j]; at < end; ++at) y[i * width + at] = T(x[i * columns + j] == values[at]);
}

struct BatchOneHot {
  Status run(OpRun& op) {
    switch (op.in(0).dtype()) {
      case DType::kInt32:
        return tell_equal<int32_t>(op), Status();
      case DType::kInt64:
        return tell_equal<int64_t>(op), Status();
      default:
        return tell_equal<uint8_t>(op), Status();
    }
  }
};

struct BatchBucketOneHot {
  Status run(OpRun& op) {
    const int64_t rows = op.in(0).dim(0), columns = op.in(1).size(), width = op.out(0).dim(1);
    const float *x = op.in(0).data<float>(), *boundaries = op.in(2).data<float>();
    const int32_t* lengths = op.in(1).data<int32_t>();
    float* y = op.out(0).data<float>();
    for (int64_t i = 0; i < rows * width; ++i) y[i] = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const float* boundary = boundaries;
      float* to = y + i * width;
      for (int64_t j = 0; j < columns; boundary += lengths[j], to += lengths[j] + 1, ++j) {
        int64_t bucket = 0;  // a bucket ends with its upper boundary
        while (bucket < lengths[j] && boundary[bucket] < x[i * columns + j]) ++bucket;
        to[bucket] = 1;
      }
    }
    return {};
  }
};

PF_OP(OneHot)
    .doc("A row for each index: 1 at the index, 0 elsewhere.")
    .input("indices", "int64 [count], from 0 to size - 1.")
    .input("size", "int64, one number: the length of the rows.")
    .output("Y", "float [count, size].")
    .shape(one_hot_shape)
    .no_grad()
    .cpu<OneHot>();

PF_OP(BatchOneHot)
    .doc("Column j of X becomes lengths[j] columns, each telling whether X equals one of the values.")
    .input("X", "int32, int64 or bool [rows, ...].")
    .input("lengths", "int32 [columns]: how many of the values belong to each column.")
    .input("values", "Type of X: the values of all columns, one after the other.")
    .output("Y", "Type of X [rows, number of values]: 1 or 0.")
    .shape([](Infer& in) -> Status {
      const DType t = in.dtype(0);
      PF_CHECK(is_index(t) || t == DType::kBool, type, "X must be int32, int64 or bool, is ", t);
      return expanded_shape(in, 0, 0, t);
    })
    .no_grad()
    .cpu<BatchOneHot>();

PF_OP(BatchBucketOneHot)
    .doc(
        "Column j of X becomes lengths[j] + 1 columns, one for each bucket between its boundaries: "
        "(-inf, b1], (b1, b2], ..., (bn, inf).")
    .input("X", "float [rows, ...].")
    .input("lengths", "int32 [columns], positive: how many of the boundaries belong to each column.")
    .input("boundaries", "float: ascending boundaries of all columns, one after the other.")
    .output("Y", "float [rows, number of buckets]: 1 in the bucket of X, else 0.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      return expanded_shape(in, 1, 1, DType::kFloat);
    })
    .refuse_grad("buckets have no gradient")
    .cpu<BatchBucketOneHot>();

}  // namespace
}  // namespace pf
