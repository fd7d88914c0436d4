// SPDX-License-Identifier: Apache-2.0
// Negative: y = -x.
// build: loops
#include <type_traits>

#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  template <class T>
  PF_FN T operator()(T x) const {
    if constexpr (std::is_integral_v<T>)
      return T(0 - uint64_t(x));  // wraps around
    else
      return -x;
  }
};

template <class Device>
struct Negative {
  Status run(OpRun& op) {
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        return run_as<float>(op);
      case DType::kDouble:
        return run_as<double>(op);
      case DType::kInt32:
        return run_as<int32_t>(op);
      default:
        return run_as<int64_t>(op);
    }
  }
  template <class T>
  Status run_as(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<T>(), Forward{}, x.data<T>());
    return {};
  }
};

Status negative_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "X must be float32, float64, int32 or int64, is ", t, "; Cast converts");
  return same_as_first(in);
}

PF_OP(Negative)
    .doc("Elementwise `Y = -X`.")
    .input("X", "float32, float64, int32 or int64, any shape.")
    .output("Y", "Shape and type of X.")
    .inplace(0, 0)
    .shape(negative_shape)
    .grad([](Gradient& g) { g.op("Negative", {g.GO(0)}, {g.GI(0)}); })
    .kernel<Negative>();

}  // namespace
}  // namespace pf
