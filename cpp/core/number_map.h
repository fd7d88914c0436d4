// SPDX-License-Identifier: Apache-2.0
// The object that CreateMap makes: whole numbers to whole numbers.
#pragma once
#include <unordered_map>

#include "core/blob.h"

namespace pf {

struct NumberMap final : Object {
  static constexpr const char* kKind = "map";
  const char* kind() const override { return kKind; }
  NumberMap(DType keys, DType values) : key_type(keys), value_type(values) {}

  size_t size() const { return entries.size(); }
  const int64_t* find(int64_t key) const {
    auto at = places.find(key);
    return at == places.end() ? nullptr : &entries[at->second].value;
  }
  void set(int64_t key, int64_t value) {
    auto [at, added] = places.try_emplace(key, entries.size());
    if (added)
      entries.push_back({key, value});
    else
      entries[at->second].value = value;
  }
  // The last entry takes the place of the one that goes.
  void erase(int64_t key) {
    auto at = places.find(key);
    if (at == places.end()) return;
    const size_t place = at->second;
    places.erase(at);
    if (place + 1 != entries.size()) places[entries.back().key] = place, entries[place] = entries.back();
    entries.pop_back();
  }
  void clear() { entries.clear(), places.clear(); }

  struct Entry {
    int64_t key, value;
  };
  DType key_type, value_type;  // int32 or int64
  std::vector<Entry> entries;  // oldest first
  std::unordered_map<int64_t, size_t> places;
};

}  // namespace pf
