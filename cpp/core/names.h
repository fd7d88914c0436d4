// SPDX-License-Identifier: Apache-2.0
// A set of names, each with its place in order of arrival: what belongs to a name stands in a vector beside it.
#pragma once
#include <string_view>
#include <vector>

namespace pf {

class Names {
 public:
  int find(std::string_view name) const;  // its place, or -1
  int add(std::string_view name);         // the same, made if need be; the text must outlive this
  bool has(std::string_view name) const { return find(name) >= 0; }
  int size() const { return int(names_.size()); }

 private:
  size_t slot(std::string_view name) const;
  std::vector<std::string_view> names_;
  std::vector<int> slots_;  // a hash table of places; -1 is empty
};

}  // namespace pf
