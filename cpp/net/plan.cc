// SPDX-License-Identifier: Apache-2.0
#include "net/plan.h"

#include "core/names.h"

namespace pf {
namespace {

constexpr size_t kAlignment = 64;

int count_of(const std::vector<Blob*>& all, const Blob* blob) {
  int count = 0;
  for (const Blob* b : all) count += b == blob;
  return count;
}
bool contains(const std::vector<Blob*>& all, const Blob* blob) { return count_of(all, blob) > 0; }
bool reads(const Operator& op, const Blob* b) { return contains(op.in(), b) || contains(op.touched(), b); }
bool writes(const Operator& op, const Blob* b) { return contains(op.out(), b) || contains(op.touched(), b); }

// An operator, and which of its inputs is meant.
struct Follower {
  size_t op;
  int position;
};

// The operator after `at` that is the only reader of ops[at]'s output and could be done together with it, or op 0.
Follower sole_follower(const Operators& ops, size_t at, const std::vector<Blob*>& kept, bool in_place_only) {
  constexpr Follower kNone{0, 0};
  Blob* between = ops[at]->out()[0];
  size_t next = at + 1;
  while (next < ops.size() && !reads(*ops[next], between) && !writes(*ops[next], between)) ++next;
  if (next == ops.size()) return kNone;
  const Operator& follower = *ops[next];
  if (follower.out().size() != 1 || count_of(follower.in(), between) != 1) return kNone;
  int position = 0;
  while (follower.in()[size_t(position)] != between) ++position;
  Blob* result = follower.out()[0];
  if (result != between) {
    if (in_place_only) return kNone;
    // The blob in between disappears: nobody may want it later.
    if (contains(kept, between)) return kNone;
    for (size_t i = next + 1; i < ops.size(); ++i) {
      if (reads(*ops[i], between)) return kNone;
      if (writes(*ops[i], between)) break;
    }
  }
  // The follower's work moves up to `at`: its other inputs must be ready there, its output not in use in between.
  for (size_t i = at; i < next; ++i) {
    for (Blob* other : follower.in())
      if (other != between && writes(*ops[i], other)) return kNone;
    if (i > at && (reads(*ops[i], result) || writes(*ops[i], result))) return kNone;
  }
  // In one step the kernel would read inputs that it is writing.
  if (result != between && (reads(*ops[at], result) || reads(follower, result))) return kNone;
  return {next, position};
}

// What a plan finds out of a blob.
struct Life {
  Blob* blob;
  bool input;  // its contents come from outside
  TensorType type;
  size_t first_write = SIZE_MAX, last = 0, bytes = 0;
  int reads = 0, writes = 0;
  bool placeable = true;

