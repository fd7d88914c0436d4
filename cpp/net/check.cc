// SPDX-License-Identifier: Apache-2.0
// What can be said of a net before anything of it is made.
#include "core/names.h"
#include "net/nested.h"
#include "net/net.h"

namespace pf {
namespace {

struct Missing {
  std::string_view type;
  std::vector<int> places;
  bool known = false;  // the operator is, its kernel is not
};

void collect(const NetDef& def, int place, std::vector<Missing>* missing) {
  for (size_t i = 0; i < def.op.size(); ++i) {
    const OpDef& op = def.op[i];
    int at = place < 0 ? int(i) : place;  // operators of nested nets are reported where the outer net holds them
    const Schema* schema = find_schema(op.type);
    if (!schema || !schema->cpu) {
      size_t k = 0;
      while (k < missing->size() && (*missing)[k].type != op.type) ++k;
      if (k == missing->size()) missing->push_back({op.type, {}, schema != nullptr});
      (*missing)[k].places.push_back(at);
    }
    for (auto& a : op.arg)
      for (auto& net : a.nets) collect(net, at, missing);
  }
}

}  // namespace

Status check_operators(const NetDef& def) {
  std::vector<Missing> missing;
  collect(def, -1, &missing);
  if (missing.empty()) return {};
  constexpr size_t kPlacesShown = 4;
  std::string list;
  for (auto& m : missing) {
    append(list, list.empty() ? "" : "; ", m.type, " (op ");
    for (size_t i = 0; i < m.places.size() && i < kPlacesShown; ++i) append(list, i ? ", " : "", m.places[i]);
    if (m.places.size() > kPlacesShown) append(list, " and ", m.places.size() - kPlacesShown, " more");
    list += ')';
    const bool left_out = is_left_out(m.type);
    std::string near = m.known || left_out ? "" : suggestion(m.type);
    if (left_out)
      append(list, " is ", kLeftOut);
    else if (m.known)
      list += " has no kernel for the CPU";
    else if (!near.empty())
      append(list, ", did you mean ", near, "?");
  }
  return fail(Code::no_operator, missing.size(), missing.size() == 1 ? " operator is" : " operators are",
              " not supported: ", list, ". docs/operators.md lists those there are; one of your own can be registered");
}

Status check_sources(const NetDef& def) {
  Names known, produced, made_inside;  // inside nets in arguments: an If may make blobs that it does not list
  std::vector<size_t> producers;       // of each name produced, the first operator
  for (auto& name : def.external_input) known.add(name);
  for (size_t i = 0; i < def.op.size(); ++i) {
    for (auto& name : def.op[i].output)
      if (produced.add(name) == int(producers.size())) producers.push_back(i);
  }
  for (size_t i = 0; i < def.op.size(); ++i) {
    const OpDef& op = def.op[i];
    for (auto& name : op.input) {
      if (def.external_input.empty() || known.has(name)) continue;
      const int at = produced.find(name);
      PF_CHECK(at >= 0, net, "source for input \"", name, "\" is unknown for op ", i, " (", op.type,
               "): no operator produces it and external_input does not list it");
      const size_t later = producers[size_t(at)];
      return fail(Code::net, "op ", i, " (", op.type, ") reads \"", name, "\", which op ", later, " (",
                  def.op[later].type, ") produces ", later == i ? "itself" : "only later",
                  ": the net has a cycle or its operators are out of order");
    }
    for (auto& name : op.output) known.add(name);
    each_nested_output(op, [&](const std::string& name) { made_inside.add(name); });
  }
  for (auto& name : def.external_output) {
    bool made = produced.has(name) || known.has(name) || made_inside.has(name);
    PF_CHECK(made, net, "external output \"", name, "\" is produced by no operator");
  }
  return {};
}

}  // namespace pf
