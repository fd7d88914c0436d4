// SPDX-License-Identifier: Apache-2.0
#include "net/nested.h"

namespace pf {
#ifdef PF_BASE  // no operator of such a build runs nets

std::vector<NestedName> nested_names(const OpDef&) { return {}; }

#else
namespace {

void add(const std::vector<std::string>& names, bool written, std::vector<NestedName>* all) {
  for (auto& name : names) all->push_back({name, written});
}

void collect(const OpDef& op, std::vector<NestedName>* all) {
  for (auto& argument : op.arg) {
    for (auto& net : argument.nets) {
      add(net.external_input, false, all);
      add(net.external_output, false, all);
      for (auto& inner : net.op) {
        add(inner.input, false, all);
        add(inner.output, true, all);
        collect(inner, all);
      }
    }
  }
}

}  // namespace

std::vector<NestedName> nested_names(const OpDef& op) {
  std::vector<NestedName> all;
  collect(op, &all);
  return all;
}

#endif
}  // namespace pf
