// SPDX-License-Identifier: Apache-2.0
// The schemas as JSON: the source of docs/operators.md and of the TypeScript types.
#include "core/json.h"
#include "core/schema.h"

namespace pf {
namespace {

constexpr const char* kTypes[] = {"float", "int", "bool", "string", "floats", "ints", "strings", "net", "value"};

void write(Json& j, const ArgSpec& a) {
  j.begin('{').key("name").string(a.name).key("type").string(kTypes[int(a.type)]).key("required").boolean(a.required);
  if (a.has_default) {
    j.key("default");
    if (a.type == ArgType::kString)
      j.string(a.string);
    else if (a.type == ArgType::kBool)
      j.boolean(a.number != 0);
    else
      j.number(a.number);
  }
  j.key("doc").string(a.doc).end('}');
}

void write(Json& j, const char* key, const std::vector<Port>& ports) {
  constexpr const char* kKinds[] = {"tensor", "object", "any"};
  j.key(key).begin('[');
  for (auto& p : ports) {
    j.begin('{').key("name").string(p.name).key("kind").string(kKinds[p.kind]);
    j.key("optional").boolean(p.optional).key("variadic").boolean(p.variadic).key("doc").string(p.doc).end('}');
  }
  j.end(']');
}

void write(Json& j, const Schema& s) {
  constexpr const char* kGradients[] = {"undeclared", "yes", "none", "refused"};
  j.begin('{').key("name").string(s.name).key("doc").string(s.doc).key("file").string(s.file).key("args").begin('[');
  for (auto& a : s.args) write(j, a);
  j.end(']');
  write(j, "inputs", s.inputs);
  write(j, "outputs", s.outputs);
  j.key("inplace").begin('[');
  for (auto& p : s.inplace) j.begin('[').number(p.input).number(p.output).boolean(p.enforced).end(']');
  j.end(']').key("anyInplace").boolean(s.any_inplace);
  j.key("gradient")
      .string(kGradients[s.gradient_kind])
      .key("gradientRefusal")
      .string(s.gradient_refusal ? s.gradient_refusal : "");
  j.key("shape").boolean(s.shape != nullptr).key("shapeUnknown").string(s.shape_unknown ? s.shape_unknown : "");
  j.key("devices").begin('[');
  if (s.cpu) j.string("cpu");
  if (s.cuda) j.string("cuda");
  j.end(']').end('}');
}

}  // namespace

std::string schemas_json() {
  Json j;
  j.begin('[');
  for (auto* s : all_schemas()) write(j, *s);
  j.end(']');
  return std::move(j.out);
}

}  // namespace pf
