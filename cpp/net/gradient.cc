// SPDX-License-Identifier: Apache-2.0
#include "net/gradient.h"

#include "core/schema.h"

namespace pf {
namespace {

Gradient::Name decode(const std::string& s) {
  size_t zero = s.find('\0');
  if (zero == std::string::npos) return {s, {}, {}};
  return {{}, s.substr(0, zero), s.substr(zero + 1)};
}

std::string encode(const Gradient::Name& name) {
  if (name.values.empty()) return name.dense;
  return name.indices + std::string(1, '\0') + name.values;
}

}  // namespace

Status make_gradient(const NetDef& request, NetDef* reply) {
  PF_CHECK(request.op.size() == 1, argument, "a gradient request holds one operator, found ", request.op.size());
  const OpDef& def = request.op[0];
  const Schema* schema = find_schema(def.type);
  PF_CHECK(schema || !is_base_build(), no_operator, def.type, " is ", kNotInBase);
  PF_CHECK(schema, no_operator, "no gradient registered for ", def.type, ": there is no such operator");
  PF_TRY(schema->check(def).at(def.type));
  reply->external_output.assign(def.input.size(), "");
  if (schema->gradient_kind == Schema::kNone) return {};
  PF_CHECK(schema->gradient_kind == Schema::kMaker, no_gradient, def.type, " has no gradient",
           schema->gradient_refusal ? ": " : "", schema->gradient_refusal ? schema->gradient_refusal : "",
           ". Put a StopGradient before it, or keep it out of what leads to the loss");

  std::vector<Gradient::Name> outputs;
  for (auto& s : request.external_input) outputs.push_back(decode(s));
  PF_CHECK(outputs.size() == def.output.size(), argument, "a gradient request for ", def.type, " names ",
           outputs.size(), " output gradients; the operator has ", def.output.size(), " outputs");
  Args args(def, *schema);
  Gradient gradient(args, std::move(outputs));
  schema->gradient(gradient);
  if (!gradient.status.ok()) return std::move(gradient.status).at("gradient of ", def.type);
  reply->op = std::move(gradient.ops);
  for (size_t i = 0; i < def.input.size(); ++i) reply->external_output[i] = encode(gradient.inputs_made()[i]);
  return {};
}

}  // namespace pf
