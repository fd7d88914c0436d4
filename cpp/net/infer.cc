// SPDX-License-Identifier: Apache-2.0
#include "net/infer.h"

#include <map>

#include "core/wire.h"
#include "net/nested.h"
#include "net/net.h"

namespace pf {
namespace {

struct Known {
  TensorType type;
  const Tensor* value = nullptr;  // until the net writes the blob
};
using Types = std::map<std::string, Known, std::less<>>;

Status infer_op(const OpDef& def, Workspace& workspace, Types* types) {
  const Schema* schema = find_schema(def.type);
  PF_TRY(schema->check(def));
  std::vector<TensorType> in, out(def.output.size());
  std::vector<const Tensor*> values;
  bool known = true;
  for (size_t i = 0; i < def.input.size(); ++i) {
    auto [it, fresh] = types->try_emplace(def.input[i]);
    if (Blob* blob = fresh ? workspace.find(def.input[i]) : nullptr; blob && blob->tensor.defined())
      it->second = {blob->tensor.type(), &blob->tensor};
    in.push_back(it->second.type);
    values.push_back(it->second.value);
    known = known && (in.back().known || schema->input_port(int(i))->kind != Port::kTensor);
  }
  if (known) {
    Args args(def, *schema);
    Infer infer(args, in.data(), int(in.size()), values.data(), out.data(), int(out.size()));
    PF_TRY(infer_outputs(infer));
  }
  for (size_t j = 0; j < def.output.size(); ++j) (*types)[def.output[j]] = {out[j], nullptr};
  each_nested_output(def, [types](const std::string& name) { (*types)[name] = {}; });
  return {};
}

std::string encode(const std::string& name, const TensorType& type) {
  WireWriter w;
  for (int64_t d : type.shape) w.integer(1, uint64_t(d));
  w.integer(2, uint64_t(type.dtype));
  if (!type.known) w.integer(4, 1);
  w.bytes(5, name);
  return std::move(w.out);
}

}  // namespace

Status infer_net(const NetDef& def, Workspace& workspace, std::string* out) {
  PF_TRY(check_operators(def));
  PF_TRY(check_sources(def));
  Types types;
  for (size_t i = 0; i < def.op.size(); ++i)
    PF_TRY(infer_op(def.op[i], workspace, &types).at(text("op ", i, " (", def.op[i].type, ") of net \"", def.name, "\"")));
  WireWriter w;
  for (auto& [name, known] : types) w.bytes(1, encode(name, known.type));
  *out = std::move(w.out);
  return {};
}

}  // namespace pf
