// SPDX-License-Identifier: Apache-2.0
// The object that PackRecords makes: records, each with a tensor for every field.
#pragma once
#include <memory>
#include <vector>

#include "core/blob.h"

namespace pf {

struct Records final : Object {
  static constexpr const char* kKind = "list of records";
  const char* kind() const override { return kKind; }
  std::vector<std::shared_ptr<std::vector<Tensor>>> records;  // never changed once made
};

}  // namespace pf
