// SPDX-License-Identifier: Apache-2.0
#include "net/net.h"

#include "core/clock.h"
#include "core/json.h"
#include "net/plan.h"

namespace pf {

std::atomic<int32_t> Net::abort_flag{0};

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
  PF_TRY(net->build(def, nested).at("net \"", def.name, "\""));
  *out = std::move(net);
  return {};
}

Status Net::build(const NetDef& def, bool nested) {
  PF_TRY(check_type(def.type));
  PF_TRY(check_operators(def));
  PF_TRY(check_sources(def));
  optimize_ = !nested && flag(def, "pf.optimize"), profile_ = flag(def, "pf.profile");
  if (flag(def, "pf.create_inputs"))
    for (auto& name : def.external_input) workspace_.blob(name);

  for (size_t i = 0; i < def.op.size(); ++i) {
    OpDef op = def.op[i];
    if (def.has_device_option && !op.has_device_option)
      op.has_device_option = true, op.device_option = def.device_option;
    ops_.emplace_back();
    PF_TRY(Operator::create(op, workspace_, &ops_.back()).at("op ", i));
    indices_.push_back(int(i));
  }
  for (auto& name : def.external_output) kept_.push_back(&workspace_.blob(name));
  if (const Argument* keep = def.find("pf.keep"))
    for (auto& name : keep->strings) kept_.push_back(&workspace_.blob(name));
  inputs_ = blobs_read_first(ops_);
  if (optimize_) fuse(ops_, indices_, kept_);
  if (workspace_.accelerator()) {
    if (!optimize_) fuse(ops_, indices_, kept_, true);
    if (optimize_) fuse_gradients(ops_, indices_, kept_);
    hoist_host_operators(ops_, indices_);
    join_updates(ops_, indices_);
    replay_ = new Replay(workspace_, ops_);
  }
  return {};
}

Net::~Net() {
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
  for (auto& slot : plan.slots) {
    slot.blob->clear();
    slot.blob->tensor.adopt(arena_, slot.offset, slot.bytes);
    slot.blob->shared_in = this;
    in_arena_.push_back(slot.blob);
  }
  return {};
}

Status Net::run_operator(size_t i) {
  Operator& op = *ops_[i];
  double start = profile_ ? now_ms() : 0;
  PF_TRY(op.run(workspace_.scratch()));
  if (!profile_) return {};
  if (workspace_.accelerator()) PF_TRY(workspace_.accelerator()->finish());
  op.profile.milliseconds += now_ms() - start, op.profile.runs++;
  return {};
}

Status Net::run_recorded() {
  for (size_t k = 0; k < replay()->stretches(); ++k) {
    size_t op = replay()->first_of(k);
    PF_CHECK(!abort_flag.load(std::memory_order_relaxed) || !abort_flag.exchange(0), aborted, "net \"", name_,
             "\" was stopped by its caller before op ", indices_[op], "; its blobs hold what was computed so far");
    if (Status s = replay()->run(k, &op); !s.ok()) return std::move(s).at(place(indices_[op], name_));
  }
  return {};
}

Status Net::run() {
  if (replay() && !profile_ && !ops_.empty()) return run_recorded();
  // On an accelerator every blob has memory of its own, in the form that its operators like.
  if (optimize_ && !replay() && inputs_changed()) {
    if (Status s = plan_memory(); !s.ok()) {
      planned_for_.clear();
      return std::move(s).at("net \"", name_, "\"");
    }
  }
  size_t i = 0;
  do {
    // A net without operators is asked as well: a loop may run it for ever.
    PF_CHECK(!abort_flag.load(std::memory_order_relaxed) || !abort_flag.exchange(0), aborted, "net \"", name_,
             "\" was stopped by its caller before op ", ops_.empty() ? 0 : indices_[i],
             "; its blobs hold what was computed so far");
    if (ops_.empty()) break;
    if (Status s = run_operator(i); !s.ok()) return std::move(s).at(place(indices_[i], name_));
  } while (++i < ops_.size());
  return {};
}

std::string Net::info() const {
  Json j;
  j.begin('{').key("name").string(name_).key("type").string(type_.empty() ? "simple" : type_);
  j.key("optimized").boolean(optimize_).key("arenaBytes").number(arena_ ? double(arena_->size()) : 0);
  j.key("recorded").number(replay() ? double(replay()->recorded()) : 0);
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
