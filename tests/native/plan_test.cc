// SPDX-License-Identifier: Apache-2.0
// Nets: what is refused, what a plan lays over one another, what fusing keeps, what an abort leaves behind.
#include "net/plan.h"

#include "net/net.h"
#include "test.h"

using namespace pf;

namespace {

OpDef leaky(std::string in, std::string out) {
  OpDef d;
  d.type = "LeakyRelu", d.input = {std::move(in)}, d.output = {std::move(out)};
  return d;
}

void feed(Workspace& ws, const char* name, int64_t n) {
  Tensor& t = ws.blob(name).tensor;
  EXPECT(t.resize(Shape{n}, DType::kFloat).ok());
  for (int64_t i = 0; i < n; ++i) t.data<float>()[i] = float(i) - 2;
}

NetDef chain(int length) {
  NetDef net;
  net.name = "chain", net.external_input = {"b0"}, net.external_output = {"b" + std::to_string(length)};
  for (int i = 0; i < length; ++i) net.op.push_back(leaky("b" + std::to_string(i), "b" + std::to_string(i + 1)));
  return net;
}

void set_flag(NetDef& net, const char* name) {
  net.arg.emplace_back();
  net.arg.back().name = name, net.arg.back().has_i = true, net.arg.back().i = 1;
}

}  // namespace

TEST("all unknown operators are named at once") {
  NetDef net = chain(2);
  net.op[0].type = "LeakyRelo", net.op[1].type = "Quux";
  Workspace ws(1);
  feed(ws, "b0", 4);
  std::unique_ptr<Net> made;
  Status s = Net::create(net, ws, &made);
  EXPECT(s.code() == Code::no_operator);
  EXPECT(s.message().find("LeakyRelo (op 0), did you mean LeakyRelu?") != std::string::npos, s.message());
  EXPECT(s.message().find("Quux (op 1)") != std::string::npos, s.message());
}

TEST("cycles and unknown sources are refused") {
  NetDef net = chain(2);
  net.op[0].input[0] = "b2";
  Workspace ws(1);
  std::unique_ptr<Net> made;
  EXPECT(Net::create(net, ws, &made).message().find("cycle") != std::string::npos);
  net.op[0].input[0] = "nowhere";
  EXPECT(Net::create(net, ws, &made).code() == Code::net);
  net = chain(1);
  EXPECT(Net::create(net, ws, &made).code() == Code::no_blob);  // b0 was not fed
  net.external_output = {"other"};
  EXPECT(Net::create(net, ws, &made).code() == Code::net);
}

TEST("a planned chain needs two buffers however long it is, and gives the same numbers") {
  NetDef net = chain(9);
  Workspace plain(1), planned(1);
  feed(plain, "b0", 1000), feed(planned, "b0", 1000);
  std::unique_ptr<Net> a, b;
  EXPECT(Net::create(net, plain, &a).ok());
  set_flag(net, "pf.optimize");
  EXPECT(Net::create(net, planned, &b).ok());
  EXPECT(a->run().ok() && b->run().ok());
  EXPECT(b->info().find("\"arenaBytes\":8064") != std::string::npos, b->info());  // two times 1000 floats, aligned
  for (int i = 0; i < 1000; ++i)
    EXPECT(plain.blob("b9").tensor.data<float>()[i] == planned.blob("b9").tensor.data<float>()[i], i);
  EXPECT(planned.blob("b4").shared_in != nullptr && planned.blob("b9").shared_in == nullptr);
  size_t used = Memory::used();
  for (int i = 0; i < 3; ++i) EXPECT(b->run().ok());
  EXPECT(Memory::used() == used);
  feed(planned, "b0", 5000);  // a new shape is planned anew
  EXPECT(b->run().ok());
  EXPECT(planned.blob("b9").tensor.size() == 5000);
}

TEST("no two blobs of a random plan overlap while both live") {
  uint32_t seed = 7;
  auto next = [&seed](uint32_t n) { return seed = seed * 1664525u + 1013904223u, (seed >> 8) % n; };
  for (int round = 0; round < 50; ++round) {
    Workspace ws(1);
    feed(ws, "in", 1 + next(3000));
    Operators ops;
    std::vector<std::string> names = {"in"};
    for (int i = 0; i < 30; ++i) {
      std::string out = "b" + std::to_string(next(12)), in = names[next(uint32_t(names.size()))];
      ops.emplace_back();
      EXPECT(Operator::create(leaky(in, out), ws, nullptr, &ops.back()).ok());
      names.push_back(out);
    }
    ArenaPlan plan;
    EXPECT(plan_arena(ops, blobs_read_first(ops), {}, &plan).ok());
    for (auto& a : plan.slots)
      for (auto& b : plan.slots) {
        if (a.blob == b.blob) continue;
        bool in_time = a.first <= b.last && b.first <= a.last,
             in_space = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
        EXPECT(!(in_time && in_space), a.blob->name, b.blob->name);
      }
  }
}

TEST("an aborted run says so and the net runs again afterwards") {
  NetDef net = chain(3);
  Workspace ws(1);
  feed(ws, "b0", 4);
  std::unique_ptr<Net> made;
  EXPECT(Net::create(net, ws, &made).ok());
  Net::abort_flag = 1;
  EXPECT(made->run().code() == Code::aborted);
  EXPECT(made->run().ok());
}

TEST("an emptied blob is reported, not read") {
  NetDef net = chain(1);
  Workspace ws(1);
  feed(ws, "b0", 4);
  std::unique_ptr<Net> made;
  EXPECT(Net::create(net, ws, &made).ok());
  ws.remove("b0");
  Status s = made->run();
  EXPECT(s.code() == Code::no_blob && s.message().find("op 0 of net \"chain\"") != std::string::npos, s.message());
  feed(ws, "b0", 4);
  EXPECT(made->run().ok());
}
