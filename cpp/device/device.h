// SPDX-License-Identifier: Apache-2.0
// The device this translation unit is compiled for: the CPU, or CUDA when nvcc compiles it.
#pragma once
#ifdef __CUDACC__
#define PF_FN __host__ __device__ inline
#include "device/cuda.h"
namespace pf {
struct Cuda;
struct Cpu;  // declarations that only the host's compiler reads name it
using Device = Cuda;
}  // namespace pf
#else
#define PF_FN inline
#include "device/cpu.h"
namespace pf {
using Device = Cpu;
}
#endif
