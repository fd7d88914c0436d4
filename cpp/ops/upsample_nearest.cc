// SPDX-License-Identifier: Apache-2.0
// UpsampleNearest: every pixel repeated `scale` times in both dimensions; and its gradient.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

// The last two dimensions of the small tensor.
struct Picture {
  int64_t height, width, scale;
  Picture(const Shape& x, const Args& args) : height(x[x.rank() - 2]), width(x[x.rank() - 1]), scale(args.i("scale")) {}
  // The pixel of the small tensor that pixel i of the large one repeats.
  int64_t source(int64_t i) const {
    const int64_t wide = width * scale, row = i / wide, plane = row / (height * scale);
    return (plane * height + row % (height * scale) / scale) * width + i % wide / scale;
  }
};

struct UpsampleNearest {
  Status run(OpRun& op) {
    const Picture p(op.in(0).shape(), op.args);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    Cpu::each(op, op.out(0).size(), [=](int64_t i) { y[i] = x[p.source(i)]; });
    return {};
  }
};

struct UpsampleNearestGradient {
  Status run(OpRun& op) {
    const Picture p(op.out(0).shape(), op.args);
    const float* dy = op.in(1).data<float>();
    float* dx = op.out(0).data<float>();
    Cpu::each(op, op.out(0).size(), [=](int64_t i) {
      const float* block = dy + (i / p.width * p.width * p.scale + i % p.width) * p.scale;
      float sum = 0;
      for (int64_t row = 0; row < p.scale; ++row)
        for (int64_t column = 0; column < p.scale; ++column) sum += block[row * p.width * p.scale + column];
      dx[i] = sum;
    });
    return {};
  }
};

Status large_shape(Infer& in, Shape* y) {
  const int64_t scale = in.args.i("scale");
  *y = in.shape(0);
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_CHECK(scale > 0, argument, "scale must be positive, found ", scale);
  PF_CHECK(y->rank() == 3 || y->rank() == 4, shape, "X must have 3 or 4 dimensions, its shape is ", in.shape(0));
  for (int d = y->rank() - 2; d < y->rank(); ++d) (*y)[d] = saturating_product((*y)[d], scale);
  return {};
}

PF_OP(UpsampleNearest)
    .doc("Makes pictures `scale` times as high and wide by repeating pixels.")
    .arg("scale", 2, "How often, a whole number.")
    .input("X", "float [N, C, H, W] or [C, H, W].")
    .output("Y", "float, the last two dimensions multiplied by scale.")
    .shape([](Infer& in) -> Status {
      Shape y;
      PF_TRY(large_shape(in, &y));
      in.set(0, y, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("UpsampleNearestGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<UpsampleNearest>();

PF_OP(UpsampleNearestGradient)
    .doc("Gradient of UpsampleNearest: the sum over the repetitions of each pixel.")
    .arg("scale", 2, "As given to UpsampleNearest.")
    .input("X", "Input of UpsampleNearest; its shape counts.")
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .shape([](Infer& in) -> Status {
      Shape y;
      PF_TRY(large_shape(in, &y));
      PF_TRY(in.want_dtype(1, DType::kFloat));
      PF_CHECK(in.shape(1) == y, shape, "dY must have the shape ", y, ", found ", in.shape(1));
      return same_as_first(in);
    })
    .no_grad()
    .cpu<UpsampleNearestGradient>();

}  // namespace
}  // namespace pf
