// SPDX-License-Identifier: Apache-2.0
#include "device/columns.h"
#include "device/cuda.h"
#include "math/matmul.h"

namespace pf {
namespace {

using columns::set;
using columns::to_float;
using lt::Heuristic;

constexpr size_t kWorkspace = size_t{32} << 20;

template <class T, class R>
struct ProductAt {
  Matmul p;
  __device__ void operator()(int64_t i) const {
    const int64_t column = i % p.n, row = i / p.n % p.m, g = i / (p.n * p.m);
    const T* a = static_cast<const T*>(p.a) + g * p.a_stride + (p.a_turned ? row : row * p.k);
    const T* b = static_cast<const T*>(p.b) + g * p.b_stride + (p.b_turned ? column * p.k : column);
    const int64_t a_step = p.a_turned ? p.m : 1, b_step = p.b_turned ? 1 : p.n;
    float sum = 0;
    for (int64_t k = 0; k < p.k; ++k) sum += to_float(a[k * a_step]) * to_float(b[k * b_step]);
    sum = p.alpha * sum + (p.bias ? p.bias[column] : 0.f);
    set(static_cast<R*>(p.c)[g * p.c_stride + row * p.n + column], p.relu && sum < 0.f ? 0.f : sum);
  }
};

// What is made for one call and destroyed after it.
struct Descriptors {
  lt::Desc desc = nullptr;
  lt::Layout a = nullptr, b = nullptr, c = nullptr;
  lt::Preference preference = nullptr;
  ~Descriptors() {
    if (preference) lt::MatmulPreferenceDestroy(preference);
    for (lt::Layout layout : {a, b, c})
      if (layout) lt::MatrixLayoutDestroy(layout);
    if (desc) lt::MatmulDescDestroy(desc);
  }
};

// An algorithm serves every product of the same sizes, types and alignment.
struct Known {
  int64_t m, n, k, batch;
  bool a_turned, b_turned, half, half_out, bias, relu, tf32;
  int alignment, device;
  Heuristic choice;
  bool same(const Known& o) const {
    return m == o.m && n == o.n && k == o.k && batch == o.batch && a_turned == o.a_turned && b_turned == o.b_turned &&
           half == o.half && half_out == o.half_out && bias == o.bias && relu == o.relu && tf32 == o.tf32 &&
           alignment == o.alignment && device == o.device;
  }
};
std::vector<Known>& known() {
  static auto* all = new std::vector<Known>;
  return *all;
}

int alignment_of(const Matmul& p) {
  const uintptr_t bits = reinterpret_cast<uintptr_t>(p.a) | reinterpret_cast<uintptr_t>(p.b) |
                         reinterpret_cast<uintptr_t>(p.c) | reinterpret_cast<uintptr_t>(p.bias);
  return int(bits & 15);
}

bool layout(lt::Layout* out, cudaDataType_t type, int64_t rows, int64_t columns, int64_t batch, int64_t stride) {
  // cuBLAS counts along columns: a matrix that lies row by row is its transpose there.
  if (lt::MatrixLayoutCreate(out, type, uint64_t(columns), uint64_t(rows), columns) != 0) return false;
  if (batch == 1) return true;
  const auto count = int32_t(batch);
  return lt::MatrixLayoutSetAttribute(*out, lt::kBatchCount, &count, sizeof count) == 0 &&
         lt::MatrixLayoutSetAttribute(*out, lt::kBatchStride, &stride, sizeof stride) == 0;
}

// c' = b' a' in cuBLAS's order.
Status by_cublas(OpRun& op, const Matmul& p, bool* done) {
  CudaDevice& device = device_of(op);
  lt::Handle handle;
  PF_TRY(device.cublas(&handle));
  Descriptors d;
  const cudaDataType_t in = p.half ? CUDA_R_16F : CUDA_R_32F, out = p.half_out ? CUDA_R_16F : CUDA_R_32F;
  const lt::ComputeType compute = device.tf32() && !p.half ? lt::kCompute32FTf32 : lt::kCompute32F;
  const int32_t turn_b = p.b_turned, turn_a = p.a_turned;
  bool good = lt::MatmulDescCreate(&d.desc, compute, CUDA_R_32F) == 0 &&
              lt::MatmulDescSetAttribute(d.desc, lt::kTransA, &turn_b, sizeof turn_b) == 0 &&
              lt::MatmulDescSetAttribute(d.desc, lt::kTransB, &turn_a, sizeof turn_a) == 0;
  if (good && (p.bias || p.relu)) {
    const int32_t epilogue = !p.bias ? lt::kEpilogueRelu : p.relu ? lt::kEpilogueReluBias : lt::kEpilogueBias;
    good = lt::MatmulDescSetAttribute(d.desc, lt::kEpilogue, &epilogue, sizeof epilogue) == 0;
  }
  if (good && p.bias) {
    good = lt::MatmulDescSetAttribute(d.desc, lt::kBiasPointer, &p.bias, sizeof p.bias) == 0;
    const int32_t bias_type = CUDA_R_32F;
    good = good && lt::MatmulDescSetAttribute(d.desc, lt::kBiasType, &bias_type, sizeof bias_type) == 0;
  }
  good = good && layout(&d.a, in, p.b_turned ? p.n : p.k, p.b_turned ? p.k : p.n, p.batch, p.b_stride) &&
         layout(&d.b, in, p.a_turned ? p.k : p.m, p.a_turned ? p.m : p.k, p.batch, p.a_stride) &&
         layout(&d.c, out, p.m, p.n, p.batch, p.c_stride);
  if (!good) return {};

  Known key{p.m,
            p.n,
            p.k,
            p.batch,
            p.a_turned,
            p.b_turned,
            p.half,
            p.half_out,
            p.bias != nullptr,
            p.relu,
            device.tf32(),
            alignment_of(p),
            device.options.index,
            {}};
  // A copy: where replicas take turns, another may add one while this waits for memory.
  bool found = false;
  for (const Known& k : known())
    if (k.same(key)) key.choice = k.choice, found = true;
  if (!found) {
    int count = 0;
    good = lt::MatmulPreferenceCreate(&d.preference) == 0 &&
           lt::MatmulPreferenceSetAttribute(d.preference, lt::kMaxWorkspace, &kWorkspace, sizeof kWorkspace) == 0;
    if (key.alignment) {
      const uint32_t least = key.alignment & 3 ? 2 : key.alignment & 7 ? 4 : 8;
      for (lt::PreferenceAttribute a : {lt::kAlignmentA, lt::kAlignmentB, lt::kAlignmentC, lt::kAlignmentD})
        good = good && lt::MatmulPreferenceSetAttribute(d.preference, a, &least, sizeof least) == 0;
    }
    good = good &&
           lt::MatmulAlgoGetHeuristic(handle, d.desc, d.a, d.b, d.c, d.c, d.preference, 1, &key.choice, &count) == 0;
    if (!good || count == 0) return {};
    known().push_back(key);
  }
  void* workspace = nullptr;
  if (key.choice.workspace) {
    uint8_t* bytes;
    PF_TRY(op.scratch(int64_t(key.choice.workspace), &bytes));
    workspace = bytes;
  }
  const float zero = 0;
  *done = lt::Matmul(handle, d.desc, &p.alpha, p.b, d.a, p.a, d.b, &zero, p.c, d.c, p.c, d.c, &key.choice.algo,
                     workspace, key.choice.workspace, device.queue()) == 0;
  return {};
}

}  // namespace

Status matmul(OpRun& op, const Matmul& p) {
  if (!p.m || !p.n || !p.batch) return {};
  bool done = false;
  if (p.k && cublas_lt().open().ok()) PF_TRY(by_cublas(op, p, &done));
  if (done) return {};
  const int64_t count = p.m * p.n * p.batch;
  if (p.half && p.half_out)
    Cuda::each(op, count, ProductAt<__half, __half>{p});
  else if (p.half)
    Cuda::each(op, count, ProductAt<__half, float>{p});
  else
    Cuda::each(op, count, ProductAt<float, float>{p});
  return {};
}

}  // namespace pf
