// SPDX-License-Identifier: Apache-2.0
// The object that CreateTensorVector makes: a list of tensors.
#pragma once
#include <vector>

#include "core/blob.h"

namespace pf {

struct TensorVector final : Object {
  static constexpr char kKind[] = "tensor vector";
  const char* kind() const override { return kKind; }
  std::vector<Tensor> tensors;
};

}  // namespace pf
