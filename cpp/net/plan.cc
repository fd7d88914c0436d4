// SPDX-License-Identifier: Apache-2.0
#include "net/plan.h"

#include <algorithm>
#include <unordered_map>

namespace pf {
namespace {

constexpr size_t kAlignment = 64;

bool contains(const std::vector<Blob*>& all, const Blob* blob) { return std::find(all.begin(), all.end(), blob) != all.end(); }
bool reads(const Operator& op, const Blob* b) { return contains(op.in(), b) || contains(op.touched(), b); }
bool writes(const Operator& op, const Blob* b) { return contains(op.out(), b) || contains(op.touched(), b); }

// The operator after `at` that is the only reader of ops[at]'s output and could be done together with it, or 0.
size_t sole_follower(const Operators& ops, size_t at, const std::vector<Blob*>& kept) {
  Blob* between = ops[at]->out()[0];
  size_t next = at + 1;
  while (next < ops.size() && !reads(*ops[next], between) && !writes(*ops[next], between)) ++next;
  if (next == ops.size()) return 0;
  const Operator& follower = *ops[next];
  if (follower.in().empty() || follower.in()[0] != between || follower.out().size() != 1) return 0;
  if (std::count(follower.in().begin(), follower.in().end(), between) != 1) return 0;
  Blob* result = follower.out()[0];
  if (result != between) {
    // The blob in between disappears: nobody may want it later.
    if (contains(kept, between)) return 0;
    for (size_t i = next + 1; i < ops.size(); ++i) {
      if (reads(*ops[i], between)) return 0;
      if (writes(*ops[i], between)) break;
    }
  }
  // The follower's work moves up to `at`: its other inputs must be ready there, its output not in use in between.
  for (size_t i = at; i < next; ++i) {
    for (size_t k = 1; k < follower.in().size(); ++k)
      if (writes(*ops[i], follower.in()[k])) return 0;
    if (i > at && (reads(*ops[i], result) || writes(*ops[i], result))) return 0;
  }
  // In one step the kernel would read inputs that it is writing.
  if (result != between && reads(*ops[at], result)) return 0;
  return next;
}

struct Use {
  size_t first_write = SIZE_MAX, last = 0, bytes = 0;
  bool placeable = true;
};

}  // namespace

std::vector<Blob*> blobs_read_first(const Operators& ops) {
  std::vector<Blob*> inputs;
  std::unordered_map<const Blob*, bool> seen;
  for (auto& op : ops) {
    for (Blob* b : op->in())
      if (seen.emplace(b, true).second) inputs.push_back(b);
    for (Blob* b : op->out()) seen.emplace(b, true);
  }
  return inputs;
}

void fuse(Operators& ops, std::vector<int>& indices, const std::vector<Blob*>& kept) {
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i]->out().empty()) continue;
    while (size_t next = sole_follower(ops, i, kept)) {
      if (!ops[i]->absorb(*ops[next])) break;
      ops.erase(ops.begin() + ptrdiff_t(next));
      indices.erase(indices.begin() + ptrdiff_t(next));
    }
  }
}

Status plan_arena(const Operators& ops, const std::vector<Blob*>& inputs, const std::vector<Blob*>& kept, ArenaPlan* out) {
  std::unordered_map<Blob*, TensorType> types;
  std::unordered_map<Blob*, Use> uses;
  std::vector<Blob*> order;  // of first write: a plan must not depend on addresses
  for (Blob* b : inputs) types[b] = b->tensor.type();

  std::vector<TensorType> in_types, out_types;
  std::vector<const Tensor*> values;
  for (size_t i = 0; i < ops.size(); ++i) {
    const Operator& op = *ops[i];
    in_types.clear(), values.clear();
    for (Blob* b : op.in()) {
      in_types.push_back(types[b]);
      bool constant = contains(inputs, b) && !uses.count(b);
      values.push_back(constant && b->tensor.defined() ? &b->tensor : nullptr);
      if (auto it = uses.find(b); it != uses.end()) it->second.last = i;
    }
    out_types.assign(op.out().size(), {});
    PF_TRY(op.infer(in_types.data(), values.data(), out_types.data()));
    for (size_t j = 0; j < op.out().size(); ++j) {
      Blob* b = op.out()[j];
      auto [it, fresh] = uses.try_emplace(b);
      Use& use = it->second;
      if (fresh) use.first_write = i, order.push_back(b);
      use.last = i;
      types[b] = out_types[j];
      if (out_types[j].known && dtype_size(out_types[j].dtype))
        use.bytes = std::max(use.bytes, size_t(std::min<int64_t>(out_types[j].shape.size(), PTRDIFF_MAX / 16)) * dtype_size(out_types[j].dtype));
      else use.placeable = false;
    }
    // What nested nets do with these cannot be told: they keep memory of their own.
    for (Blob* b : op.touched()) uses[b].placeable = false, types[b] = {};
  }

  std::vector<ArenaPlan::Slot> slots;
  for (Blob* b : order) {
    const Use& use = uses[b];
    if (use.placeable && use.bytes && !contains(inputs, b) && !contains(kept, b))
      slots.push_back({b, 0, (use.bytes + kAlignment - 1) / kAlignment * kAlignment, use.first_write, use.last});
  }
  // Largest first, each at the lowest place free for as long as it lives.
  std::stable_sort(slots.begin(), slots.end(), [](auto& a, auto& b) { return a.bytes > b.bytes; });
  for (size_t i = 0; i < slots.size(); ++i) {
    auto& slot = slots[i];
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t k = 0; k < i; ++k) {
        auto& other = slots[k];
        bool meet_in_time = slot.first <= other.last && other.first <= slot.last;
        bool meet_in_space = slot.offset < other.offset + other.bytes && other.offset < slot.offset + slot.bytes;
        if (meet_in_time && meet_in_space) slot.offset = other.offset + other.bytes, moved = true;
      }
    }
    out->bytes = std::max(out->bytes, slot.offset + slot.bytes);
  }
  out->slots = std::move(slots);
  return {};
}

}  // namespace pf
