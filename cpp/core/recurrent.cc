// SPDX-License-Identifier: Apache-2.0
#include "core/recurrent.h"

namespace pf {

Status read_links(const Args& args, const std::string& prefix, std::vector<StepLink>* out) {
  const auto &internal = args.strings(prefix + "link_internal"), &external = args.strings(prefix + "link_external");
  const auto &offset = args.ints(prefix + "link_offset"), &window = args.ints(prefix + "link_window");
  const size_t n = internal.size();
  PF_CHECK(external.size() == n && offset.size() == n && (window.empty() || window.size() == n), argument, prefix,
           "link_internal, _external, _offset (and _window) must be equally long; found ", n, ", ", external.size(),
           ", ", offset.size(), " (and ", window.size(), ")");
  for (size_t i = 0; i < n; ++i) out->push_back({internal[i], external[i], offset[i], window.empty() ? 1 : window[i]});
  return {};
}

void add_external_input(const std::string& name, NetDef* net) {
  if (!net->external_input.empty()) net->external_input.push_back(name);
}

OpDef step_op(const OpDef& around, const char* type, std::vector<std::string> in, std::vector<std::string> out) {
  OpDef op;
  op.type = type, op.input = std::move(in), op.output = std::move(out);
  op.has_device_option = around.has_device_option, op.device_option = around.device_option;
  return op;
}

void add_links(const std::vector<StepLink>& links, const std::string& timestep, const OpDef& around, NetDef* net) {
  std::vector<OpDef> ops;
  for (const StepLink& link : links) {
    ops.push_back(
        step_op(around, "rnn_internal_apply_link", {timestep, link.external}, {link.internal, link.external}));
    ops.back().set("offset", link.offset);
    ops.back().set("window", link.window);
    add_external_input(link.internal, net);
    add_external_input(link.external, net);
  }
  net->op.insert(net->op.begin(), std::make_move_iterator(ops.begin()), std::make_move_iterator(ops.end()));
}

Status set_timestep(Scope& step, const std::string& name, int64_t t) {
  Blob& blob = step.own(name);
  blob.object.reset();
  PF_TRY(blob.tensor.resize(Shape{1}, DType::kInt32));
  *blob.tensor.data<int32_t>() = int32_t(t);
  return {};
}

Status want_floats(const Blob* blob, std::string_view name, int least_rank) {
  PF_CHECK(blob && blob->tensor.defined(), no_blob, "\"", name, "\" is empty or not there");
  PF_CHECK(blob->tensor.dtype() == DType::kFloat, type, "\"", name, "\" must be float32, is ", blob->tensor.dtype());
  PF_CHECK(blob->tensor.rank() >= least_rank, shape, "\"", name, "\" must have ", least_rank,
           " dimensions or more; its shape is ", blob->tensor.shape());
  return {};
}

}  // namespace pf
