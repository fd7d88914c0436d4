// SPDX-License-Identifier: Apache-2.0
#include "net/net.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "net/layout.h"
#include "net/plan.h"

namespace pf {

std::atomic<int32_t> Net::abort_flag{0};
PF_THREAD_LOCAL uint32_t Net::current_run_ = 1;
PF_THREAD_LOCAL uint32_t Net::last_run_ = 1;

namespace {

// "conv1", or the number of an unnamed net's operator: where in the net something happened.
std::string place(int index, const std::string& net) { return text("op ", index, " of net \"", net, "\""); }

bool flag(const NetDef& def, const char* name) {
  const Argument* a = def.find(name);
  return a && a->i != 0;
}

Status check_type(const std::string& type) {
  // Executors of Caffe2 that differ in scheduling, not in meaning: in order is one schedule each of them allows.
  constexpr const char* kTypes[] = {"",
                                    "simple",
                                    "dag",
                                    "async_dag",
                                    "async_simple",
                                    "async_scheduling",
                                    "async_polling",
                                    "singlethread_async",
                                    "prof_dag"};
  for (auto* t : kTypes)
    if (type == t) return {};
  return fail(Code::argument, "unknown net type \"", type,
              "\"; known are simple, dag, async_dag, async_simple, async_scheduling, "
              "async_polling, singlethread_async, prof_dag");
}

}  // namespace

Status Net::create(const NetDef& def, Workspace& workspace, std::unique_ptr<Net>* out, bool nested) {
  std::unique_ptr<Net> net(new Net(workspace));
  net->name_ = def.name, net->type_ = def.type;
  // The operator around a nested net computes on the host with what the net leaves behind.
  if (!nested) net->accelerator_ = workspace.accelerator();
  PF_TRY(net->build(def, nested).at("net \"", def.name, "\""));
  *out = std::move(net);
  return {};
}

Status Net::build(const NetDef& def, bool nested) {
  PF_TRY(check_type(def.type));
  PF_TRY(check_operators(def));
  PF_TRY(check_sources(def));
  optimize_ = !nested && flag(def, "pf.optimize"), profile_ = flag(def, "pf.profile");
  times_ = workspace_.accelerator() && flag(def, "pf.times");
  if (times()) workspace_.accelerator()->time(true);
  if (flag(def, "pf.create_inputs"))
    for (auto& name : def.external_input) workspace_.blob(name);

  std::vector<std::string_view> kept(def.external_output.begin(), def.external_output.end());
  if (const Argument* keep = def.find("pf.keep")) kept.insert(kept.end(), keep->strings.begin(), keep->strings.end());
  // An accelerator's kernels choose forms of their own.
  const bool lays_out = optimize_ && !accelerator();
  LaidOut laid_out;
  if (lays_out) laid_out = lay_out(def, kept, workspace_);
  const std::vector<OpDef>& ops = lays_out ? laid_out.ops : def.op;
  for (size_t i = 0; i < ops.size(); ++i) {
    indices_.push_back(lays_out ? laid_out.indices[i] : int(i));
    OpDef op = ops[i];
    if (def.has_device_option && !op.has_device_option)
      op.has_device_option = true, op.device_option = def.device_option;
    ops_.emplace_back();
    PF_TRY(Operator::create(op, workspace_, accelerator(), &ops_.back()).at("op ", indices_.back()));
  }
  for (const std::string& name : laid_out.helpers) workspace_.remove(name);  // unlisted: nobody else asks for them
  for (std::string_view name : kept) kept_.push_back(&workspace_.blob(name));
  inputs_ = blobs_read_first(ops_);
  if (optimize_) fuse(ops_, indices_, kept_);
  if (accelerator()) {
    if (!optimize_) fuse(ops_, indices_, kept_, true);
    if (optimize_) fuse_gradients(ops_, indices_, kept_);
    hoist_host_operators(ops_, indices_);
    join_updates(ops_, indices_);
    replay_ = new Replay(workspace_, ops_, times());
  }
  return {};
}

Net::~Net() {
  if (times()) workspace_.accelerator()->time(false);
  delete replay();
  for (Blob* b : in_arena_)
    if (b->shared_in == this) b->clear();
}

bool Net::inputs_changed() {
  bool changed = planned_for_.size() != inputs_.size();
  planned_for_.resize(inputs_.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    TensorType now = inputs_[i]->tensor.type();
    if (now == planned_for_[i]) continue;
    planned_for_[i] = now;
    changed = true;
  }
  return changed;
}

Status Net::plan_memory() {
  ArenaPlan plan;
  PF_TRY(plan_arena(ops_, inputs_, kept_, &plan));
  for (Blob* b : in_arena_)
    if (b->shared_in == this) b->clear();
  in_arena_.clear();
  if (!arena_ || arena_->size() < plan.bytes) {
    arena_.reset();
    PF_TRY(Memory::allocate(plan.bytes, &arena_));
  }
  const auto take = [this](Blob* blob) -> Tensor& {
    blob->clear();
    blob->shared_in = this;
    in_arena_.push_back(blob);
    return blob->tensor;
  };
  for (auto& slot : plan.slots) take(slot.blob).adopt(arena_, slot.offset, slot.bytes);
  for (auto& part : plan.parts) take(part.blob).adopt_part(arena_, part.offset, part.shape, part.pitch);
  return {};
}

bool take_abort() { return Net::abort_flag.load(std::memory_order_relaxed) && Net::abort_flag.exchange(0); }

Status Net::stopped_before(int op) const {
  PF_CHECK(!take_abort(), aborted, "net \"", name_, "\" was stopped by its caller before op ", op,
           "; its blobs hold what was computed so far");
  return {};
}

Status Net::start(bool go_on) {
  if (!go_on || !waits_in_) {
    if (!++last_run_) ++last_run_;
    waits_in_ = 0;
  }
  current_run_ = waits_in_ ? waits_in_ : last_run_;
  return run();
}

Status Net::failed_at(size_t i, Status s) {
  if (s.code() == Code::blocked) waits_in_ = current_run_, waits_at_ = i;
  return std::move(s).at(place(indices_[i], name_));
}

Status Net::run_operator(size_t i) {
  Operator& op = *ops_[i];
  double start = profile_ ? now_ms() : 0;
  PF_TRY(op.run(workspace_.scratch()));
  if (!profile_) return {};
  if (accelerator()) PF_TRY(accelerator()->finish());
  op.profile.milliseconds += now_ms() - start, op.profile.runs++;
  return {};
}

Status Net::run_recorded(size_t begin) {
  for (size_t k = 0; k < replay()->stretches(); ++k) {
    if (replay()->end_of(k) <= begin) continue;
    size_t op = begin > replay()->first_of(k) ? begin : replay()->first_of(k);
    PF_TRY(stopped_before(indices_[op]));
    if (Status s = replay()->run(k, &op); !s.ok()) return failed_at(op, std::move(s));
  }
  return {};
}

Status Net::run() {
  const size_t begin = waiting() ? waits_at_ : 0;
  waits_in_ = 0;
  if (replay() && !profile_ && !ops_.empty()) return run_recorded(begin);
  // On an accelerator every blob has memory of its own, in the form that its operators like.
  if (optimize_ && !replay() && inputs_changed()) {
    if (Status s = plan_memory(); !s.ok()) {
      planned_for_.clear();
      return std::move(s).at("net \"", name_, "\"");
    }
  }
  if (ops_.empty()) PF_TRY(stopped_before(0));  // a loop may run such a net for ever
  for (size_t i = begin; i < ops_.size(); ++i) {
    PF_TRY(stopped_before(indices_[i]));
    if (Status s = run_operator(i); !s.ok()) return failed_at(i, std::move(s));
  }
  return {};
}

std::string Net::info() const {
  Json j;
  j.begin('{').key("name").string(name_).key("type").string(type_.empty() ? "simple" : type_);
  j.key("optimized").boolean(optimize_).key("arenaBytes").number(arena_ ? double(arena_->size()) : 0);
  j.key("recorded").number(replay() ? double(replay()->recorded()) : 0);
  if (times()) j.key("times").raw(workspace_.accelerator()->times());
  j.key("scratchBytes").number(double(workspace_.scratch().size())).key("ops").begin('[');
  for (size_t i = 0; i < ops_.size(); ++i) {
    const Operator& op = *ops_[i];
    j.begin('{').key("index").number(indices_[i]).key("type").string(op.def().type).key("name").string(op.def().name);
    j.key("device").string(op.on_accelerator() ? "cuda" : "cpu").key("outputs").begin('[');
    for (Blob* b : op.out()) j.string(b->name);
    j.end(']').key("absorbed").begin('[');
    for (auto& s : op.absorbed()) j.string(s);
    j.end(']').key("ms").number(op.profile.milliseconds).key("runs").number(double(op.profile.runs)).end('}');
  }
  j.end(']').end('}');
  return std::move(j.out);
}

}  // namespace pf
