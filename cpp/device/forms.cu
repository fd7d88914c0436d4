// SPDX-License-Identifier: Apache-2.0
#include "device/cuda.h"
#include "device/forms.h"

namespace pf {
namespace {

__device__ float load(const float* p, int64_t i) { return p[i]; }
__device__ float load(const __half* p, int64_t i) { return __half2float(p[i]); }
__device__ void store(float* p, int64_t i, float v) { p[i] = v; }
__device__ void store(__half* p, int64_t i, float v) { p[i] = __float2half(v); }

template <class X, class Y>
__global__ void convert(int64_t n, const X* x, Y* y, float factor) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
    store(y, i, load(x, i) * factor);
}

// Of each of `batch` matrices [rows][columns] the transpose, tile by tile through shared memory, so that both sides are
// read and written along their rows.
constexpr int kTile = 32;
template <class X, class Y>
__global__ void transpose(int64_t rows, int64_t columns, const X* x, Y* y, float factor) {
  __shared__ float tile[kTile][kTile + 1];
  x += blockIdx.z * rows * columns, y += blockIdx.z * rows * columns;
  const int64_t row = int64_t(blockIdx.y) * kTile, column = int64_t(blockIdx.x) * kTile;
  for (int k = threadIdx.y; k < kTile; k += blockDim.y)
    if (row + k < rows && column + threadIdx.x < columns)
      tile[k][threadIdx.x] = load(x, (row + k) * columns + column + threadIdx.x);
  __syncthreads();
  for (int k = threadIdx.y; k < kTile; k += blockDim.y)
    if (column + k < columns && row + threadIdx.x < rows)
      store(y, (column + k) * rows + row + threadIdx.x, tile[threadIdx.x][k] * factor);
}

// The grid has at most 65535 blocks in y and z: what goes beyond is done with other strides.
template <class X, class Y>
__global__ void transpose_each(int64_t n, int64_t rows, int64_t columns, const X* x, Y* y, float factor) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
    const int64_t batch = i / (rows * columns), at = i % (rows * columns), r = at % rows, c = at / rows;
    store(y, i, load(x, (batch * rows + r) * columns + c) * factor);
  }
}

template <class X, class Y>
void repack_typed(cudaStream_t stream, int64_t n, int64_t batch, int64_t rows, int64_t columns, bool turn, const X* x,
                  Y* y, float factor) {
  const bool narrow = rows < 8 || columns < 8;
  if (!turn) {
    convert<<<cuda::blocks(n), cuda::kThreads, 0, stream>>>(n, x, y, factor);
  } else if (narrow || batch > 65535 || (rows + kTile - 1) / kTile > 65535) {
    transpose_each<<<cuda::blocks(n), cuda::kThreads, 0, stream>>>(n, rows, columns, x, y, factor);
  } else {
    const dim3 grid(unsigned((columns + kTile - 1) / kTile), unsigned((rows + kTile - 1) / kTile), unsigned(batch));
    transpose<<<grid, dim3(kTile, 8), 0, stream>>>(rows, columns, x, y, factor);
  }
}

}  // namespace

// One of the two forms is plain, or both have one order.
Status CudaDevice::repack(const Shape& shape, const void* from, Form from_form, void* to, Form to_form) {
  const int64_t n = shape.size();
  if (!n) return {};
  activate();
  const int64_t batch = shape.rank() ? shape[0] : 1, channels = shape.rank() > 1 ? shape[1] : 1;
  const int64_t places = shape.rank() > 2 ? shape.from(2) : 1;
  const bool turn = from_form.last != to_form.last;
  const int64_t rows = to_form.last ? channels : places, columns = to_form.last ? places : channels;
  const float factor = ldexpf(1.f, to_form.scale - from_form.scale);
  auto run = [&](auto x, auto y) {
    repack_typed(stream_, n, batch, rows, columns, turn, static_cast<const decltype(x)*>(from),
                 static_cast<decltype(y)*>(to), factor);
  };
  if (from_form.half && to_form.half)
    run(__half(), __half());
  else if (from_form.half)
    run(__half(), float());
  else if (to_form.half)
    run(float(), __half());
  else
    run(float(), float());
  return launched();
}

Form effective(Form form, const Shape& shape) {
  form.last = form.last && shape.rank() > 2 && shape[1] > 1 && shape.from(2) > 1;
  if (!form.half) form.scale = 0;
  return form;
}

Form preferred(const OpRun& op, const Shape& shape, bool channels_last) {
  Form form;
  form.half = device_of(op).half(), form.last = !channels_last;
  return effective(form, shape);
}

Status read_form(OpRun& op, int i, Form form, View* out) {
  const Tensor& x = op.in(i);
  form = effective(form, x.shape());
  if (form.plain()) {
    const float* data;
    PF_TRY(read_plain(op, i, &data));
    *out = {data, form};
    return {};
  }
  PF_TRY(x.pack(op.accelerator, form));
  *out = {x.packed()->memory->bytes(), x.packed()->form};
  return {};
}

Status read_any(OpRun& op, int i, View* out) {
  const Tensor& x = op.in(i);
  return read_form(op, i, x.packed() && x.packed()->fresh ? x.packed()->form : Form(), out);
}

Status write_form(OpRun& op, int j, Form form, void** out) {
  Tensor& y = op.out(j);
  form = effective(form, y.shape());
  if (form.plain()) {
    float* data;
    PF_TRY(write_plain(op, j, &data));
    *out = data;
    return {};
  }
  Packed* room;
  PF_TRY(y.pack_room(op.accelerator, form, &room));
  y.packed_written();
  *out = room->memory->bytes();
  return {};
}

}  // namespace pf
