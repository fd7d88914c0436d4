// SPDX-License-Identifier: Apache-2.0
// What can be said of a net before anything of it is made.
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "net/nested.h"
#include "net/net.h"

namespace pf {
namespace {

struct Missing {
  std::vector<int> places;
  bool known = false;  // the operator is, its kernel is not
};

void collect(const NetDef& def, int place, std::map<std::string, Missing>* missing) {
  for (size_t i = 0; i < def.op.size(); ++i) {
    const OpDef& op = def.op[i];
    int at = place < 0 ? int(i) : place;  // operators of nested nets are reported where the outer net holds them
    const Schema* schema = find_schema(op.type);
    if (!schema || !schema->cpu) {
      Missing& m = (*missing)[op.type];
      m.known = schema != nullptr;
      m.places.push_back(at);
    }
    for (auto& a : op.arg)
      for (auto& net : a.nets) collect(net, at, missing);
  }
}

}  // namespace

Status check_operators(const NetDef& def) {
  std::map<std::string, Missing> missing;
  collect(def, -1, &missing);
  if (missing.empty()) return {};
  constexpr size_t kPlacesShown = 4;
  std::string list;
  for (auto& [type, m] : missing) {
    append(list, {list.empty() ? "" : "; ", type, " (op "});
    for (size_t i = 0; i < m.places.size() && i < kPlacesShown; ++i) append(list, {i ? ", " : "", m.places[i]});
    if (m.places.size() > kPlacesShown) append(list, {" and ", m.places.size() - kPlacesShown, " more"});
    list += ')';
    std::string near = m.known ? "" : suggestion(type);
    if (m.known) list += " has no kernel for the CPU";
    else if (!near.empty()) append(list, {", did you mean ", near, "?"});
  }
  return fail(Code::no_operator, {missing.size(), missing.size() == 1 ? " operator is" : " operators are", " not supported: ", list,
                                  ". docs/operators.md lists those there are; one of your own can be registered"});
}

Status check_sources(const NetDef& def) {
  std::unordered_set<std::string_view> known(def.external_input.begin(), def.external_input.end());
  std::unordered_map<std::string_view, size_t> producers;
  std::unordered_set<std::string_view> made_inside;  // by nets in arguments: an If may make blobs that it does not list
  for (size_t i = 0; i < def.op.size(); ++i)
    for (auto& name : def.op[i].output) producers.emplace(name, i);
  for (size_t i = 0; i < def.op.size(); ++i) {
    const OpDef& op = def.op[i];
    for (auto& name : op.input) {
      if (def.external_input.empty() || known.count(name)) continue;
      auto later = producers.find(name);
      if (later == producers.end())
        return fail(Code::net, {"source for input \"", name, "\" is unknown for op ", i, " (", op.type,
                                "): no operator produces it and external_input does not list it"});
      return fail(Code::net, {"op ", i, " (", op.type, ") reads \"", name, "\", which op ", later->second, " (", def.op[later->second].type,
                              ") produces ", later->second == i ? "itself" : "only later",
                              ": the net has a cycle or its operators are out of order"});
    }
    for (auto& name : op.output) known.insert(name);
    each_nested_output(op, [&](const std::string& name) { made_inside.insert(name); });
  }
  for (auto& name : def.external_output)
    PF_CHECK(producers.count(name) || known.count(name) || made_inside.count(name), net, "external output \"", name, "\" is produced by no operator");
  return {};
}

}  // namespace pf
