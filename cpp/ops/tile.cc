// SPDX-License-Identifier: Apache-2.0
// Tile: a tensor repeated along one dimension; and its gradient, the sum of the repetitions.
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

struct Tiling {
  int64_t tiles = 1;
  int axis = 0;
};

// `tiles` and `axis` are the inputs of those names where the net has them, else null for the arguments.
Status read_tiling(const Args& args, const Shape& x, const Tensor* tiles, const Tensor* axis, Tiling* out) {
  out->tiles = tiles ? index_at(*tiles, 0) : args.i("tiles");
  const int64_t given = axis ? index_at(*axis, 0) : args.i("axis");
  out->axis = x.axis(given);
  PF_CHECK(out->axis >= 0, value, "there is no dimension ", given, " to repeat along: the shape is ", x);
  PF_CHECK(out->tiles >= 0, value, "tiles must not be negative, is ", out->tiles);
  return {};
}

Status infer_tiling(Infer& in, Tiling* out, bool* known) {
  const Tensor* values[2] = {};
  *known = true;
  for (int i = 1; i < in.inputs(); ++i) {
    PF_TRY(want_indices(in, i));
    PF_CHECK(in.shape(i).size() == 1, shape, "\"", in.args.def.input[size_t(i)],
             "\" must have 1 element; its shape is ", in.shape(i));
    values[i - 1] = in.value(i);
    if (!values[i - 1]) *known = false;
  }
  return *known ? read_tiling(in.args, in.shape(0), values[0], values[1], out) : Status();
}

Status tiling_of(const Args& args, OpRun& op, Tiling* out) {
  return read_tiling(args, op.in_shape(0), op.inputs() > 1 ? &op.in(1) : nullptr, op.inputs() > 2 ? &op.in(2) : nullptr,
                     out);
}

Status tile_shape(Infer& in) {
  Tiling tiling;
  bool known = false;
  PF_TRY(infer_tiling(in, &tiling, &known));
  if (!known) return in.unknown();
  Shape y = in.shape(0);
  y[tiling.axis] = saturating_product(y[tiling.axis], tiling.tiles);
  in.set(0, y, in.dtype(0));
  return {};
}

struct Tile {
  const Args& args;
  explicit Tile(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Tiling tiling;
    PF_TRY(tiling_of(args, op, &tiling));
    const Elements elements(op.in(0).dtype());
    const int64_t outer = op.in(0).shape().upto(tiling.axis), inner = op.in(0).shape().from(tiling.axis),
                  tiles = tiling.tiles;
    const uint8_t* x = op.in(0).data<uint8_t>();
    uint8_t* y = op.out(0).data<uint8_t>();
    if (op.out(0).size() == 0) return {};
    parallel_for(outer * tiles, 1 + 16384 / (inner + 1), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        elements.copy(elements.at(y, i * inner), elements.at(x, i / tiles * inner), inner);
    });
    return {};
  }
};

Status gradient_shape(Infer& in) {
  Tiling tiling;
  bool known = false;
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(infer_tiling(in, &tiling, &known));
  if (!known) return in.unknown();
  Shape x = in.shape(0);
  PF_CHECK(tiling.tiles > 0 && x[tiling.axis] % tiling.tiles == 0, shape, "dimension ", tiling.axis, " of dY ", x,
           " is not made of ", tiling.tiles, " equal parts");
  x[tiling.axis] /= tiling.tiles;
  in.set(0, x, DType::kFloat);
  return {};
}

struct TileGradient {
  const Args& args;
  explicit TileGradient(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Tiling tiling;
    PF_TRY(tiling_of(args, op, &tiling));
    const int64_t outer = op.out(0).shape().upto(tiling.axis), inner = op.out(0).shape().from(tiling.axis),
                  tiles = tiling.tiles;
    const float* dy = op.in(0).data<float>();
    float* dx = op.out(0).data<float>();
    if (op.out(0).size() == 0) return {};  // of nothing there may be any number of tiles
    parallel_for(outer, 1 + 16384 / (inner * tiles + 1), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* from = dy + i * tiles * inner;
        float* to = dx + i * inner;
        for (int64_t k = 0; k < inner; ++k) to[k] = from[k];
        for (int64_t t = 1; t < tiles; ++t)
          for (int64_t k = 0; k < inner; ++k) to[k] += from[t * inner + k];
      }
    });
    return {};
  }
};

void tile_gradient(Gradient& g) {
  std::vector<std::string> in = {g.GO(0)};
  for (int i = 1; i < g.inputs(); ++i) in.push_back(g.I(i));
  g.op("TileGradient", in, {g.GI(0)});
}

constexpr auto kTiling = [](auto& op) {
  op.arg("tiles", 1, "How often; the second input has precedence.")
      .arg("axis", 0,
           "The dimension to repeat along, a negative one counts from the end; the third input has precedence.");
};

PF_OP(Tile)
    .doc("X repeated `tiles` times along one dimension.")
    .with(kTiling)
    .input("X", "Any type; 1 dimension or more.")
    .optional_input("tiles", "int32 or int64, 1 element.")
    .optional_input("axis", "int32 or int64, 1 element.")
    .output("Y", "Type of X.")
    .shape(tile_shape)
    .grad(tile_gradient)
    .cpu<Tile>();

PF_OP(TileGradient)
    .doc("Gradient of Tile: the sum of dY over the repetitions.")
    .with(kTiling)
    .input("dY", "float, gradient of Y.")
    .optional_input("tiles", "As given to Tile.")
    .optional_input("axis", "As given to Tile.")
    .output("dX", "Gradient of X.")
    .shape(gradient_shape)
    .no_grad()
    .cpu<TileGradient>();

}  // namespace
}  // namespace pf
