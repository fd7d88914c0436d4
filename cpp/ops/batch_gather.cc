// SPDX-License-Identifier: Apache-2.0
// BatchGather: from each row of a table the slices picked by number, the same numbers for every row; and its gradient.
#include "math/copy.h"
#include "math/indices.h"
#include "math/reduce.h"

namespace pf {
namespace {

// DATA as [batch][rows][slice], the result as [batch][count][slice].
struct Layout {
  int64_t batch, rows, slice, count;
  Layout(const Shape& data, int64_t count) : batch(data[0]), rows(data[1]), slice(data.from(2)), count(count) {}
};

Status check_indices(const Tensor& indices, const Layout& at) {
  for (int64_t i = 0; i < at.count; ++i) {
    const int64_t index = index_at(indices, i);
    PF_CHECK(index >= 0 && index < at.rows, value, "element ", i, " of INDICES is ", index,
             "; dimension 1 of DATA has ", at.rows);
  }
  return {};
}

struct BatchGather {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &indices = op.in(1);
    const Layout at(data.shape(), indices.size());
    PF_TRY(check_indices(indices, at));
    const Elements elements(data.dtype());
    const uint8_t* from = data.data<uint8_t>();
    uint8_t* to = op.out(0).data<uint8_t>();
    parallel_for(at.batch * at.count, 1 + 16384 / (at.slice + 1), [=, &indices](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / at.count * at.rows + index_at(indices, i % at.count);
        elements.copy(elements.at(to, i * at.slice), elements.at(from, row * at.slice), at.slice);
      }
    });
    return {};
  }
};

struct BatchGatherGradient {
  Status run(OpRun& op) {
    const Tensor& indices = op.in(1);
    const Layout at(op.in(0).shape(), indices.size());
    PF_TRY(check_indices(indices, at));
    const float* dy = op.in(2).data<float>();
    float* dx = op.out(0).data<float>();
    parallel_for(at.batch, 1 + 8192 / (at.rows * at.slice + 1), [=, &indices](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        float* table = dx + b * at.rows * at.slice;
        for (int64_t i = 0; i < at.rows * at.slice; ++i) table[i] = 0;
        for (int64_t i = 0; i < at.count; ++i)
          add_scaled(at.slice, 1.f, dy + (b * at.count + i) * at.slice, table + index_at(indices, i) * at.slice);
      }
    });
    return {};
  }
};

// The shape of the result.
Status gathered(Infer& in, Shape* y) {
  const Shape &data = in.shape(0), &indices = in.shape(1);
  PF_CHECK(data.rank() >= 2, shape, "DATA must have 2 dimensions or more, is ", data);
  PF_TRY(want_indices(in, 1));
  y->push_back(data[0]);
  for (int64_t d : indices) y->push_back(d);
  for (int d = 2; d < data.rank(); ++d) y->push_back(data[d]);
  return {};
}

PF_OP(BatchGather)
    .doc("Slices of every row of DATA: `Y[b, i] = DATA[b, INDICES[i]]` for every element of INDICES.")
    .input("DATA", "Any type; 2 dimensions or more.")
    .input("INDICES", "int32 or int64, any shape.")
    .output("Y", "Type of DATA; its first dimension, the dimensions of INDICES, then the rest of DATA's.")
    .shape([](Infer& in) -> Status {
      Shape y;
      PF_TRY(gathered(in, &y));
      in.set(0, y, in.dtype(0));
      return {};
    })
    .grad([](Gradient& g) { g.op("BatchGatherGradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<BatchGather>();

PF_OP(BatchGatherGradient)
    .doc("Gradient of BatchGather: each slice of dY is added where it came from.")
    .input("DATA", "Input of BatchGather; only its shape is used.")
    .input("INDICES", "As given to BatchGather.")
    .input("dY", "float, gradient of Y.")
    .output("dX", "Gradient of DATA.")
    .shape([](Infer& in) -> Status {
      Shape y;
      PF_TRY(gathered(in, &y));
      PF_TRY(in.want_dtype(2, DType::kFloat));
      PF_CHECK(in.shape(2) == y, shape, "dY must have the shape ", y, ", found ", in.shape(2));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<BatchGatherGradient>();

}  // namespace
}  // namespace pf
