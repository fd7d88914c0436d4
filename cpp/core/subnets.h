// SPDX-License-Identifier: Apache-2.0
// What operators that run nets share: nets in arguments, one net bound to several scopes, conditions.
#pragma once
#include <vector>

#include "core/op.h"

namespace pf {

// The net in an argument; null when the operator does without.
Status net_argument(const Args& args, std::string_view name, const NetDef** out);

// One number of type bool: whether to go on.
Status read_condition(const Tensor& condition, bool* out);

// One net bound to several scopes, each at a place of its own (a step, a level). Keeps the scopes alive, with those
// around them where these may go as well.
class SubnetIn {
 public:
  Status run(size_t place, const NetDef& def, const std::shared_ptr<Scope>& scope,
             const std::shared_ptr<Scope>& around = {});

 private:
  struct Bound {
    std::shared_ptr<Scope> around, scope;
    std::unique_ptr<Subnet> net;  // goes before its scope
  };
  std::vector<Bound> bound_;
};

}  // namespace pf