  bool written() const { return writes > 0; }
  void write(size_t at, const TensorType& now) {
    if (!writes++) first_write = at;
    last = at, type = now;
    const size_t element = dtype_size(now.dtype);
    if (!now.known || !element) return void(placeable = false);
    const int64_t count = now.shape.size() < PTRDIFF_MAX / 16 ? now.shape.size() : PTRDIFF_MAX / 16;
    if (size_t(count) * element > bytes) bytes = size_t(count) * element;
  }
};

struct Lives {
  Life& of(Blob* b, bool input = false) {
    const size_t at = size_t(names.add(b->name));
    if (at == all.size()) all.push_back({b, input, {}});
    return all[at];
  }
  Names names;
  std::vector<Life> all;  // in order of first use: a plan must not depend on addresses
};

Status follow_types(const Operators& ops, Lives* lives) {
  std::vector<TensorType> in_types, out_types;
  std::vector<const Tensor*> values;
  for (size_t i = 0; i < ops.size(); ++i) {
    const Operator& op = *ops[i];
    in_types.clear(), values.clear();
    for (Blob* b : op.in()) {
      Life& life = lives->of(b);
      in_types.push_back(life.type);
      const bool constant = life.input && !life.written();
      values.push_back(constant && b->tensor.defined() ? &b->tensor : nullptr);
      life.last = i, ++life.reads;
    }
    out_types.assign(op.out().size(), {});
    PF_TRY(op.infer(in_types.data(), values.data(), out_types.data()));
    for (size_t j = 0; j < out_types.size(); ++j) lives->of(op.out()[j]).write(i, out_types[j]);
    // What nested nets do with these cannot be told: they keep memory of their own.
    for (Blob* b : op.touched()) lives->of(b).write(i, {});
  }
  return {};
}

// Whether the arena is to hold it.
bool is_placed(const Life& life, const std::vector<Blob*>& kept) {
  return life.written() && life.placeable && life.bytes && !life.input && !contains(kept, life.blob);
}

// Lets operators write what is only joined with others, along the last dimension, where it will lie then.
void find_parts(const Operators& ops, const std::vector<Blob*>& kept, Lives* lives, std::vector<ArenaPlan::Part>* out) {
  for (const auto& join : ops) {
    if (join->def().type != "Concat" && join->def().type != "DepthConcat") continue;
    Life& whole = lives->of(join->out()[0]);
    if (whole.writes != 1 || !is_placed(whole, kept)) continue;
    const auto length = [](const Life& life) {
      const Shape& s = life.type.shape;
      return life.type.known && s.rank() ? s[s.rank() - 1] : 0;
    };
    const int64_t pitch = length(whole);
    int64_t sum = 0;
    for (Blob* b : join->in()) sum += length(lives->of(b));
    if (sum != pitch) continue;  // along another dimension
    int64_t before = 0;
    for (Blob* b : join->in()) {
      Life& life = lives->of(b);
      const size_t offset = size_t(before) * dtype_size(life.type.dtype);
      before += length(life);
      if (life.writes != 1 || life.reads != 1 || !is_placed(life, kept) || !ops[life.first_write]->spreads()) continue;
      out->push_back({b, whole.blob, offset, life.type.shape, pitch});
      life.placeable = false;
      whole.first_write = life.first_write < whole.first_write ? life.first_write : whole.first_write;
    }
  }
}

// The lowest place that is free for as long as slots[at] lives, given those before it.
void place(std::vector<ArenaPlan::Slot>& slots, size_t at) {
  auto& slot = slots[at];
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t k = 0; k < at; ++k) {
      auto& other = slots[k];
      bool meet_in_time = slot.first <= other.last && other.first <= slot.last;
      bool meet_in_space = slot.offset < other.offset + other.bytes && other.offset < slot.offset + slot.bytes;
      if (meet_in_time && meet_in_space) slot.offset = other.offset + other.bytes, moved = true;
    }
  }
}

}  // namespace

std::vector<Blob*> blobs_read_first(const Operators& ops) {
  std::vector<Blob*> inputs;
  Names seen;
  for (auto& op : ops) {
    for (Blob* b : op->in()) {
      if (!seen.has(b->name)) inputs.push_back(b);
      seen.add(b->name);
    }
    for (Blob* b : op->out()) seen.add(b->name);
  }
  return inputs;
}

void fuse(Operators& ops, std::vector<int>& indices, const std::vector<Blob*>& kept, bool in_place_only) {
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i]->out().empty()) continue;
    for (;;) {
      const auto [next, position] = sole_follower(ops, i, kept, in_place_only);
      if (!next || !ops[i]->absorb(*ops[next], position)) break;
      ops.erase(ops.begin() + ptrdiff_t(next));
      indices.erase(indices.begin() + ptrdiff_t(next));
    }
  }
}

namespace {

// The bias of the SpatialBN that made y from x, with nothing but a Relu between; null where there is none.
Blob* bias_of(const Operators& ops, size_t before, const Blob* x, const Blob* y) {
  for (size_t i = before; i-- > 0;) {
    const Operator& op = *ops[i];
    if (!writes(op, y)) continue;
    const bool fits = op.def().type == "SpatialBN" && op.in()[0] == x && op.in().size() == 5 && op.out()[0] == y;
    return fits ? op.in()[2] : nullptr;
  }
  return nullptr;
}

}  // namespace

