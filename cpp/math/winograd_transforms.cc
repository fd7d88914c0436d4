// SPDX-License-Identifier: Apache-2.0
#include "math/winograd_transforms.h"

#include "core/simd.h"

namespace pf {
namespace {
#include "math/winograd_kernel.h"
}  // namespace

#if !defined(__x86_64__)
const WinogradTransforms& winograd_transforms(int64_t tile) {
  return tile == 4 ? winograd_transforms_of<f32x4, 4> : winograd_transforms_of<f32x4, 2>;
}
#endif

}  // namespace pf
