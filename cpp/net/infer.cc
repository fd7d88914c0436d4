// SPDX-License-Identifier: Apache-2.0
#include "net/infer.h"

#include "core/names.h"
#include "core/wire.h"
#include "net/nested.h"
#include "net/net.h"

namespace pf {
namespace {

struct Known {
  std::string_view name;
  TensorType type;
  const Tensor* value = nullptr;  // until the net writes the blob
};

struct Types {
  Known& operator[](std::string_view name) {
    const size_t at = size_t(names.add(name));
    if (at == all.size()) all.push_back({name, {}});
    return all[at];
  }
  bool has(std::string_view name) const { return names.has(name); }
  Names names;
  std::vector<Known> all;
};

Status infer_op(const OpDef& def, Workspace& workspace, Types* types) {
  const Schema* schema = find_schema(def.type);
  PF_TRY(schema->check(def));
  std::vector<TensorType> in, out(def.output.size());
  std::vector<const Tensor*> values;
  bool known = true;
  for (size_t i = 0; i < def.input.size(); ++i) {
    Blob* blob = types->has(def.input[i]) ? nullptr : workspace.find(def.input[i]);
    Known& input = (*types)[def.input[i]];
    if (blob && blob->tensor.defined()) input.type = blob->tensor.type(), input.value = &blob->tensor;
    in.push_back(input.type);
    values.push_back(input.value);
    known = known && (in.back().known || schema->input_port(int(i))->kind != Port::kTensor);
  }
  if (known) {
    Args args(def, *schema);
    Infer infer(args, in.data(), int(in.size()), values.data(), out.data(), int(out.size()));
    PF_TRY(infer_outputs(infer));
  }
  for (size_t j = 0; j < def.output.size(); ++j) {
    Known& output = (*types)[def.output[j]];
    output.type = out[j], output.value = nullptr;
  }
  for (auto& nested : nested_names(def)) {
    if (!nested.written) continue;
    Known& unknown = (*types)[nested.name];
    unknown.type = {}, unknown.value = nullptr;
  }
  return {};
}

std::string encode(std::string_view name, const TensorType& type) {
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
    PF_TRY(infer_op(def.op[i], workspace, &types).at("op ", i, " (", def.op[i].type, ") of net \"", def.name, "\""));
  WireWriter w;
  for (auto& known : types.all) w.bytes(1, encode(known.name, known.type));
  *out = std::move(w.out);
  return {};
}

}  // namespace pf
