// SPDX-License-Identifier: Apache-2.0
// Gather: rows of a table, picked by number.
// build: loops
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

Status gather_shape(Infer& in) {
  const Shape &data = in.shape(0), &indices = in.shape(1);
  PF_CHECK(data.rank() >= 1, shape, "DATA must have 1 dimension or more, is a scalar");
  PF_TRY(want_indices(in, 1));
  Shape y = indices;
  for (int d = 1; d < data.rank(); ++d) y.push_back(data[d]);
  in.set(0, y, in.dtype(0));
  return {};
}

constexpr size_t kShort = 1024;
// Rows are short as a rule: a call for each costs as much as the copy.
void copy_row(uint8_t* to, const uint8_t* from, size_t bytes) {
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) std::memcpy(to + i, from + i, 16);
  if (i < bytes) std::memcpy(to + i, from + i, bytes - i);
}

struct Gather {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &indices = op.in(1);
    const int64_t rows = data.dim(0), row = data.shape().from(1), count = indices.size();
    const bool fit = indices_fit(indices, rows);
    for (int64_t i = 0; i < count && !fit; ++i) {
      const int64_t index = index_at(indices, i);
      PF_CHECK(index >= 0 && index < rows, value, "element ", i, " of INDICES is ", index, "; DATA ", data.shape(),
               " has rows 0 .. ", rows - 1);
    }
    const Elements elements(data.dtype());
    const uint8_t* from = data.data<uint8_t>();
    uint8_t* to = op.out(0).data<uint8_t>();
    parallel_for(count, 1 + 16384 / (row + 1), [=, &indices](int64_t begin, int64_t end) {
      const size_t bytes = elements.strings ? SIZE_MAX : size_t(row) * elements.size;
      for (int64_t i = begin; i < end; ++i) {
        uint8_t* y = elements.at(to, i * row);
        const uint8_t* x = elements.at(from, index_at(indices, i) * row);
        if (bytes <= kShort)
          copy_row(y, x, bytes);
        else
          elements.copy(y, x, row);
      }
    });
    return {};
  }
};

void gather_gradient(Gradient& g) {
  if (g.args.b("dense_gradient"))
    g.op("SparseToDense", {g.I(1), g.GO(0), g.I(0)}, {g.GI(0)});
  else
    g.set_sparse(0, g.I(1), g.GO(0));
}

PF_OP(Gather)
    .doc("Rows of DATA: `Y[i] = DATA[INDICES[i]]` for every element of INDICES.")
    .arg("dense_gradient", false, "Give DATA a dense gradient instead of one by rows.")
    .input("DATA", "Any type; 1 dimension or more.")
    .input("INDICES", "int32 or int64, any shape: numbers of rows.")
    .output("Y", "Type of DATA; the dimensions of INDICES, then those of a row.")
    .shape(gather_shape)
    .grad(gather_gradient)
    .cpu<Gather>();

}  // namespace
}  // namespace pf
