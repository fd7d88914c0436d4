// SPDX-License-Identifier: Apache-2.0
// Transpose: dimensions in another order.
#include "math/permute.h"

namespace pf {
namespace {

template <class Device, class T>
void permute_each(OpRun& op, const Permutation& plan) {
  Device::each(op, plan.size, PermuteAt<T>{plan, op.in(0).data<T>(), op.out(0).data<T>()});
}

template <class Device>
Status permute_on(OpRun& op, const Permutation& plan) {
  if constexpr (Device::kIsHost) {
    permute(plan, op.in(0).dtype(), op.in(0).data<uint8_t>(), op.out(0).data<uint8_t>());
  } else {
    switch (dtype_size(op.in(0).dtype())) {
      case 1:
        permute_each<Device, uint8_t>(op, plan);
        break;
      case 2:
        permute_each<Device, uint16_t>(op, plan);
        break;
      case 4:
        permute_each<Device, uint32_t>(op, plan);
        break;
      default:
        permute_each<Device, uint64_t>(op, plan);
    }
  }
  return {};
}

// axes[i] is the dimension of X that becomes dimension i; without the argument their order is reversed.
Status read_axes(const Args& args, int rank, int* axes) {
  if (!args.has("axes")) {
    for (int i = 0; i < rank; ++i) axes[i] = rank - 1 - i;
    return {};
  }
  const std::vector<int64_t>& given = args.ints("axes");
  PF_CHECK(given.size() == size_t(rank), argument, "axes must name each of the ", rank, " dimensions of X, has ",
           given.size(), " numbers");
  unsigned seen = 0;
  for (int i = 0; i < rank; ++i) {
    const int64_t axis = given[size_t(i)];
    PF_CHECK(axis >= 0 && axis < rank && !(seen >> axis & 1), argument, "axes must name each dimension of X once, ",
             axis, " is named again or is none of ", rank);
    seen |= 1u << axis, axes[i] = int(axis);
  }
  return {};
}

Status set_permuted(Infer& in, const int* axes) {
  Shape y;
  for (int i = 0; i < in.shape(0).rank(); ++i) y.push_back(in.shape(0)[axes[i]]);
  in.set(0, y, in.dtype(0));
  return {};
}

Status transpose_shape(Infer& in) {
  int axes[Shape::kMaxRank];
  PF_TRY(read_axes(in.args, in.shape(0).rank(), axes));
  return set_permuted(in, axes);
}

template <class Device>
struct Transpose {
  const Args& args;
  explicit Transpose(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    int axes[Shape::kMaxRank];
    PF_TRY(read_axes(args, op.in(0).rank(), axes));
    return permute_on<Device>(op, Permutation(op.in(0).shape(), axes));
  }
};

// The inverse order takes the gradient back.
void transpose_gradient(Gradient& g) {
  OpDef& back = g.op("Transpose", {g.GO(0)}, {g.GI(0)});
  if (!g.args.has("axes")) return;
  const std::vector<int64_t>& axes = g.args.ints("axes");
  std::vector<int64_t> inverse(axes.size());
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] >= 0 && size_t(axes[i]) < axes.size()) inverse[size_t(axes[i])] = int64_t(i);
  back.set("axes", inverse);
}

PF_OP(Transpose)
    .doc("X with its dimensions in another order: dimension i of Y is dimension `axes[i]` of X.")
    .optional_arg("axes", ArgType::kInts, "Each dimension of X once; without it their order is reversed.")
    .input("X", "Any type and shape.")
    .output("Y", "Type of X.")
    .shape(transpose_shape)
    .grad(transpose_gradient)
    .kernel<Transpose>();

}  // namespace
}  // namespace pf
