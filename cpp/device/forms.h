// SPDX-License-Identifier: Apache-2.0
// For kernels that choose the form of what they read and write (Form in core/accelerator.h). In every form asked for
// here an activation is a matrix of rows (pictures and places) by channels.
#pragma once
#include <cuda_fp16.h>

#include "device/cuda_device.h"

namespace pf {

// Enters a kernel for CUDA of an operator that cpp/ops declares elsewhere: PF_CUDA_OP(Conv, ConvOnDevice).
#define PF_CUDA_OP(name, ...)                                                        \
  [[maybe_unused]] static const auto pf_cuda_##name = ::pf::new_schema(#name).cuda = \
      &::pf::KernelOf<__VA_ARGS__>::create

// The form without what makes no difference to this shape: channels may as well come last where there is one, or one
// place.
Form effective(Form form, const Shape& shape);
// What the device's precision asks for; `channels_last`: the tensor's own order has them last already.
Form preferred(const OpRun& op, const Shape& shape, bool channels_last);

struct View {
  const void* data = nullptr;
  Form form;
  float factor() const { return ldexpf(1.f, -form.scale); }  // makes the numbers what they stand for
};

// Input i in that form. A scale is what the contents have, or `form.scale` where they are converted now.
Status read_form(OpRun& op, int i, Form form, View* out);
// Input i in whatever form it has.
Status read_any(OpRun& op, int i, View* out);
template <class T>
Status read_plain(OpRun& op, int i, const T** out) {
  PF_TRY(op.in(i).bring(op.accelerator));
  *out = op.in(i).data<T>();
  return {};
}

// Output j in that form, uninitialised; of an in-place operator the memory of the input that was read in it.
Status write_form(OpRun& op, int j, Form form, void** out);
template <class T>
Status write_plain(OpRun& op, int j, T** out) {
  Tensor& y = op.out(j);
  PF_TRY(y.resize(y.shape(), dtype_of<T>()));
  *out = y.data<T>();
  return {};
}

// f(T()) with T the element type of the form.
template <class F>
Status with_element(Form form, F f) {
  return form.half ? f(__half()) : f(float());
}

}  // namespace pf
