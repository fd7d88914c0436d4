// SPDX-License-Identifier: Apache-2.0
// A net: operators in order over the blobs of one workspace, planned once and run many times.
//
// Arguments of the NetDef that are options of ours (Caffe2 ignores arguments it does not know):
//   pf.optimize  i = 1: plan for inference. Operators are fused, and intermediate blobs share one arena by lifetime;
//                only external inputs, external outputs and `pf.keep` can be fetched afterwards.
//   pf.keep      strings: blobs that stay fetchable.
//   pf.create_inputs  i = 1: make external inputs that are missing (empty, to be fed), as Caffe2's Predictor does.
//   pf.profile   i = 1: time each operator.
//   pf.times     i = 1: on an accelerator, time runs as a whole: what is queued stays queued.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "net/replay.h"

namespace pf {

class Net final : public Subnet {
 public:
  // `nested`: a net inside an operator. What it computes may be read from outside, so it is never optimized.
  static Status create(const NetDef& def, Workspace& workspace, std::unique_ptr<Net>* out, bool nested = false);
  ~Net() override;

  // Runs every operator once, in order. Fails at the first operator that does, or when aborted. When that is with
  // Code::blocked, a run that goes on begins with this operator again, also in nets inside it.
  Status start(bool go_on);
  Status run() override;
  bool waiting() const override { return waits_in_ == current_run_; }
  Workspace& workspace() const { return workspace_; }
  std::string info() const;  // JSON: operators with what they absorbed and their times, arena size

  // Set to 1 from any thread: the run in progress, else the next one, ends with Code::aborted and clears it.
  static std::atomic<int32_t> abort_flag;

 private:
  explicit Net(Workspace& workspace) : workspace_(workspace) {}
  Status build(const NetDef& def, bool nested);
  Status plan_memory();
  Status run_operator(size_t i);
  Status run_recorded(size_t begin);
  Status failed_at(size_t i, Status s);  // `s`, with its place; a run that goes on begins with a blocked operator
  bool inputs_changed();
  Status stopped_before(int op) const;  // fails once after the caller has set abort_flag

  Workspace& workspace_;
  Accelerator* accelerator() const { return kHasAccelerators ? accelerator_ : nullptr; }
  Accelerator* accelerator_ = nullptr;  // the workspace's; none for a net inside an operator
  std::string name_, type_;
  std::vector<std::unique_ptr<Operator>> ops_;
  std::vector<int> indices_;          // of each operator left, its place in the NetDef
  std::vector<Blob*> inputs_, kept_;  // external inputs; blobs that stay fetchable
  std::vector<TensorType> planned_for_;
  std::shared_ptr<Memory> arena_;
  std::vector<Blob*> in_arena_;
  Replay* replay() const { return kHasAccelerators ? replay_ : nullptr; }
  Replay* replay_ = nullptr;  // on an accelerator; ours
  bool times() const { return kHasAccelerators && times_; }
  bool optimize_ = false, profile_ = false, times_ = false;
  // Runs are counted by those of outermost nets; a thread runs one at a time.
  static PF_THREAD_LOCAL uint32_t current_run_, last_run_;
  uint32_t waits_in_ = 0;  // the run in which an operator was blocked, and which
  size_t waits_at_ = 0;
};

// Operators of `def` (and of nets in its arguments) that cannot run here, all in one message.
Status check_operators(const NetDef& def);
// Every input is external or produced earlier; every external output is produced.
Status check_sources(const NetDef& def);

}  // namespace pf
