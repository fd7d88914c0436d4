// SPDX-License-Identifier: Apache-2.0
// AffineChannel on CUDA.
#include "device/cuda.h"
#include "device/forms.h"

namespace pf {
namespace {

struct At {
  const float *x, *scale, *bias;
  float* y;
  int64_t channels, inner;
  __device__ void operator()(int64_t i) const {
    const int64_t c = i / inner % channels;
    y[i] = x[i] * scale[c] + bias[c];
  }
};

struct AffineChannel {
  Status run(OpRun& op) {
    const Shape& x = op.in(0).shape();
    const bool last = op.args.s("order") == "NHWC";
    Cuda::each(op, x.size(),
               At{op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(), op.out(0).data<float>(),
                  x[last ? x.rank() - 1 : 1], last ? 1 : x.from(2)});
    return {};
  }
};

PF_CUDA_OP(AffineChannel, AffineChannel);

}  // namespace
}  // namespace pf
