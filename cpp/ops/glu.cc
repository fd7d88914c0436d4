// SPDX-License-Identifier: Apache-2.0
// Glu: one half of X, gated by the sigmoid of the other. And SinusoidPositionEncoding.
// build: loops
#include <cmath>

#include "math/indices.h"
#include "math/vector_math.h"

namespace pf {
namespace {

struct Glu {
  Status run(OpRun& op) {
    const Shape& x = op.in(0).shape();
    const int axis = x.axis(op.args.i("dim"));
    const int64_t half = x.from(axis) / 2;
    const float* from = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(x.upto(axis), 1 + 4096 / (half + 1), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* a = from + 2 * i * half;
        sigmoid_array(half, a + half, y + i * half);
        for (int64_t j = 0; j < half; ++j) y[i * half + j] *= a[j];
      }
    });
    return {};
  }
};

Status glu_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  Shape y = in.shape(0);
  const int axis = y.axis(in.args.i("dim"));
  PF_CHECK(axis >= 0, argument, "there is no dimension ", in.args.i("dim"), " in the shape ", y);
  PF_CHECK(y[axis] % 2 == 0, shape, "dimension ", axis, " of X ", y, " must be even to be halved");
  y[axis] /= 2;
  in.set(0, y, DType::kFloat);
  return {};
}

// Rows are all alike: position i is that of X[i, 0], as in Caffe2.
struct SinusoidPositionEncoding {
  Status run(OpRun& op) {
    const int64_t rows = op.in(0).dim(0), columns = op.in(0).dim(1), size = op.out(0).dim(2);
    const double step = std::log(double(op.args.f("alpha"))) / double(size ? size : 1);
    const double amplitude = op.args.f("amplitude");
    float* y = op.out(0).data<float>();
    if (columns == 0) return {};
    for (int64_t i = 0; i < rows; ++i) {
      float* row = y + i * columns * size;
      const double position = double(index_at(op.in(0), i * columns));
      for (int64_t k = 0; k < size; ++k) {
        const double angle = position * std::exp(-step * double(k));
        row[k] = float(amplitude * (k % 2 ? std::cos(angle) : std::sin(angle)));
      }
      for (int64_t j = 1; j < columns; ++j) std::memcpy(row + j * size, row, size_t(size) * sizeof(float));
    }
    return {};
  }
};

Status encoding_shape(Infer& in) {
  PF_TRY(want_indices(in, 0));
  PF_TRY(in.want_rank(0, 2));
  const int64_t size = in.args.i("embedding_size");
  PF_CHECK(size >= 0, argument, "embedding_size must not be negative, is ", size);
  in.set(0, Shape{in.shape(0)[0], in.shape(0)[1], size}, DType::kFloat);
  return {};
}

PF_OP(Glu)
    .doc("Gated linear unit: with X cut into halves A and B along a dimension, `Y = A * sigmoid(B)`.")
    .arg("dim", -1, "Which dimension; negative counts from the end.")
    .input("X", "float, the dimension even.")
    .output("Y", "X with half of the dimension.")
    .shape(glu_shape)
    .refuse_grad("Caffe2 has none for Glu; Split, Sigmoid and Mul do the same and have one")
    .cpu<Glu>();

PF_OP(SinusoidPositionEncoding)
    .doc(
        "A vector for each position p: `amplitude sin(p / alpha^(k / size))` for even k, the cosine for odd k. The "
        "position of a row is that of its first column.")
    .arg("embedding_size", 100, "Elements of a vector.")
    .arg("alpha", 10000.f, "How far apart the slowest and fastest waves are.")
    .arg("amplitude", 1.f, "Height of the waves.")
    .input("positions", "int32 or int64 [positions, batch].")
    .output("Y", "float [positions, batch, size].")
    .shape(encoding_shape)
    .refuse_grad("positions have no gradient")
    .cpu<SinusoidPositionEncoding>();

}  // namespace
}  // namespace pf
