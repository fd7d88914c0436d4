// SPDX-License-Identifier: Apache-2.0
#include "net/workspace.h"

namespace pf {

Workspace::~Workspace() {
  for (Slot* slot : slots_) delete slot;
}

size_t Workspace::place_of(std::string_view name) const {
  size_t low = 0, high = slots_.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (slots_[middle]->blob.name < name)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Workspace::Slot* Workspace::listed(std::string_view name) const {
  const size_t at = place_of(name);
  return at < slots_.size() && slots_[at]->blob.name == name && slots_[at]->listed ? slots_[at] : nullptr;
}

Blob* Workspace::find(std::string_view name) {
  Slot* slot = listed(name);
  return slot ? &slot->blob : nullptr;
}

Blob& Workspace::blob(std::string_view name) {
  const size_t at = place_of(name);
  if (at == slots_.size() || slots_[at]->blob.name != name) {
    auto* slot = new Slot;
    slot->blob.name = name;
    slots_.insert(slots_.begin() + ptrdiff_t(at), slot);
  }
  slots_[at]->listed = true;
  return slots_[at]->blob;
}

bool Workspace::remove(std::string_view name) {
  Slot* slot = listed(name);
  if (!slot) return false;
  slot->blob.clear();
  slot->listed = false;
  return true;
}

std::string Workspace::names() const {
  std::string all;
  for (const Slot* slot : slots_)
    if (slot->listed) all.append(slot->blob.name).push_back('\0');
  return all;
}

std::string Workspace::known(std::string_view missing) const {
  constexpr int kMost = 8;
  std::string near, rest;
  int listed = 0;
  for (const Slot* slot : slots_) {
    const std::string& name = slot->blob.name;
    if (!slot->listed || name == missing) continue;
    bool alike = name.find(missing) != std::string::npos || missing.find(name) != std::string_view::npos;
    if (!alike && ++listed > kMost) continue;
    std::string& to = alike ? near : rest;
    append(to, to.empty() ? "" : ", ", name);
  }
  if (!near.empty() && !rest.empty()) near += ", ";
  near += rest;
  if (listed > kMost) append(near, " and ", listed - kMost, " more");
  return near.empty() ? "none" : near;
}

}  // namespace pf
