// SPDX-License-Identifier: Apache-2.0
// ChannelShuffle: channels seen as a matrix [group, C / group] are transposed; and its gradient, which transposes back.
#include <cstring>

#include "core/op.h"

namespace pf {
namespace {

// Channel g * width + k of x becomes channel k * groups + g of y.
template <bool kBack>
struct Shuffle {
  Status run(OpRun& op) {
    const Shape& shape = op.in(0).shape();
    const bool last = op.args.s("order") == "NHWC";
    const int axis = last ? shape.rank() - 1 : 1;
    const int64_t channels = shape[axis], inner = shape.from(axis + 1), outer = shape.upto(axis);
    const int64_t groups = kBack ? channels / op.args.i("group") : op.args.i("group"),
                  width = groups ? channels / groups : 0;
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(outer, 1 + 8192 / (channels * inner + 1), [=](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const float* from = x + n * channels * inner;
        float* to = y + n * channels * inner;
        for (int64_t k = 0; k < width; ++k) {
          for (int64_t g = 0; g < groups; ++g) {
            if (inner == 1)
              to[k * groups + g] = from[g * width + k];
            else
              std::memcpy(to + (k * groups + g) * inner, from + (g * width + k) * inner, size_t(inner) * sizeof(float));
          }
        }
      }
    });
    return {};
  }
};

Status shuffle_shape(Infer& in) {
  const std::string_view order = in.args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, found ", order);
  PF_TRY(in.want_dtype(0, DType::kFloat));
  const Shape& x = in.shape(0);
  PF_CHECK(x.rank() >= 2, shape, "takes at least 2 dimensions; the shape is ", x);
  const int64_t channels = order == "NHWC" ? x[x.rank() - 1] : x[1], groups = in.args.i("group");
  PF_CHECK(groups > 0 && channels % groups == 0, argument, "group must divide the ", channels, " channels, found ",
           groups);
  return same_as_first(in);
}

constexpr auto kArguments = [](auto& op) {
  op.arg("group", 1, "Number of groups; divides the channels.")
      .arg("order", "NCHW", "NCHW or NHWC: where the channels are.");
};

PF_OP(ChannelShuffle)
    .doc("Mixes the groups of a grouped convolution: `Y[:, k * group + g] = X[:, g * (C / group) + k]`.")
    .with(kArguments)
    .input("X", "float, channels in dimension 1 (NCHW) or last (NHWC).")
    .output("Y", "Shape of X.")
    .shape(shuffle_shape)
    .grad([](Gradient& g) { g.op("ChannelShuffleGradient", {g.GO(0)}, {g.GI(0)}); })
    .cpu<Shuffle<false>>();

PF_OP(ChannelShuffleGradient)
    .doc("Gradient of ChannelShuffle: `dX[:, g * (C / group) + k] = dY[:, k * group + g]`.")
    .with(kArguments)
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, shape of dY.")
    .shape(shuffle_shape)
    .no_grad()
    .cpu<Shuffle<true>>();

}  // namespace
}  // namespace pf
