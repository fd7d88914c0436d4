// SPDX-License-Identifier: Apache-2.0
// One operator of a net, bound to the blobs of a workspace.
#pragma once
#include <memory>
#include <vector>

#include "core/op.h"
#include "net/workspace.h"

namespace pf {

// Runs the shape function. `values` may be null, or hold null for contents that are not known yet.
Status infer_outputs(Infer& infer);

class Operator {
 public:
  // Every input blob must exist in the workspace; output blobs are made. Fails with what, where and what to try.
  // On `on` where it has a kernel for it; null is the host.
  static Status create(const OpDef& def, Workspace& workspace, Accelerator* on, std::unique_ptr<Operator>* out);

  Status run(Scratch& scratch);

  const OpDef& def() const { return def_; }
  const Schema& schema() const { return *schema_; }
  const std::vector<Blob*>& in() const { return in_; }  // with those of absorbed operators
  const std::vector<Blob*>& out() const { return out_; }
  // What an operator that runs nets may read or write: its inputs and outputs, and all that its nets name.
  const std::vector<Blob*>& touched() const { return touched_; }
  // "Conv \"conv1\"": how errors and profiles call it.
  std::string title() const;
  // Whether it runs on the workspace's accelerator, and whether what it queues there can be repeated as it is: it draws
  // no random numbers, and its shapes do not depend on contents.
  bool on_accelerator() const { return kHasAccelerators && device_kernel_; }
  bool repeatable() const { return device_kernel_ && ran_there_ && !random_used_ && !reads_values_; }

  // Lets the kernel do the work of `next`, whose input `position` is this one's output, too (see Kernel::absorb); then
  // `next` is no longer needed.
  bool absorb(Operator& next, int position);
  // Whether its output may be part of a larger tensor (see Kernel::spreads).
  bool spreads() const { return out_.size() == 1 && kernel_->spreads(); }
  // Lets the kernel do the work of `before` too, whose output is our input `input` (see Kernel::absorb_before).
  bool absorb_before(Operator& before, size_t input, Blob* mask, bool mask_is_bias, bool keep);
  // Lets the kernel do the same for `next`, of our type and with our arguments, in the same run: its inputs and outputs
  // are appended to ours. Only for operators that write their inputs.
  bool join(Operator& next);
  const std::vector<std::string>& absorbed() const { return absorbed_; }

  // The types of the outputs, from those of the inputs, without running.
  Status infer(const TensorType* in, const Tensor* const* values, TensorType* out) const;

  struct Profile {
    double milliseconds = 0;
    int64_t runs = 0;
  };
  Profile profile;

 private:
  Operator(const OpDef& def, const Schema* schema) : def_(def), schema_(schema), args_(def_, *schema) {}
  Status infer_types();
  Status place_inputs(Accelerator* on);
  Status prepare_outputs(Accelerator* on);
  bool fits_accelerator() const;
  void find_touched(Workspace& workspace);
  bool inputs_changed();

  OpDef def_;
  const Schema* schema_;
  Args args_;
  std::unique_ptr<Kernel> kernel_, device_kernel_;
  Accelerator* accelerator_ = nullptr;
  std::vector<Blob*> in_, out_, touched_;
  std::vector<const Tensor*> values_;
  std::vector<TensorType> in_types_, out_types_;
  std::vector<std::string> absorbed_;
  Random random_;
  size_t own_inputs_ = 0;  // the rest came with absorbed operators
  bool inferred_ = false;  // out_types_ hold for in_types_
  bool reads_values_ = false;
  bool random_used_ = false, ran_there_ = false;
};

}  // namespace pf
