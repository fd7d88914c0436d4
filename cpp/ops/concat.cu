// SPDX-License-Identifier: Apache-2.0
// Concat, Split and their kin on CUDA: each part is a matrix that is copied between its place in the whole and its own.
#include "device/forms.h"

namespace pf {
namespace {

// Concat and Split name the axis in one of two ways; with add_axis the whole has a dimension more than its parts.
int axis_in_whole(const Args& args, int whole_rank) {
  const int64_t axis = args.has("axis") ? args.i("axis") : args.s("order") == "NCHW" ? 1 : 3;
  return int(axis < 0 ? axis + whole_rank : axis);
}

// `outer` runs of `bytes` each, which lie apart by the steps.
Status copy_runs(OpRun& op, int64_t outer, size_t bytes, uint8_t* to, size_t to_step, const uint8_t* from,
                 size_t from_step) {
  if (!outer || !bytes) return {};
  return cuda_status(cudaMemcpy2DAsync(to, to_step, from, from_step, bytes, size_t(outer), cudaMemcpyDeviceToDevice,
                                       device_of(op).queue()),
                     "a copy of parts");
}

struct Concat {
  Status run(OpRun& op) {
    Tensor& y = op.out(0);
    const int axis = axis_in_whole(op.args, y.rank());
    const size_t element = dtype_size(y.dtype()), whole = size_t(y.shape().from(axis)) * element;
    const int64_t outer = y.shape().upto(axis);
    size_t offset = 0;
    std::vector<int32_t> sizes;
    for (int i = 0; i < op.inputs(); ++i) {
      const size_t part = outer ? size_t(op.in(i).size() / outer) * element : 0;
      PF_TRY(copy_runs(op, outer, part, y.data<uint8_t>() + offset, whole, op.in(i).data<uint8_t>(), part));
      offset += part;
      sizes.push_back(op.args.has("axis") && op.args.b("add_axis") ? 1 : int32_t(op.in_shape(i)[axis]));
    }
    if (op.outputs() < 2) return {};
    // The sizes are known to the host and are read there, by Split's shape function.
    Tensor& info = op.out(1);
    const OnAccelerator host(nullptr);
    PF_TRY(info.resize(info.shape(), DType::kInt32));
    for (size_t i = 0; i < sizes.size(); ++i) info.data<int32_t>()[i] = sizes[i];
    return {};
  }
};

struct Split {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const int axis = axis_in_whole(op.args, x.rank());
    const size_t element = dtype_size(x.dtype()), whole = size_t(x.shape().from(axis)) * element;
    const int64_t outer = x.shape().upto(axis);
    size_t offset = 0;
    for (int j = 0; j < op.outputs(); ++j) {
      const size_t part = outer ? size_t(op.out(j).size() / outer) * element : 0;
      PF_TRY(copy_runs(op, outer, part, op.out(j).data<uint8_t>(), part, x.data<uint8_t>() + offset, whole));
      offset += part;
    }
    return {};
  }
};

PF_CUDA_OP(Concat, Concat);
PF_CUDA_OP(DepthConcat, Concat);
PF_CUDA_OP(Split, Split);
PF_CUDA_OP(DepthSplit, Split);

}  // namespace
}  // namespace pf
