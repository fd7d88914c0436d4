// SPDX-License-Identifier: Apache-2.0
// Relu, ReluGradient and Sum on CUDA, in whatever form their inputs have.
#include "device/columns.h"

namespace pf {
namespace {

using columns::Pack;
using columns::set;
using columns::to_float;

// y[i] = f(x0[i], …) as floats, 16 bytes of each at a time; what remains at the end goes one by one.
template <class T, class F, class... X>
__global__ void map_packs(int64_t n, T* y, F f, const X*... x) {
  constexpr int V = columns::kWidest<T>;
  const int64_t step = int64_t(gridDim.x) * blockDim.x, packs = n / V;
  const int64_t first = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  for (int64_t i = first; i < packs; i += step) {
    Pack<T, V> r;
    const auto in = [&](const auto&... p) {
#pragma unroll
      for (int v = 0; v < V; ++v) set(r.v[v], f(to_float(p.v[v])...));
    };
    in(reinterpret_cast<const Pack<T, V>*>(x)[i]...);
    reinterpret_cast<Pack<T, V>*>(y)[i] = r;
  }
  for (int64_t i = packs * V + first; i < n; i += step) set(y[i], f(to_float(x[i])...));
}

bool is_aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

template <class T, class F, class... X>
__global__ void map_singles(int64_t n, T* y, F f, const X*... x) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
    set(y[i], f(to_float(x[i])...));
}

template <class T, class F, class... X>
void map(OpRun& op, int64_t n, void* y, F f, const X*... x) {
  if (!n) return;
  const cudaStream_t queue = device_of(op).queue();
  // A view into another tensor may begin anywhere.
  if (is_aligned(y) && (is_aligned(x) && ...))
    map_packs<<<cuda::blocks((n + columns::kWidest<T> - 1) / columns::kWidest<T>), cuda::kThreads, 0, queue>>>(
        n, static_cast<T*>(y), f, static_cast<const T*>(x)...);
  else
    map_singles<<<cuda::blocks(n), cuda::kThreads, 0, queue>>>(n, static_cast<T*>(y), f, static_cast<const T*>(x)...);
}

struct Positive {
  __device__ float operator()(float x) const { return x < 0.f ? 0.f : x; }  // a NaN stays
};
struct WherePositive {
  __device__ float operator()(float y, float dy) const { return y > 0.f ? dy : 0.f; }
};

struct Relu {
  static constexpr bool kPicksForms = true;
  Status run(OpRun& op) {
    View x;
    void* y;
    const int64_t n = op.in(0).size();
    PF_TRY(read_any(op, 0, &x));
    PF_TRY(write_form(op, 0, x.form, &y));
    return with_element(x.form, [&](auto e) { return map<decltype(e)>(op, n, y, Positive(), x.data), Status(); });
  }
};

// The gradient has the form of Y, whose layout alone is asked for; its scale is its own.
struct ReluGradient {
  static constexpr bool kPicksForms = true;
  Status run(OpRun& op) {
    View y, dy;
    void* dx;
    const int64_t n = op.in(0).size();
    PF_TRY(read_any(op, 0, &y));
    Form form = y.form;
    form.scale = int8_t(device_of(op).options.loss_scale);
    PF_TRY(read_form(op, 1, form, &dy));
    PF_TRY(write_form(op, 0, dy.form, &dx));
    return with_element(
        y.form, [&](auto e) { return map<decltype(e)>(op, n, dx, WherePositive(), y.data, dy.data), Status(); });
  }
};

// One to three terms in one pass; where halves have different scales the first one's is the result's.
struct Terms {
  float b, c;
  bool relu;
  __device__ float operator()(float x) const { return relu && x < 0.f ? 0.f : x; }
  __device__ float operator()(float x, float y) const { return (*this)(x + b * y); }
  __device__ float operator()(float x, float y, float z) const { return (*this)(x + b * y + c * z); }
};

template <class Device>
struct PlusInt {
  PF_FN int32_t operator()(int32_t a, int32_t b) const { return int32_t(uint32_t(a) + uint32_t(b)); }
};

struct Sum {
  static constexpr bool kPicksForms = true;
  bool relu = false;
  bool absorb(const Args& next, int first_input) {
    return !relu && first_input == 2 && next.def.type == "Relu" && (relu = true, true);
  }

  Status integers(OpRun& op) {
    const int64_t n = op.in(0).size();
    const int32_t* x;
    int32_t* y;
    PF_CHECK(!relu, type, "the Relu after it takes float, the sum is ", op.in(0).dtype());
    for (int i = 0; i < op.inputs(); ++i) PF_TRY(read_plain(op, i, &x));
    PF_TRY(write_plain(op, 0, &y));
    if (op.inputs() == 1) Cuda::copy(op, size_t(n) * 4, y, op.in(0).data<int32_t>());
    for (int i = 1; i < op.inputs(); ++i)
      Cuda::map(op, n, y, PlusInt<Cuda>(), i == 1 ? op.in(0).data<int32_t>() : y, op.in(i).data<int32_t>());
    return {};
  }

  Status run(OpRun& op) {
    if (op.in(0).dtype() != DType::kFloat) return integers(op);
    const int64_t n = op.in(0).size();
    Form form;  // of the first input that has one of its own
    for (int i = op.inputs() - 1; i >= 0; --i)
      if (auto& packed = op.in(i).packed(); packed && packed->fresh) form = packed->form;
    std::vector<View> x(size_t(op.inputs()));
    for (int i = 0; i < op.inputs(); ++i) PF_TRY(read_form(op, i, form, &x[size_t(i)]));
    form = x[0].form;
    void* y;
    PF_TRY(write_form(op, 0, form, &y));
    auto factor = [&](size_t i) { return ldexpf(1.f, x[0].form.scale - x[i].form.scale); };
    return with_element(form, [&](auto e) {
      using T = decltype(e);
      if (x.size() == 1) map<T>(op, n, y, Terms{0, 0, relu}, x[0].data);
      for (size_t i = 1; i < x.size(); i += 2) {
        const void* first = i == 1 ? x[0].data : y;
        if (i + 1 < x.size())
          map<T>(op, n, y, Terms{factor(i), factor(i + 1), relu}, first, x[i].data, x[i + 1].data);
        else
          map<T>(op, n, y, Terms{factor(i), 0, relu}, first, x[i].data);
      }
      return Status();
    });
  }
};

PF_CUDA_OP(Relu, Relu);
PF_CUDA_OP(ReluGradient, ReluGradient);
PF_CUDA_OP(Sum, Sum);
PF_CUDA_OP(SumInt, Sum);

}  // namespace
}  // namespace pf
