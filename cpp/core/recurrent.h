// SPDX-License-Identifier: Apache-2.0
// What RecurrentNetwork, its gradient and the operators inside their step nets share.
#pragma once
#include <vector>

#include "core/subnets.h"

namespace pf {

// The scopes in which the steps ran: the last output of RecurrentNetwork. Its gradient runs in them again, where it
// finds what the forward steps left behind.
struct StepScopes final : Object {
  static constexpr char kKind[] = "step_workspaces";
  const char* kind() const override { return kKind; }

  std::shared_ptr<Scope> shared;  // what all steps have in common; the scopes of the steps lie inside
  uint64_t inside = 0;            // the serial of the scope around it
  std::vector<std::shared_ptr<Scope>> steps;
};

// A blob of the step net that is a part of a blob outside: at step t its rows [t + offset, t + offset + window).
struct StepLink {
  std::string internal, external;
  int64_t offset, window;
};

// Appends the links that the arguments prefix + "link_internal", … tell.
Status read_links(const Args& args, const std::string& prefix, std::vector<StepLink>* out);
// Puts operators that make these links before the others of `net`.
void add_links(const std::vector<StepLink>& links, const std::string& timestep, const OpDef& around, NetDef* net);
// Says that the net reads a blob of this name, if it says what it reads.
void add_external_input(const std::string& name, NetDef* net);
// An operator of the step net, on the device of the operator around it.
OpDef step_op(const OpDef& around, const char* type, std::vector<std::string> in, std::vector<std::string> out);

// The number of the step, as an own blob of the step's scope.
Status set_timestep(Scope& step, const std::string& name, int64_t t);

// A tensor of floats with at least so many dimensions.
Status want_floats(const Blob* blob, std::string_view name, int least_rank);

inline std::string timestep_name(const Args& args) { return std::string(args.s("timestep")); }

}  // namespace pf
