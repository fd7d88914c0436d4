// SPDX-License-Identifier: Apache-2.0
// ChannelShuffle and its gradient on CUDA.
#include "device/cuda.h"
#include "device/forms.h"

namespace pf {
namespace {

// Channel g * width + k of x becomes channel k * groups + g of y.
struct ShuffledAt {
  const float* x;
  float* y;
  int64_t channels, groups, inner;
  __device__ void operator()(int64_t i) const {
    const int64_t place = i % inner, c = i / inner % channels, outer = i / inner / channels;
    y[i] = x[(outer * channels + c % groups * (channels / groups) + c / groups) * inner + place];
  }
};

template <bool kBack>
struct Shuffle {
  Status run(OpRun& op) {
    const Shape& x = op.in(0).shape();
    const int axis = op.args.s("order") == "NHWC" ? x.rank() - 1 : 1;
    const int64_t channels = x[axis], group = op.args.i("group");
    Cuda::each(op, x.size(),
               ShuffledAt{op.in(0).data<float>(), op.out(0).data<float>(), channels, kBack ? channels / group : group,
                          x.from(axis + 1)});
    return {};
  }
};

PF_CUDA_OP(ChannelShuffle, Shuffle<false>);
PF_CUDA_OP(ChannelShuffleGradient, Shuffle<true>);

}  // namespace
}  // namespace pf