namespace {

// The operator after `at` that reads ops[at]'s output first, if it is a SpatialBNGradient whose dY that is, and nothing
// that ops[at] reads is written before it; else 0. `wanted`: somebody reads the output after it as well.
size_t normalisation_after(const Operators& ops, size_t at, const std::vector<Blob*>& kept, bool* wanted) {
  const Operator& op = *ops[at];
  const Blob* between = op.out()[0];
  size_t next = at + 1;
  while (next < ops.size() && !reads(*ops[next], between) && !writes(*ops[next], between)) ++next;
  if (next == ops.size() || ops[next]->def().type != "SpatialBNGradient" || ops[next]->in().size() < 5) return 0;
  const Operator& norm = *ops[next];
  if (norm.in()[2] != between || count_of(norm.in(), between) != 1 || norm.out()[0] == between) return 0;
  for (const Blob* in : op.in()) {
    if (norm.out()[0] == in) return 0;
    for (size_t k = at + 1; k < next; ++k)
      if (writes(*ops[k], in)) return 0;
  }
  // What it writes there itself is what later operators read.
  const bool replaced = writes(norm, between);
  *wanted = !replaced && contains(kept, between);
  for (size_t k = next + 1; k < ops.size() && !*wanted && !replaced; ++k) {
    *wanted = reads(*ops[k], between);
    if (writes(*ops[k], between)) break;
  }
  return next;
}

}  // namespace

void fuse_gradients(Operators& ops, std::vector<int>& indices, const std::vector<Blob*>& kept) {
  // The sums of gradients come before the Relu's gradient, which must have been taken along by then.
  for (const char* type : {"ReluGradient", "Sum"}) {
    const bool sum = type[0] == 'S';
    for (size_t i = 0; i + 1 < ops.size(); ++i) {
      Operator& op = *ops[i];
      if (op.def().type != type || op.in().size() != 2 || op.out().size() != 1) continue;
      bool wanted = false;
      const size_t next = normalisation_after(ops, i, kept, &wanted);
      if (!next || (sum && wanted) || (!sum && ops[next]->in().size() != 5)) continue;
      Blob* bias = sum || wanted ? nullptr : bias_of(ops, i, ops[next]->in()[0], op.in()[0]);
      if (!ops[next]->absorb_before(op, 2, bias ? bias : op.in()[0], bias != nullptr, wanted)) continue;
      ops.erase(ops.begin() + ptrdiff_t(i));
      indices.erase(indices.begin() + ptrdiff_t(i));
      --i;
    }
  }
}

namespace {

// Whether two operators have nothing to do with each other, but that both may read a blob.
bool apart(const Operator& a, const Operator& b) {
  for (const Blob* blob : a.out())
    if (reads(b, blob) || writes(b, blob)) return false;
  for (const Blob* blob : b.out())
    if (reads(a, blob)) return false;
  return true;
}

}  // namespace

void join_updates(Operators& ops, std::vector<int>& indices) {
  for (size_t i = 0; i < ops.size(); ++i) {
    while (i + 1 < ops.size() && apart(*ops[i], *ops[i + 1]) && ops[i]->join(*ops[i + 1])) {
      ops.erase(ops.begin() + ptrdiff_t(i + 1));
      indices.erase(indices.begin() + ptrdiff_t(i + 1));
    }
  }
}

Status plan_arena(const Operators& ops, const std::vector<Blob*>& inputs, const std::vector<Blob*>& kept,
                  ArenaPlan* out) {
  Lives lives;
  for (Blob* b : inputs) lives.of(b, true).type = b->tensor.type();
  PF_TRY(follow_types(ops, &lives));

  find_parts(ops, kept, &lives, &out->parts);
  std::vector<ArenaPlan::Slot> slots;  // largest first, those of one size in order of first write
  for (const Life& life : lives.all) {
    if (!is_placed(life, kept)) continue;
    const size_t bytes = (life.bytes + kAlignment - 1) / kAlignment * kAlignment;
    slots.push_back({life.blob, 0, bytes, life.first_write, life.last});
    for (size_t k = slots.size() - 1; k > 0 && slots[k - 1].bytes < bytes; --k) std::swap(slots[k - 1], slots[k]);
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    place(slots, i);
    if (slots[i].offset + slots[i].bytes > out->bytes) out->bytes = slots[i].offset + slots[i].bytes;
    for (ArenaPlan::Part& part : out->parts)
      if (part.whole == slots[i].blob) part.offset += slots[i].offset;
  }
  out->slots = std::move(slots);
  return {};
}

}  // namespace pf
