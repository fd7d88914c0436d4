// SPDX-License-Identifier: Apache-2.0
#include "core/subnets.h"

#include "core/net_text.h"

namespace pf {

Status net_argument(const Args& args, std::string_view name, const NetDef** out) {
  *out = nullptr;
  const Argument* argument = args.def.find(name);
  if (!argument) return {};
  PF_CHECK(argument->nets.size() <= 1, argument, "argument \"", name, "\" holds ", argument->nets.size(),
           " nets, not one");
  if (!argument->nets.empty()) {
    *out = &argument->nets[0];
  } else if (!argument->s.empty()) {
    NetDef unread;
    PF_TRY(parse_text(argument->s, &unread).at("argument \"", name, "\" holds text that is no NetDef"));
    PF_CHECK(false, argument, "argument \"", name, "\" holds a net as text; ", args.def.type, " takes a NetDef");
  }
  return {};
}

Status read_condition(const Tensor& condition, bool* out) {
  PF_CHECK(condition.dtype() == DType::kBool, type, "the condition must be bool, is ", condition.dtype(),
           "; Cast converts");
  PF_CHECK(condition.size() == 1, shape, "the condition must be one number, has the shape ", condition.shape());
  *out = *condition.data<bool>();
  return {};
}

Status SubnetIn::run(size_t place, const NetDef& def, const std::shared_ptr<Scope>& scope,
                     const std::shared_ptr<Scope>& around) {
  if (place >= bound_.size()) bound_.resize(place + 1);
  Bound& bound = bound_[place];
  if (bound.scope != scope) {
    bound.net.reset();
    bound.scope = scope;
    bound.around = around;
  }
  if (!bound.net) PF_TRY(scope->net(def, &bound.net));
  return bound.net->run();
}

}  // namespace pf
