// SPDX-License-Identifier: Apache-2.0
// Halves as their bits, in code that also runs on the GPU. The CPU's conversions are in math/half.h.
#pragma once
#ifdef __CUDACC__
#include <cuda_fp16.h>

#include <cstdint>

namespace pf {

__device__ inline float half_on_device(uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
__device__ inline uint16_t half_bits_on_device(float x) { return __half_as_ushort(__float2half_rn(x)); }

}  // namespace pf
#endif
