// SPDX-License-Identifier: Apache-2.0
// Rows at numbered places of a tensor that is otherwise 0 or a default: SparseToDense, BatchSparseToDense and its
// inverse BatchDenseToSparse. RemoveDataBlocks leaves numbered rows out.
#include "math/copy.h"
#include "math/indices.h"
#include "math/segments.h"

namespace pf {
namespace {

Status sparse_shape(Infer& in) {
  PF_TRY(want_index_vector(in, 0));
  const Shape& values = in.shape(1);
  PF_CHECK(in.dtype(1) != DType::kString && in.dtype(1) != DType::kFloat16, type, "VALUES must be numbers, found ",
           in.dtype(1));
  PF_CHECK(values.rank() >= 1 && values[0] == in.shape(0)[0], shape, "there must be a row of VALUES ", values,
           " for each of the ", in.shape(0)[0], " indices");
  int64_t rows = in.args.i("output_first_dim");
  if (in.inputs() > 2) {
    PF_CHECK(rows <= 0, argument, "output_first_dim and input 2 both tell the number of rows; give one of them");
    PF_CHECK(in.shape(2).rank() >= 1, shape, "input 2 must have a first dimension, is a scalar");
    rows = in.shape(2)[0];
  } else if (rows <= 0) {
    const Tensor* indices = in.value(0);
    if (!indices) return in.unknown();
    PF_TRY(count_of_ids(*indices, &rows));
  }
  Shape y = values;
  y[0] = rows;
  in.set(0, y, in.dtype(1));
  return {};
}

template <class T>
void add_rows_at(const Tensor& indices, int64_t n, const Tensor& x, Tensor& y) {
  for (int64_t i = 0; i < indices.size(); ++i) {
    T* to = static_cast<T*>(static_cast<void*>(y.data<uint8_t>())) + index_at(indices, i) * n;
    const T* from = static_cast<const T*>(static_cast<const void*>(x.data<uint8_t>())) + i * n;
    for (int64_t j = 0; j < n; ++j) to[j] = T(to[j] + from[j]);
  }
}

struct SparseToDense {
  Status run(OpRun& op) {
    const Tensor &indices = op.in(0), &x = op.in(1);
    Tensor& y = op.out(0);
    PF_TRY(check_indices(indices, y.dim(0)));
    if (y.byte_size()) std::memset(y.data<uint8_t>(), 0, y.byte_size());
    const int64_t n = y.shape().from(1);
    if (x.dtype() == DType::kFloat) {
      add_rows_at<float>(indices, n, x, y);
    } else if (x.dtype() == DType::kDouble) {
      add_rows_at<double>(indices, n, x, y);
    } else {
      switch (dtype_size(x.dtype())) {  // sums of integers wrap, so their sign does not matter
        case 8:
          add_rows_at<uint64_t>(indices, n, x, y);
          break;
        case 4:
          add_rows_at<uint32_t>(indices, n, x, y);
          break;
        case 2:
          add_rows_at<uint16_t>(indices, n, x, y);
          break;
        default:
          add_rows_at<uint8_t>(indices, n, x, y);
      }
    }
    return {};
  }
};

Status check_batch(Infer& in) {
  PF_TRY(want_index_vector(in, 0));
  PF_TRY(want_index_vector(in, 1));
  return in.want_dtype(2, DType::kFloat);
}

Status batch_sparse_shape(Infer& in) {
  PF_TRY(check_batch(in));
  PF_CHECK(in.shape(2).size() == in.shape(1)[0], shape, "there must be a value for each of the ", in.shape(1)[0],
           " indices, found the shape ", in.shape(2));
  int64_t width = in.args.i("dense_last_dim");
  if (in.inputs() > 3) {
    PF_TRY(in.want_rank(3, 2));
    PF_CHECK(width == -1 || width == in.shape(3)[1], argument, "dense_last_dim is ", width,
             ", but input 3 has the "
             "shape ",
             in.shape(3));
    width = in.shape(3)[1];
  }
  PF_CHECK(width >= 1, argument, "dense_last_dim or input 3 must tell the columns, 1 or more, found ", width);
  in.set(0, Shape{in.shape(0)[0], width}, DType::kFloat);
  return {};
}

Status batch_dense_shape(Infer& in) {
  PF_TRY(check_batch(in));
  PF_TRY(in.want_rank(2, 2));
  PF_CHECK(in.shape(2)[0] == in.shape(0)[0], shape, "there must be a length for each row of ", in.shape(2), ", found ",
           in.shape(0)[0]);
  in.set(0, in.shape(1), DType::kFloat);
  return {};
}

// f(place in the dense matrix, i) for each index i.
template <class F>
Status each_batch_place(OpRun& op, int64_t width, F f) {
  const Tensor &lengths = op.in(0), &indices = op.in(1);
  int64_t total = 0, at = 0;
  PF_TRY(sum_of_lengths(lengths, &total));
  PF_CHECK(total == indices.size(), value, "the lengths make ", total, " together, but there are ", indices.size(),
           " indices");
  PF_TRY(check_indices(indices, width));
  for (int64_t k = 0; k < lengths.size(); ++k)
    for (int64_t i = index_at(lengths, k); i > 0; --i, ++at) f(k * width + index_at(indices, at), at);
  return {};
}

struct BatchSparseToDense {
  Status run(OpRun& op) {
    const float *x = op.in(2).data<float>(), otherwise = op.args.f("default_value");
    float* y = op.out(0).data<float>();
    for (int64_t i = 0; i < op.out(0).size(); ++i) y[i] = otherwise;
    return each_batch_place(op, op.out(0).dim(1), [=](int64_t place, int64_t i) { y[place] = x[i]; });
  }
};

struct BatchDenseToSparse {
  Status run(OpRun& op) {
    const float* x = op.in(2).data<float>();
    float* y = op.out(0).data<float>();
    return each_batch_place(op, op.in(2).dim(1), [=](int64_t place, int64_t i) { y[i] = x[place]; });
  }
};

struct RemoveDataBlocks {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &indices = op.in(1);
    PF_TRY(check_indices(indices, data.dim(0)));
    int64_t* left_out = nullptr;
    PF_TRY(op.scratch(indices.size() + 1, &left_out));
    for (int64_t i = 0; i < indices.size(); ++i) left_out[i] = index_at(indices, i);
    const int64_t count = sort_unique(indices.size(), left_out), n = data.shape().from(1);
    Shape shape = data.shape();
    shape[0] -= count;
    PF_TRY(op.resize(0, shape, data.dtype()));
    const Elements elements(data.dtype());
    int64_t at = 0, next = 0;
    for (int64_t i = 0; i < data.dim(0); ++i) {
      if (next < count && left_out[next] == i) {
        ++next;
        continue;
      }
      elements.copy(elements.at(op.out(0).data<uint8_t>(), at++ * n), elements.at(data.data<uint8_t>(), i * n), n);
    }
    return {};
  }
};

PF_OP(SparseToDense)
    .doc("`Y[INDICES[i]] += VALUES[i]` into zeros: rows that come several times are added up.")
    .arg("output_first_dim", 0, "The rows of Y; 0: input 2 or the largest index tells.")
    .input("INDICES", "int32 or int64, 1-D.")
    .input("VALUES", "Numbers; a row for each index.")
    .optional_input("data_to_infer_dim", "Its first dimension is the number of rows of Y.")
    .output("Y", "Type of VALUES.")
    .shape(sparse_shape)
    .grad([](Gradient& g) { g.op("Gather", {g.GO(0), g.I(0)}, {g.GI(1)}); })
    .cpu<SparseToDense>();

PF_OP(BatchSparseToDense)
    .doc("A row for each length: its values at its indices, default_value elsewhere.")
    .arg("dense_last_dim", -1, "The columns, unless input 3 tells.")
    .arg("default_value", 0.f, "Where there is no value.")
    .input("LENGTHS", "int64: the indices of each row.")
    .input("INDICES", "int64: columns.")
    .input("VALUES", "float, one for each index.")
    .optional_input("output_shape_inference", "2-D: has as many columns as the output.")
    .output("DENSE", "float [rows, columns].")
    .shape(batch_sparse_shape)
    .grad([](Gradient& g) { g.op("BatchDenseToSparse", {g.I(0), g.I(1), g.GO(0)}, {g.GI(2)}); })
    .cpu<BatchSparseToDense>();

PF_OP(BatchDenseToSparse)
    .doc("The inverse of BatchSparseToDense: the elements of each row at its indices.")
    .input("LENGTHS", "int64: the indices of each row.")
    .input("INDICES", "int64: columns.")
    .input("DENSE", "float [rows, columns].")
    .output("VALUES", "float, one for each index.")
    .shape(batch_dense_shape)
    .grad([](Gradient& g) { g.op("BatchSparseToDense", {g.I(0), g.I(1), g.GO(0), g.I(2)}, {g.GI(2)}); })
    .cpu<BatchDenseToSparse>();

PF_OP(RemoveDataBlocks)
    .doc("DATA without the rows that INDICES names; a row may be named several times.")
    .input("DATA", "Any type; 1 dimension or more.")
    .input("INDICES", "int32 or int64, 1-D.")
    .output("Y", "The other rows, in order.")
    .shape_unknown("the indices tell how many blocks go")
    .shape([](Infer& in) -> Status {
      PF_CHECK(in.shape(0).rank() >= 1, shape, "DATA must have rows, is a scalar");
      PF_TRY(want_index_vector(in, 1));
      return in.unknown();
    })
    .refuse_grad("Caffe2 has no gradient of RemoveDataBlocks")
    .cpu<RemoveDataBlocks>();

}  // namespace
}  // namespace pf
