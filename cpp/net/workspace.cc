// SPDX-License-Identifier: Apache-2.0
#include "net/workspace.h"

namespace pf {

Blob* Workspace::find(std::string_view name) {
  auto it = slots_.find(name);
  return it != slots_.end() && it->second->listed ? &it->second->blob : nullptr;
}

Blob& Workspace::blob(std::string_view name) {
  auto it = slots_.find(name);
  if (it == slots_.end()) {
    it = slots_.emplace(std::string(name), std::make_unique<Slot>()).first;
    it->second->blob.name = name;
  }
  it->second->listed = true;
  return it->second->blob;
}

bool Workspace::remove(std::string_view name) {
  auto it = slots_.find(name);
  if (it == slots_.end() || !it->second->listed) return false;
  it->second->blob.clear();
  it->second->listed = false;
  return true;
}

std::string Workspace::names() const {
  std::string all;
  for (auto& [name, slot] : slots_)
    if (slot->listed) all.append(name).push_back('\0');
  return all;
}

std::string Workspace::known(std::string_view missing) const {
  constexpr int kMost = 8;
  std::string near, rest;
  int listed = 0;
  for (auto& [name, slot] : slots_) {
    if (!slot->listed || name == missing) continue;
    bool alike = name.find(missing) != std::string::npos || missing.find(name) != std::string_view::npos;
    if (!alike && ++listed > kMost) continue;
    std::string& to = alike ? near : rest;
    append(to, {to.empty() ? "" : ", ", name});
  }
  if (!near.empty() && !rest.empty()) near += ", ";
  near += rest;
  if (listed > kMost) append(near, {" and ", listed - kMost, " more"});
  return near.empty() ? "none" : near;
}

}  // namespace pf
