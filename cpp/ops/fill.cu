// SPDX-License-Identifier: Apache-2.0
// ConstantFill on CUDA.
#include "device/cuda.h"
#include "device/forms.h"

namespace pf {
namespace {

struct ConstantFill {
  template <class T>
  static Status all(OpRun& op, T value) {
    return Cuda::fill(op, op.out(0).size(), op.out(0).data<T>(), value), Status();
  }
  Status run(OpRun& op) {
    const Argument* given = op.args.def.find("value");
    const int64_t whole = op.args.i("value");
    const double real = given && given->has_f ? double(given->f) : double(whole);
    switch (op.out(0).dtype()) {
      case DType::kFloat:
        return all(op, float(real));
      case DType::kDouble:
        return all(op, real);
      case DType::kBool:
        return all(op, real != 0);
      default:
        break;
    }
    // Integers: the low bytes, whatever the width.
    switch (dtype_size(op.out(0).dtype())) {
      case 1:
        return all(op, uint8_t(whole));
      case 2:
        return all(op, uint16_t(whole));
      case 4:
        return all(op, uint32_t(whole));
      default:
        return all(op, uint64_t(whole));
    }
  }
};

PF_CUDA_OP(ConstantFill, ConstantFill);

}  // namespace
}  // namespace pf
