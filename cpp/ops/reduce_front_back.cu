// SPDX-License-Identifier: Apache-2.0
// Sums and means on CUDA: over a whole tensor, over the first or the last dimensions; and of what stands for a channel.
#include "device/columns.h"
#include "device/cuda.h"
#include "device/rows.h"

namespace pf {
namespace {

using rows::each_row;
using rows::join;

// A block's share of a sum; the shares are summed by one block after.
template <bool kSquares>
struct Share {
  const float* x;
  int64_t n, share;
  float* sums;
  __device__ void operator()(int64_t block) const {
    const int64_t end = (block + 1) * share < n ? (block + 1) * share : n;
    float sum = 0;
    for (int64_t i = block * share + threadIdx.x; i < end; i += rows::kThreads) sum += kSquares ? x[i] * x[i] : x[i];
    sum = join(sum, rows::Plus());
    if (threadIdx.x == 0) sums[block] = sum;
  }
};
struct Whole {
  const float* sums;
  int64_t count;
  float factor;
  float* y;
  __device__ void operator()(int64_t) const {
    float sum = 0;
    for (int64_t i = threadIdx.x; i < count; i += rows::kThreads) sum += sums[i];
    sum = join(sum, rows::Plus());
    if (threadIdx.x == 0) *y = sum * factor;
  }
};

template <bool kSquares>
struct SumAll {
  static constexpr bool kFloatsOnly = true;
  bool average;
  explicit SumAll(const Args& args) : average(args.schema.find_arg("average") ? args.b("average") : true) {}
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size(), blocks = n > 1 << 20 ? 1024 : n / 1024 + 1, share = (n + blocks - 1) / blocks;
    float* sums;
    PF_TRY(op.scratch(blocks, &sums));
    each_row(op, blocks, Share<kSquares>{op.in(0).data<float>(), n, share, sums});
    each_row(op, 1, Whole{sums, blocks, average && n ? 1.f / float(n) : 1.f, op.out(0).data<float>()});
    return {};
  }
};

// Row k of y is the sum of row k of x, as far as its length says.
struct RowSum {
  const float* x;
  int64_t n;
  const int32_t* lengths;
  bool mean;
  float* y;
  __device__ void operator()(int64_t row) const {
    const int64_t length = lengths ? lengths[row] : n;
    float sum = 0;
    for (int64_t j = threadIdx.x; j < length; j += rows::kThreads) sum += x[row * n + j];
    sum = join(sum, rows::Plus());
    if (threadIdx.x == 0) y[row] = mean && length ? sum / float(length) : sum;
  }
};

template <bool kFront, bool kMean>
struct Reduce {
  static constexpr bool kFloatsOnly = true;
  Status run(OpRun& op) {
    const Shape& x = op.in(0).shape();
    const int reduced = int(op.args.i("num_reduce_dim")), split = kFront ? reduced : x.rank() - reduced;
    const int64_t count = x.upto(split), columns = x.from(split);
    float* y = op.out(0).data<float>();
    if (!kFront) return each_row(op, count, RowSum{op.in(0).data<float>(), columns, nullptr, kMean, y}), Status();
    const columns::Columns<float> source{op.in(0).data<float>(), columns};
    const columns::StoreSum store{y, kMean && count ? 1.f / float(count) : 1.f};
    return columns::with_width<float>(
        columns, [&](auto width) { return columns::sum_rows<width(), 1>(op, count, columns, source, store); });
  }
};

PF_CUDA_OP(SumElements, SumAll<false>);
PF_CUDA_OP(SumSqrElements, SumAll<true>);
PF_CUDA_OP(AveragedLoss, SumAll<false>);
PF_CUDA_OP(ReduceFrontSum, Reduce<true, false>);
PF_CUDA_OP(ReduceFrontMean, Reduce<true, true>);
PF_CUDA_OP(ReduceBackSum, Reduce<false, false>);
PF_CUDA_OP(ReduceBackMean, Reduce<false, true>);

}  // namespace
}  // namespace pf
