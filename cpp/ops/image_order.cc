// SPDX-License-Identifier: Apache-2.0
// NCHW2NHWC and NHWC2NCHW: the channels of pictures last, and back.
#include "core/op.h"
#include "math/transpose.h"

namespace pf {
namespace {

// One matrix of a picture in its other order, element by element: element i of the result.
template <class T>
struct Transposed {
  int64_t rows, columns;  // of the result
  const T* x;
  T* y;
  PF_FN void operator()(int64_t i) const {
    const int64_t area = rows * columns, at = i % area;
    y[i] = x[i - at + at % columns * rows + at / columns];
  }
};

// kLast: from (N, C, H, W) to (N, H, W, C); else back.
template <bool kLast>
Status shape(Infer& in) {
  PF_TRY(in.want_rank(0, 4));
  const Shape& x = in.shape(0);
  in.set(0, kLast ? Shape{x[0], x[2], x[3], x[1]} : Shape{x[0], x[3], x[1], x[2]}, in.dtype(0));
  return {};
}

template <class Device, bool kLast>
struct Reorder {
  Status run(OpRun& op) {
    const Shape& y = op.out(0).shape();
    const int64_t rows = kLast ? y[1] * y[2] : y[1], columns = kLast ? y[3] : y[2] * y[3];
    if constexpr (Device::kIsHost)
      if (op.in(0).dtype() == DType::kString) return each<std::string>(op, rows, columns);
    switch (dtype_size(op.in(0).dtype())) {
      case 1:
        return each<uint8_t>(op, rows, columns);
      case 2:
        return each<uint16_t>(op, rows, columns);
      case 4:
        if (!Device::kIsHost) return each<uint32_t>(op, rows, columns);
        transpose_matrices(y[0], columns, rows, op.in(0).data<float>(), op.out(0).data<float>());
        return {};
      default:
        return each<uint64_t>(op, rows, columns);
    }
  }
  template <class T>
  Status each(OpRun& op, int64_t rows, int64_t columns) {
    Device::each(op, op.in(0).size(), Transposed<T>{rows, columns, op.in(0).data<T>(), op.out(0).data<T>()});
    return {};
  }
};
template <class Device>
using ToLast = Reorder<Device, true>;
template <class Device>
using ToFirst = Reorder<Device, false>;

PF_OP(NCHW2NHWC)
    .doc("Puts the channels of pictures last.")
    .input("X", "Any type, (N, C, H, W).")
    .output("Y", "Type of X, (N, H, W, C).")
    .shape(shape<true>)
    .grad([](Gradient& g) { g.op("NHWC2NCHW", {g.GO(0)}, {g.GI(0)}); })
    .kernel<ToLast>();

PF_OP(NHWC2NCHW)
    .doc("Puts the channels of pictures before their rows.")
    .input("X", "Any type, (N, H, W, C).")
    .output("Y", "Type of X, (N, C, H, W).")
    .shape(shape<false>)
    .grad([](Gradient& g) { g.op("NCHW2NHWC", {g.GO(0)}, {g.GI(0)}); })
    .kernel<ToFirst>();

}  // namespace
}  // namespace pf
