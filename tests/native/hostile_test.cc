// SPDX-License-Identifier: Apache-2.0
// The whole boundary under random and mutated bytes: every call returns a status, nothing crashes, and the workspace
// stays usable. Run under AddressSanitizer and UBSan by `make test`.
#include <cstring>
#include <string>

#include "abi/pf.h"
#include "core/schema.h"
#include "test.h"

using namespace pf;

namespace {

uint32_t seed = 12345;
uint32_t next(uint32_t n) { return seed = seed * 1664525u + 1013904223u, (seed >> 8) % n; }

int32_t call(uint32_t fn, uint32_t handle, const std::string& in, pf_out* out) {
  return pf_call(fn, handle, reinterpret_cast<const uint8_t*>(in.data()), in.size(), out);
}

uint32_t open() {
  pf_out out;
  EXPECT(call(PF_FN_workspace_open, 0, std::string(8, '\1'), &out) == 0);
  return out.handle;
}

std::string header(uint32_t dtype, std::initializer_list<int64_t> dims, const char* name) {
  uint32_t head[2] = {dtype, uint32_t(dims.size())};
  std::string s(reinterpret_cast<char*>(head), 8);
  for (int64_t d : dims) s.append(reinterpret_cast<char*>(&d), 8);
  return s + name;
}

std::string mutated(std::string s) {
  for (uint32_t n = 1 + next(4); n && !s.empty(); --n) {
    size_t at = next(uint32_t(s.size()));
    switch (next(4)) {
      case 0:
        s[at] = char(next(256));
        break;
      case 1:
        s.erase(at, 1 + next(8));
        break;
      case 2:
        s.insert(at, std::string(1 + next(4), char(next(256))));
        break;
      default:
        s.resize(at);
    }
  }
  return s;
}

// Operators that write to the console, or whose arguments may ask for gigabytes on purpose, are not drawn.
bool drawable(const char* type) { return std::strcmp(type, "Print") != 0; }

std::string random_operator(uint32_t inputs) {
  const auto& all = all_schemas();
  const Schema* s = all[next(uint32_t(all.size()))];
  while (!drawable(s->name)) s = all[next(uint32_t(all.size()))];
  OpDef def;
  def.type = s->name;
  size_t ports = s->inputs.size() + (s->inputs.empty() || !s->inputs.back().variadic ? 0 : next(3));
  for (size_t i = 0; i < ports; ++i) {
    if (s->input_port(int(i))->optional && next(3) == 0) break;
    def.input.push_back("in" + std::to_string(next(inputs)));
  }
  for (size_t j = 0; j < s->outputs.size(); ++j) def.output.push_back("out" + std::to_string(j));
  for (auto& pair : s->inplace)
    if ((pair.enforced || next(4) == 0) && size_t(pair.input) < def.input.size() &&
        size_t(pair.output) < def.output.size())
      def.output[size_t(pair.output)] = def.input[size_t(pair.input)];
  for (auto& a : s->args) {
    if (!a.required && next(3)) continue;
    static const int64_t kInts[] = {0, 1, 2, 3, -1, -2, 5, 7, 100, -100, 1 << 20, INT64_MAX, INT64_MIN};
    static const float kFloats[] = {0.f, 1.f, -1.f, 0.5f, 1e30f, -1e30f};
    switch (a.type) {
      case ArgType::kFloat:
        def.set(a.name, kFloats[next(6)]);
        break;
      case ArgType::kInt:
      case ArgType::kBool:
        def.set(a.name, kInts[next(next(2) ? 5 : 13)]);
        break;
      case ArgType::kString:
        def.set(a.name, std::string(next(2) ? "NCHW" : next(2) ? "NHWC" : "zzz"));
        break;
      case ArgType::kInts: {
        std::vector<int64_t> v;
        for (uint32_t n = next(5); n; --n) v.push_back(kInts[next(next(2) ? 5 : 13)]);
        def.set(a.name, v);
        break;
      }
      default:
        break;
    }
  }
  return serialize(def);
}

void feed_inputs(uint32_t ws) {
  struct {
    uint32_t dtype;
    std::initializer_list<int64_t> dims;
  } inputs[] = {{1, {2, 3, 5, 5}}, {1, {4, 3, 3, 3}}, {1, {3}},  {2, {2}},    {1, {}},
                {1, {0, 3}},       {6, {1, 4, 4, 4}}, {10, {1}}, {1, {2, 3}}, {5, {2, 3}}};
  uint32_t k = 0;
  for (auto& in : inputs) {
    pf_out out;
    std::string name = "in" + std::to_string(k++);
    EXPECT(call(PF_FN_blob_feed, ws, header(in.dtype, in.dims, name.c_str()), &out) == 0);
    for (size_t i = 0; i < out.size; ++i) out.data[i] = in.dtype == 1 ? (i % 4 == 3 ? 0x3f : 0) : uint8_t(i % 2);
  }
}

}  // namespace

TEST("random bytes to every function give a status") {
  uint32_t ws = open();
  for (int i = 0; i < 20000; ++i) {
    std::string in;
    for (uint32_t n = next(40); n; --n) in += char(next(256));
    uint32_t fn = next(PF_FN_COUNT + 2);
    if (fn == PF_FN_workspace_close || fn == PF_FN_workspace_open || fn == PF_FN_threads || fn == PF_FN_abort_flag)
      continue;
    pf_out out;
    int32_t status = call(fn, next(3) ? ws : next(100), in, &out);
    EXPECT(status >= 0 && status < 15, fn, status);
  }
  pf_out out;
  EXPECT(call(PF_FN_blob_feed, ws, header(1, {2, 2}, "x"), &out) == 0 && out.size == 16);
  EXPECT(call(PF_FN_workspace_close, ws, "", &out) == 0);
}

TEST("operators drawn from their schemas with hostile arguments never crash") {
  uint32_t ws = open();
  for (int i = 0; i < 6000; ++i) {
    if (i % 20 == 0) feed_inputs(ws);
    pf_out out;
    int32_t status = call(PF_FN_op_run, ws, random_operator(10), &out);
    EXPECT(status >= 0 && status < 15 && status != PF_STATUS_internal, status, pf_last_error());
  }
  pf_out out;
  EXPECT(call(PF_FN_blob_feed, ws, header(1, {2, 2}, "x"), &out) == 0);
  EXPECT(call(PF_FN_workspace_close, ws, "", &out) == 0);
}

TEST("mutated nets are refused or run, and the workspace survives") {
  uint32_t ws = open();
  feed_inputs(ws);
  for (int i = 0; i < 3000; ++i) {
    NetDef net;
    net.name = "n";
    for (int k = 0; k < 3; ++k) {
      OpDef op;
      EXPECT(parse(random_operator(10), &op).ok());
      net.op.push_back(op);
    }
    pf_out out;
    if (call(PF_FN_net_create, ws, mutated(serialize(net)), &out) == 0) {
      uint32_t handle = out.handle;
      (void)call(PF_FN_net_run, handle, "", &out);
      EXPECT(call(PF_FN_net_close, handle, "", &out) == 0);
    }
    (void)call(PF_FN_infer, ws, mutated(serialize(net)), &out);
    (void)call(PF_FN_gradient, 0, mutated(serialize(net)), &out);
    if (i % 50 == 0) feed_inputs(ws);
  }
  pf_out out;
  EXPECT(call(PF_FN_workspace_close, ws, "", &out) == 0);
}
