// SPDX-License-Identifier: Apache-2.0
#include "net/operator.h"

#include "net/nested.h"

namespace pf {

Status infer_outputs(Infer& infer) {
  const Schema& schema = infer.args.schema;
  return schema.shape ? schema.shape(infer) : Status();
}

Status Operator::create(const OpDef& def, Workspace& workspace, Accelerator* on, std::unique_ptr<Operator>* out) {
  const Schema* schema = find_schema(def.type);
  if (!schema) {
    const std::string near = suggestion(def.type);
    PF_CHECK(!is_base_build(), no_operator, "the operator \"", def.type, "\" is ", kNotInBase,
             near.empty() ? "" : ", or did you mean ", near, near.empty() ? "" : "?");
    return fail(Code::no_operator, "there is no operator \"", def.type, "\"", near.empty() ? "" : "; did you mean ",
                near, near.empty() ? ". docs/operators.md lists those there are" : "?");
  }
  std::unique_ptr<Operator> op(new Operator(def, schema));
  PF_CHECK(schema->cpu, no_operator, op->title(), " has no kernel for the CPU");
  PF_TRY(schema->check(op->def_).at(op->title()));
  for (auto& name : op->def_.input) {
    Blob* blob = workspace.find(name);
    PF_CHECK(blob, no_blob, op->title(), ": encountered a non-existing input blob \"", name,
             "\" (blobs: ", workspace.known(name), "). Feed it, or run the init net first");
    op->in_.push_back(blob);
    op->values_.push_back(&blob->tensor);
  }
  for (auto& name : op->def_.output) op->out_.push_back(&workspace.blob(name));
  op->own_inputs_ = op->in_.size();
  op->in_types_.resize(op->in_.size());
  op->out_types_.resize(op->out_.size());
  const DeviceOption& device = op->def_.device_option;
  op->random_.reseed(device.has_random_seed ? device.random_seed : workspace.next_seed());
  op->kernel_ = schema->cpu(op->args_);
  op->accelerator_ = on;
  PF_CHECK(!kHasAccelerators || !op->accelerator_ || device.device_type != 1 ||
               device.device_id == op->accelerator_->options.index,
           argument, op->title(), ": its device_option asks for GPU ", device.device_id, ", this workspace is on GPU ",
           op->accelerator_->options.index);
  const bool wants_cpu = op->def_.has_device_option && device.has_device_type && device.device_type == 0;
  if (kHasAccelerators && op->accelerator_ && schema->cuda && !wants_cpu) op->device_kernel_ = schema->cuda(op->args_);
  if (schema->bind) {
    PF_TRY(schema->bind(*op->kernel_, workspace).at(op->title()));
    op->find_touched(workspace);
  }
  *out = std::move(op);
  return {};
}

void Operator::find_touched(Workspace& workspace) {
  touched_ = in_;
  for (Blob* blob : out_) touched_.push_back(blob);
  for (auto& nested : nested_names(def_))
    if (Blob* blob = workspace.find(nested.name)) touched_.push_back(blob);
}

namespace {

std::string serialize_arguments(const OpDef& def) {
  OpDef bare;
  bare.arg = def.arg;
  return serialize(bare);
}

}  // namespace

std::string Operator::title() const {
  std::string name = def_.name.empty() ? def_.output.empty() ? def_.name : def_.output[0] : def_.name;
  return name.empty() ? def_.type : text(def_.type, " \"", name, "\"");
}

bool Operator::inputs_changed() {
  bool changed = !inferred_;
  for (size_t i = 0; i < in_.size(); ++i) {
    const Tensor& t = in_[i]->tensor;
    TensorType& seen = in_types_[i];
    if (seen.dtype == t.dtype() && seen.shape == t.shape()) continue;
    seen = t.type();
    changed = true;
  }
  return changed;
}

// Strings and objects live on the host only.
bool Operator::fits_accelerator() const {
  const DeviceTraits traits = device_kernel_->on_device();
  for (Blob* b : in_) {
    const DType type = b->tensor.dtype();
    if ((b->object && !traits.takes_objects) || type == DType::kString || (traits.floats_only && type != DType::kFloat))
      return false;
  }
  for (const TensorType& t : out_types_)
    if (t.known && t.dtype == DType::kString) return false;
  return true;
}

Status Operator::place_inputs(Accelerator* on) {
  if (!on || !device_kernel_->on_device().picks_forms)
    for (Blob* b : in_) PF_TRY(b->tensor.bring(on).at("input \"", b->name, "\""));
  for (Blob* b : touched_) PF_TRY(b->tensor.bring(nullptr).at("blob \"", b->name, "\""));
  return {};
}

Status Operator::infer_types() {
  for (size_t i = 0; i < in_.size(); ++i) {
    const Port* port = i < own_inputs_ ? schema_->input_port(int(i)) : nullptr;
    if (port && port->kind == Port::kAny) continue;
    bool object = port && port->kind == Port::kObject;
    PF_CHECK(object ? bool(in_[i]->object) : in_[i]->tensor.defined(), no_blob, "input blob \"", in_[i]->name, "\" ",
             in_[i]->empty() ? "is empty: feed it, or run the net that fills it"
             : object        ? "holds a tensor where an object is expected"
                             : "holds an object where a tensor is expected");
  }
  if (inputs_changed() || reads_values_) {
    for (auto& t : out_types_) t.known = false;
    Infer infer(args_, in_types_.data(), int(own_inputs_), values_.data(), out_types_.data(), int(out_.size()));
    inferred_ = false;
    PF_TRY(infer_outputs(infer));
    inferred_ = true;
    reads_values_ = infer.reads_values;
  }
  return {};
}

Status Operator::prepare_outputs(Accelerator* on) {
  const bool typed_only = on && device_kernel_->on_device().picks_forms;
  for (size_t j = 0; j < out_.size(); ++j) {
    if (!out_types_[j].known) continue;
    out_[j]->object.reset();
    if (typed_only) {
      out_[j]->tensor.set_type(out_types_[j].shape, out_types_[j].dtype);
      continue;
    }
    PF_TRY(out_[j]->tensor.resize(out_types_[j].shape, out_types_[j].dtype).at("output \"", out_[j]->name, "\""));
  }
  return {};
}

Status Operator::run(Scratch& scratch) {
  if (Status s = infer_types(); !s.ok()) return std::move(s).at(title());
  Accelerator* on = on_accelerator() && fits_accelerator() ? accelerator_ : nullptr;
  Scratch& room = on ? on->scratch() : scratch;
  room.reset();
  const OnAccelerator here(on);
  Status status = place_inputs(on);
  if (status.ok()) status = prepare_outputs(on);
  if (status.ok()) {
    OpRun run(args_, in_.data(), int(in_.size()), out_.data(), int(out_.size()), in_types_.data(), room, random_);
    if (on) run.accelerator = on, run.stream = on->stream();
    status = (on ? device_kernel_ : kernel_)->run(run);
    if (status.ok() && on) status = on->launched();
  }
  random_used_ = random_.drawn() || random_used_, ran_there_ = on;
  return status.ok() ? Status() : std::move(status).at(title());
}

bool Operator::absorb(Operator& next, int position) {
  // Both run on the same device: an operator with a kernel there takes in none that has only one for the CPU.
  if (next.out_.size() != 1 || on_accelerator() != next.on_accelerator()) return false;
  Kernel& kernel = on_accelerator() ? *device_kernel_ : *kernel_;
  if (!kernel.absorb(next.args_, position, int(in_.size()))) return false;
  for (size_t i = 0; i < next.in_.size(); ++i)
    if (i != size_t(position)) in_.push_back(next.in_[i]);
  in_types_.resize(in_.size());
  out_[0] = next.out_[0];
  absorbed_.push_back(next.title());
  inferred_ = false;
  return true;
}

bool Operator::absorb_before(Operator& before, size_t input, Blob* mask, bool mask_is_bias, bool keep) {
  if (!device_kernel_ || !before.device_kernel_ || before.out_.size() != 1) return false;
  const int kept = keep ? int(out_.size()) : -1;
  if (!device_kernel_->absorb_before(before.args_, int(in_.size()), mask_is_bias, kept)) return false;
  in_[input] = before.in_[1];
  in_.push_back(mask);
  in_types_.resize(in_.size());
  if (keep) out_.push_back(before.out_[0]);
  out_types_.resize(out_.size());
  absorbed_.push_back(before.title());
  inferred_ = false;
  return true;
}

bool Operator::join(Operator& next) {
  const bool same = next.def_.type == def_.type && serialize_arguments(next.def_) == serialize_arguments(def_);
  if (!same || !device_kernel_ || !next.device_kernel_ || next.own_inputs_ != own_inputs_) return false;
  if (next.out_.size() != next.def_.output.size() || def_.output.size() != next.def_.output.size()) return false;
  for (const Operator* op : {this, &next})
    for (auto& name : op->def_.output) {
      bool is_input = false;
      for (auto& input : op->def_.input) is_input = is_input || input == name;
      if (!is_input) return false;
    }
  if (!device_kernel_->absorb(next.args_, 0, int(in_.size()))) return false;
  in_.insert(in_.end(), next.in_.begin(), next.in_.end());
  out_.insert(out_.end(), next.out_.begin(), next.out_.end());
  in_types_.resize(in_.size()), out_types_.resize(out_.size());
  absorbed_.push_back(next.title());
  inferred_ = false;
  return true;
}

Status Operator::infer(const TensorType* in, const Tensor* const* values, TensorType* out) const {
  for (size_t j = 0; j < out_.size(); ++j) out[j].known = false;
  for (size_t i = 0; i < own_inputs_; ++i)
    if (!in[i].known && schema_->input_port(int(i))->kind == Port::kTensor) return {};
  Infer infer(args_, in, int(own_inputs_), values, out, int(out_.size()));
  return infer_outputs(infer).at(title());
}

}  // namespace pf
