// SPDX-License-Identifier: Apache-2.0
#include "core/names.h"

#include <cstdint>

namespace pf {

// Where `name` stands in the table, or the empty slot where it would.
size_t Names::slot(std::string_view name) const {
  uint32_t hash = 2166136261u;  // FNV-1a
  for (char c : name) hash = (hash ^ uint8_t(c)) * 16777619u;
  for (size_t at = hash;; ++at) {
    at &= slots_.size() - 1;
    if (slots_[at] < 0 || names_[size_t(slots_[at])] == name) return at;
  }
}

int Names::find(std::string_view name) const { return slots_.empty() ? -1 : slots_[slot(name)]; }

int Names::add(std::string_view name) {
  if (int at = find(name); at >= 0) return at;
  const int place = size();
  names_.push_back(name);
  if (names_.size() * 2 > slots_.size()) {
    slots_.assign(names_.size() * 4 < 64 ? 64 : slots_.size() * 2, -1);
    for (int i = 0; i < place; ++i) slots_[slot(names_[size_t(i)])] = i;
  }
  slots_[slot(name)] = place;
  return place;
}

}  // namespace pf
