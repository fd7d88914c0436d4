// SPDX-License-Identifier: Apache-2.0
// Field numbers: proto/caffe2.proto. Unknown fields are skipped: newer Caffe2 versions added some.
#include "core/op_def.h"

#include "core/net_text.h"
#include "core/wire.h"

namespace pf {
namespace {

// Nets nest in arguments (If, While, RecurrentNetwork); deeper than this is no honest model.
constexpr int kMaxDepth = 32;
// Messages and strings of one net. A few bytes of input each, they take some hundred here: a hostile file of some
// megabytes must not take all memory.
constexpr int kMaxParts = 1 << 21;

struct Limits {
  int depth = 0;
  int parts = 0;
  bool one_more() { return ++parts <= kMaxParts; }
};

bool read(WireReader r, Limits& limits, NetDef* out);

// Reads a nested message into a new element of `out`.
template <class T>
bool read_element(WireReader& r, Limits& limits, std::vector<T>* out) {
  std::string_view bytes = r.bytes();
  if (!limits.one_more()) return false;
  out->emplace_back();
  return read(WireReader(bytes), limits, &out->back());
}

bool read_string(WireReader& r, Limits& limits, std::vector<std::string>* out) {
  out->emplace_back(r.bytes());
  return limits.one_more();
}

bool read(WireReader r, DeviceOption* out) {
  while (r.next()) {
    switch (r.field) {
      case 1:
        out->device_type = int(r.integer());
        break;
      case 2:
        out->device_id = int(r.integer());
        break;
      case 3:
        out->random_seed = uint32_t(r.integer()), out->has_random_seed = true;
        break;
      default:
        r.skip();
    }
  }
  return r.ok();
}

bool read(WireReader r, Limits& limits, Argument* out) {
  bool good = true;
  while (good && r.next()) {
    switch (r.field) {
      case 1:
        out->name = r.bytes();
        break;
      case 2:
        out->f = r.f32(), out->has_f = true;
        break;
      case 3:
        out->i = int64_t(r.integer()), out->has_i = true;
        break;
      case 4:
        out->s = r.bytes(), out->has_s = true;
        break;
      case 5:
        if (out->floats.empty()) out->floats.reserve(r.left() / 5);
        r.repeated_fixed<float>([&](float v) { out->floats.push_back(v); });
        break;
      case 6:
        r.repeated_integer([&](uint64_t v) { out->ints.push_back(int64_t(v)); });
        break;
      case 7:
        good = read_string(r, limits, &out->strings);
        break;
      case 8:
      case 9:
        good = read_element(r, limits, &out->nets);
        break;
      default:
        r.skip();
    }
  }
  return good && r.ok();
}

bool read(WireReader r, Limits& limits, OpDef* out) {
  bool good = true;
  while (good && r.next()) {
    switch (r.field) {
      case 1:
        good = read_string(r, limits, &out->input);
        break;
      case 2:
        good = read_string(r, limits, &out->output);
        break;
      case 3:
        out->name = r.bytes();
        break;
      case 4:
        out->type = r.bytes();
        break;
      case 5:
        good = read_element(r, limits, &out->arg);
        break;
      case 6:
        out->has_device_option = true, good = read(WireReader(r.bytes()), &out->device_option);
        break;
      case 7:
        out->engine = r.bytes();
        break;
      case 8:
        good = read_string(r, limits, &out->control_input);
        break;
      case 9:
        out->is_gradient_op = r.integer() != 0;
        break;
      default:
        r.skip();
    }
  }
  expand_text_nets(out);
  return good && r.ok();
}

bool read(WireReader r, Limits& limits, NetDef* out) {
  if (++limits.depth > kMaxDepth) return false;
  bool good = true;
  while (good && r.next()) {
    switch (r.field) {
      case 1:
        out->name = r.bytes();
        break;
      case 2:
        good = read_element(r, limits, &out->op);
        break;
      case 3:
        out->type = r.bytes();
        break;
      case 4:
        out->num_workers = int(r.integer());
        break;
      case 5:
        out->has_device_option = true, good = read(WireReader(r.bytes()), &out->device_option);
        break;
      case 6:
        good = read_element(r, limits, &out->arg);
        break;
      case 7:
        good = read_string(r, limits, &out->external_input);
        break;
      case 8:
        good = read_string(r, limits, &out->external_output);
        break;
      default:
        r.skip();
    }
  }
  --limits.depth;
  return good && r.ok();
}

template <class T>
Status parse_as(std::string_view bytes, const char* what, T* out) {
  Limits limits;
  if (read(WireReader(bytes), limits, out)) return {};
  const char* why = limits.parts > kMaxParts   ? "hold more parts than any honest model"
                    : limits.depth > kMaxDepth ? "nest nets too deep"
                                               : "are truncated or malformed";
  return fail(Code::parse, "this is no ", what, ": the ", bytes.size(), " bytes ", why);
}

std::string write(const DeviceOption& d) {
  WireWriter w;
  w.integer(1, uint64_t(d.device_type));
  if (d.device_id) w.integer(2, uint64_t(d.device_id));
  if (d.has_random_seed) w.integer(3, d.random_seed);
  return std::move(w.out);
}

std::string write(const Argument& a) {
  WireWriter w;
  w.bytes(1, a.name);
  if (a.has_f) w.f32(2, a.f);
  if (a.has_i) w.integer(3, uint64_t(a.i));
  if (a.has_s) w.bytes(4, a.s);
  for (float v : a.floats) w.f32(5, v);
  for (int64_t v : a.ints) w.integer(6, uint64_t(v));
  for (auto& v : a.strings) w.bytes(7, v);
  for (size_t i = 0; i < a.nets.size(); ++i) w.bytes(i ? 9 : 8, serialize(a.nets[i]));
  return std::move(w.out);
}

const Argument* find_in(const std::vector<Argument>& all, std::string_view name) {
  for (auto& a : all)
    if (a.name == name) return &a;
  return nullptr;
}

}  // namespace

bool Argument::operator==(const Argument& o) const { return write(*this) == write(o); }

const Argument* OpDef::find(std::string_view name) const { return find_in(arg, name); }
const Argument* NetDef::find(std::string_view name) const { return find_in(arg, name); }

Argument& OpDef::argument(const char* name) {
  for (auto& a : arg)
    if (a.name == name) return a = Argument(), a.name = name, a;
  arg.emplace_back();
  arg.back().name = name;
  return arg.back();
}
void OpDef::set(const char* name, int64_t value) {
  Argument& a = argument(name);
  a.i = value, a.has_i = true;
}
void OpDef::set(const char* name, float value) {
  Argument& a = argument(name);
  a.f = value, a.has_f = true;
}
void OpDef::set(const char* name, std::string_view value) {
  Argument& a = argument(name);
  a.s = value, a.has_s = true;
}
void OpDef::set(const char* name, std::vector<int64_t> value) { argument(name).ints = std::move(value); }

Status parse(std::string_view bytes, NetDef* out) { return parse_as(bytes, "NetDef", out); }
Status parse(std::string_view bytes, OpDef* out) { return parse_as(bytes, "OperatorDef", out); }

std::string serialize(const OpDef& def) {
  WireWriter w;
  for (auto& s : def.input) w.bytes(1, s);
  for (auto& s : def.output) w.bytes(2, s);
  w.bytes(3, def.name);
  w.bytes(4, def.type);
  for (auto& a : def.arg) w.bytes(5, write(a));
  if (def.has_device_option) w.bytes(6, write(def.device_option));
  if (!def.engine.empty()) w.bytes(7, def.engine);
  for (auto& s : def.control_input) w.bytes(8, s);
  if (def.is_gradient_op) w.integer(9, 1);
  return std::move(w.out);
}

std::string serialize(const NetDef& def) {
  WireWriter w;
  if (!def.name.empty()) w.bytes(1, def.name);
  for (auto& op : def.op) w.bytes(2, serialize(op));
  if (!def.type.empty()) w.bytes(3, def.type);
  if (def.num_workers) w.integer(4, uint64_t(def.num_workers));
  if (def.has_device_option) w.bytes(5, write(def.device_option));
  for (auto& a : def.arg) w.bytes(6, write(a));
  for (auto& s : def.external_input) w.bytes(7, s);
  for (auto& s : def.external_output) w.bytes(8, s);
  return std::move(w.out);
}

}  // namespace pf
