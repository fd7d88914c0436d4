// SPDX-License-Identifier: Apache-2.0
#include "net/replay.h"

#include "core/clock.h"

namespace pf {
namespace {

constexpr size_t kWorthRecording = 2;  // operators
constexpr int kMostFailures = 3;

bool contains(const std::vector<Blob*>& all, const Blob* blob) {
  for (const Blob* b : all)
    if (b == blob) return true;
  return false;
}

bool touches(const Operator& op, const Blob* blob) {
  return contains(op.in(), blob) || contains(op.out(), blob) || contains(op.touched(), blob);
}

// Whether b may run before a, which stands before it.
bool independent(const Operator& a, const Operator& b) {
  for (const Blob* blob : a.out())
    if (touches(b, blob)) return false;
  for (const Blob* blob : b.out())
    if (touches(a, blob)) return false;
  return a.touched().empty() && b.touched().empty();
}

void add(std::vector<Blob*>& to, Blob* blob) {
  if (!contains(to, blob)) to.push_back(blob);
}

}  // namespace

void hoist_host_operators(Operators& ops, std::vector<int>& indices) {
  size_t settled = 0;  // operators before this one are hoisted ones
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i]->on_accelerator()) continue;
    size_t at = i;
    while (at > settled && independent(*ops[at - 1], *ops[i])) --at;
    if (at != settled) continue;
    for (size_t k = i; k > at; --k) std::swap(ops[k], ops[k - 1]), std::swap(indices[k], indices[k - 1]);
    ++settled;
  }
}

size_t Replay::stretches() {
  if (stretches_.empty()) divide();
  return stretches_.size();
}

size_t Replay::recorded() const {
  size_t count = 0;
  for (const Stretch& s : stretches_)
    if (s.recording) count += s.end - s.begin;
  return count;
}

// Before the first run one stretch is all there is; after it, it is known which operators draw random numbers.
void Replay::divide() {
  stretches_.clear();
  for (size_t i = 0; i < ops_.size(); ++i) {
    const bool recordable = warm_ && ops_[i]->repeatable();
    if (stretches_.empty() || stretches_.back().recordable != recordable || !warm_)
      stretches_.push_back({i, i, recordable, 0, {}, {}, {}, {}, nullptr, {}});
    stretches_.back().end = i + 1;
  }
  for (Stretch& s : stretches_) {
    s.recordable = s.recordable && s.end - s.begin >= kWorthRecording;
    if (s.recordable) find_blobs(s);
  }
}

Replay::Relied Replay::state_of(Blob* blob) {
  const Tensor& t = blob->tensor;
  const auto& packed = t.packed();
  return {blob, t.type(), t.memory(), packed ? packed->memory : nullptr, t.plain_fresh(), packed && packed->fresh};
}

void Replay::find_blobs(Stretch& s) {
  std::vector<Blob*> read, written;
  for (size_t i = s.begin; i < s.end; ++i) {
    for (Blob* b : ops_[i]->in())
      if (!contains(written, b)) add(read, b);
    for (Blob* b : ops_[i]->out()) add(written, b);
  }
  for (Blob* b : read) s.inputs.push_back(state_of(b));
  for (Blob* b : written) s.outputs.push_back(state_of(b));
}

Status Replay::each(const Stretch& s, size_t* op) {
  for (; *op < s.end; ++*op) {
    Operator& one = *ops_[*op];
    const bool timed = timed_ && !one.on_accelerator();
    const double start = timed ? now_ms() : 0;
    PF_TRY(one.run(workspace_.scratch()));
    if (timed) one.profile.milliseconds += now_ms() - start, one.profile.runs++;
  }
  return {};
}

// Inputs that somebody else has changed since the last run: what is derived from them must be part of the recording.
// Answers whether a recording took one of them for constant.
bool Replay::note_changes(Stretch& s) {
  const size_t before = s.changing.size();
  for (size_t i = 0; i < s.versions.size(); ++i)
    if (s.versions[i] != s.inputs[i].blob->tensor.version()) add(s.changing, s.inputs[i].blob);
  return s.changing.size() != before;
}

