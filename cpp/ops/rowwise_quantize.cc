// SPDX-License-Identifier: Apache-2.0
// Float tables as bytes and back, with a scale and a bias for each row: in a tensor of their own
// (FloatToRowwiseQuantized8Bits, Rowwise8BitQuantizedToFloat) or at the end of the row (the Fused8BitRowwise ones).
// build: loops
#include "math/indices.h"
#include "math/rowwise.h"
#include "math/segments.h"

namespace pf {
namespace {

int64_t grain_of(int64_t columns) { return 1 + 4096 / (columns + 1); }

struct Quantize {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const bool fused = op.outputs() == 1;
    const int64_t rows = x.dim(0), n = x.shape().from(1), step = n + (fused ? kFusedTail : 0);
    const float* from = x.data<float>();
    uint8_t* to = op.out(0).data<uint8_t>();
    float* pairs = fused ? nullptr : op.out(1).data<float>();
    parallel_for(rows, grain_of(n), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float pair[2];
        quantize_row(n, from + i * n, fused, to + i * step, &pair[0], &pair[1]);
        if (fused)
          std::memcpy(to + i * step + n, pair, sizeof pair);
        else
          std::memcpy(pairs + 2 * i, pair, sizeof pair);
      }
    });
    return {};
  }
};

// Rows of a table as floats: all of them, or those that input 1 names.
Status dequantize(OpRun& op, const RowTable& table, const Tensor* indices, int64_t rows) {
  float* y = op.out(0).data<float>();
  const int64_t n = table.columns;
  parallel_for(rows, grain_of(n), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < n; ++j) y[i * n + j] = 0.f;
      table.add(indices ? index_at(*indices, i) : i, 1.f, y + i * n);
    }
  });
  return {};
}

struct Dequantize {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    return dequantize(op, {RowTable::kBytes, x.data<uint8_t>(), x.shape().from(1), op.in(1).data<float>()}, nullptr,
                      x.dim(0));
  }
};

struct DequantizeFused {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const Tensor* indices = op.inputs() > 1 ? &op.in(1) : nullptr;
    if (indices) PF_TRY(check_indices(*indices, x.dim(0)));
    return dequantize(op, {RowTable::kFused, x.data<uint8_t>(), x.dim(1) - kFusedTail}, indices,
                      indices ? indices->size() : x.dim(0));
  }
};

Status quantize_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  const Shape& x = in.shape(0);
  if (in.outputs() == 1) {
    PF_TRY(in.want_rank(0, 2));
    in.set(0, Shape{x[0], x[1] + kFusedTail}, DType::kUint8);
    return {};
  }
  PF_CHECK(x.rank() >= 1, shape, "a scalar has no rows");
  in.set(0, x, DType::kUint8);
  in.set(1, Shape{x[0], 2}, DType::kFloat);
  return {};
}

Status dequantize_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kUint8));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  const Shape& x = in.shape(0);
  PF_CHECK(x.rank() >= 1, shape, "a scalar has no rows");
  PF_CHECK((in.shape(1) == Shape{x[0], 2}), shape, "there must be a scale and a bias for each row of ", x,
           ", found the shape ", in.shape(1));
  in.set(0, x, DType::kFloat);
  return {};
}

Status dequantize_fused_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kUint8));
  PF_TRY(in.want_rank(0, 2));
  const Shape& x = in.shape(0);
  PF_CHECK(x[1] >= kFusedTail, shape, "each row ends in 8 bytes of scale and bias; the shape is ", x);
  int64_t rows = x[0];
  if (in.inputs() > 1) {
    PF_TRY(want_index_vector(in, 1));
    rows = in.shape(1)[0];
  }
  in.set(0, Shape{rows, x[1] - kFusedTail}, DType::kFloat);
  return {};
}

PF_OP(FloatToRowwiseQuantized8Bits)
    .doc(
        "Each row as bytes, with a scale and a bias: `scale = (max - min) / 255`, `bias = min`, `q = round((x -"
        " bias) / scale)`.")
    .input("X", "float, 1 dimension or more; the first counts the rows.")
    .output("Q", "uint8, shape of X.")
    .output("scale_bias", "float [rows, 2].")
    .shape(quantize_shape)
    .no_grad()
    .cpu<Quantize>();

PF_OP(Rowwise8BitQuantizedToFloat)
    .doc("The floats of FloatToRowwiseQuantized8Bits again: `Y = scale * Q + bias` for each row.")
    .input("Q", "uint8.")
    .input("scale_bias", "float [rows, 2].")
    .output("Y", "float, shape of Q.")
    .shape(dequantize_shape)
    .no_grad()
    .cpu<Dequantize>();

PF_OP(FloatToFused8BitRowwiseQuantized)
    .doc(
        "Each row of a matrix as bytes, followed by its scale and its bias (two floats, 8 bytes): `scale = (max - min)"
        " / 255`, `bias = min`, `q = round((x - bias) / scale)`.")
    .input("X", "float [rows, columns].")
    .output("Q", "uint8 [rows, columns + 8].")
    .shape(quantize_shape)
    .no_grad()
    .cpu<Quantize>();

PF_OP(Fused8BitRowwiseQuantizedToFloat)
    .doc("The floats of FloatToFused8BitRowwiseQuantized again: `Y = scale * q + bias` for each row.")
    .input("Q", "uint8 [rows, columns + 8].")
    .output("Y", "float [rows, columns].")
    .shape(dequantize_fused_shape)
    .no_grad()
    .cpu<DequantizeFused>();

PF_OP(GatherFused8BitRowwise)
    .doc("Rows of a table of FloatToFused8BitRowwiseQuantized, picked by number, as floats.")
    .input("DATA", "uint8 [rows, columns + 8].")
    .input("INDICES", "int32 or int64 [n]: numbers of rows.")
    .output("Y", "float [n, columns].")
    .shape(dequantize_fused_shape)
    .refuse_grad("a table of bytes has no gradient")
    .cpu<DequantizeFused>();

}  // namespace
}  // namespace pf