void Replay::remember(Stretch& s) {
  s.versions.clear();
  for (const Relied& r : s.inputs) s.versions.push_back(r.blob->tensor.version());
}

bool Replay::as_recorded(const Stretch& s) const {
  if (!workspace_.accelerator()->can_replay(s.recording.get())) return false;
  auto lies = [](const Relied& r, const Relied& now) {
    return (!r.plain || r.plain == now.plain) && (!r.packed || r.packed == now.packed);
  };
  for (const Relied& r : s.inputs) {
    const Relied now = state_of(r.blob);
    if (!lies(r, now) || !(r.type == now.type) || (r.plain_fresh && !now.plain_fresh)) return false;
    if (r.packed_fresh && !now.packed_fresh) return false;
  }
  for (const Relied& r : s.outputs)
    if (!lies(r, state_of(r.blob))) return false;
  return true;
}

Status Replay::record(Stretch& s, size_t* op) {
  Accelerator& on = *workspace_.accelerator();
  s.recording.reset();
  for (Blob* b : s.changing)
    if (b->tensor.plain_fresh()) b->tensor.touch();
  for (Relied& r : s.inputs) r = state_of(r.blob);
  std::vector<Relied> before;
  for (Relied& r : s.outputs) before.push_back(state_of(r.blob));
  for (Relied& r : s.inputs) before.push_back(r);

  PF_TRY(on.begin_recording());
  Status ran = each(s, op);
  std::shared_ptr<void> recording;
  Status ended = on.end_recording(&recording);
  if (!ran.ok() || !ended.ok()) {
    // Nothing has run: the blobs hold what they held before, whatever was noted of them meanwhile.
    for (Relied& r : before) r.blob->tensor.replayed(r.plain_fresh, r.packed_fresh);
    ++s.failures;
    *op = s.begin;
    return each(s, op);
  }
  // Inputs keep the place they had in the recording, outputs the state that it leaves.
  for (Relied& r : s.inputs) {
    const Relied now = state_of(r.blob);
    r.plain = now.plain, r.packed = now.packed;
  }
  for (Relied& r : s.outputs) r = state_of(r.blob);
  s.scratch = on.scratch().blocks();
  s.recording = std::move(recording);
  return on.replay(s.recording.get());
}

Status Replay::run(size_t k, size_t* op) {
  if (!warm_) {
    Stretch& s = stretches_[k];
    PF_TRY(each(s, op));
    if (k + 1 == stretches_.size()) warm_ = true, divide();
    return {};
  }
  Stretch& s = stretches_[k];
  if (!s.recordable || s.failures >= kMostFailures || *op != s.begin) return each(s, op);
  Accelerator* on = workspace_.accelerator();
  for (const Relied& r : s.inputs) {
    if (r.blob->object) continue;
    PF_CHECK(r.blob->tensor.defined(), no_blob, "input blob \"", r.blob->name, "\" is empty");
    if (r.blob->tensor.plain_fresh()) PF_TRY(r.blob->tensor.bring(on));
  }
  const bool first = s.versions.empty(), surprised = note_changes(s);
  if (first) {
    PF_TRY(each(s, op));  // one run more, to see which inputs change
    return remember(s), Status();
  }
  if (!s.recording || surprised || !as_recorded(s)) {
    PF_TRY(record(s, op));
    return remember(s), Status();
  }
  for (const Relied& r : s.outputs)
    if (r.plain) PF_TRY(r.plain->bring(on));
  PF_TRY(on->replay(s.recording.get()));
  for (const Relied& r : s.outputs) {
    Tensor& t = r.blob->tensor;
    r.blob->object.reset();
    t.set_type(r.type.shape, r.type.dtype);
    t.replayed(r.plain_fresh, r.packed_fresh);
  }
  return remember(s), Status();
}

}  // namespace pf
