// SPDX-License-Identifier: Apache-2.0
// Nets: what is refused, what a plan lays over one another, what fusing keeps, what an abort leaves behind.
#include "net/plan.h"

#include "draw.h"
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

namespace {

void feed(Workspace& ws, const std::string& name, const Shape& shape, const Floats& values) {
  Tensor& t = ws.blob(name).tensor;
  EXPECT(t.resize(shape, DType::kFloat).ok());
  for (int64_t i = 0; i < shape.size(); ++i) t.data<float>()[i] = values[size_t(i)];
}

// Branches from one image, joined and convolved: what a Concat reads is computed by all kinds of operators.
struct Joined {
  Dice& dice;
  NetDef net;
  std::vector<std::pair<Shape, Floats>> filters;
  int64_t channels;

  explicit Joined(Dice& d) : dice(d), channels(4 + d.upto(20)) {
    net.name = "joined", net.external_input = {"x"}, net.external_output = {"y"};
    OpDef join = op("Concat", {}, {"joined", "joined_sizes"});
    join.set("order", std::string("NHWC"));
    int64_t sum = 0;
    for (int64_t i = 0, count = 1 + dice.upto(3); i < count; ++i) {
      const std::string name = "b" + std::to_string(i);
      sum += branch(name);
      join.input.push_back(name);
      if (dice.chance(6)) net.external_output.push_back(name);
      if (dice.chance(6)) join.input.push_back(name), sum += width(name);
    }
    net.op.push_back(join);
    if (dice.chance(6)) net.external_output.push_back("joined");
    conv("joined", "y", sum, 8, 1, 1);
    if (dice.chance(3)) net.op.push_back(op("Relu", {"y"}, {"y"}));
  }

  OpDef op(const char* type, std::vector<std::string> in, std::vector<std::string> out) {
    OpDef d;
    d.type = type, d.input = std::move(in), d.output = std::move(out);
    return d;
  }
  void conv(const std::string& in, const std::string& out, int64_t inputs, int64_t outputs, int64_t kernel,
            int64_t group) {
    const std::string w = "w" + std::to_string(filters.size());
    OpDef d = op("Conv", {in, w}, {out});
    d.set("order", std::string("NHWC")), d.set("kernel", kernel), d.set("pad", kernel / 2), d.set("group", group);
    filters.emplace_back(Shape{outputs, kernel, kernel, inputs / group},
                         dice.floats(outputs * kernel * kernel * inputs));
    net.external_input.push_back(w);
    net.op.push_back(d);
  }
  std::vector<std::pair<std::string, int64_t>> widths;
  int64_t width(const std::string& name) {
    for (auto& [known, value] : widths)
      if (known == name) return value;
    return 0;
  }
  int64_t branch(const std::string& name) {
    const int64_t kind = dice.upto(8);
    int64_t outputs = 1 + dice.upto(24);
    if (kind < 4) outputs = channels;
    if (kind == 1) {
      net.op.push_back(op("LeakyRelu", {"x"}, {name}));
    } else if (kind == 2) {
      conv("x", name, channels, channels, 3, channels);
    } else if (kind == 3) {  // a residual block
      conv("x", name + "c", channels, channels, 3, 1);
      net.op.push_back(op("Sum", {name + "c", "x"}, {name}));
    } else {
      conv("x", name, channels, outputs, 1 + 2 * (dice.upto(3) - 1), 1);
      if (kind > 6) net.op.push_back(op("Relu", {name}, {name}));
    }
    widths.emplace_back(name, outputs);
    return outputs;
  }
  void feed_to(Workspace& ws, const Shape& shape, const Floats& image) {
    feed(ws, "x", shape, image);
    for (size_t i = 0; i < filters.size(); ++i) feed(ws, "w" + std::to_string(i), filters[i].first, filters[i].second);
  }
};

}  // namespace

TEST("what is only joined is computed where it will lie, and the numbers stay") {
  Dice dice{11};
  int parts = 0;
  for (int round = 0; round < 60; ++round) {
    Joined joined(dice);
    Workspace plain(1), planned(1);
    std::unique_ptr<Net> a, b;
    for (int size = 0; size < 2; ++size) {
      const Shape shape{dice.upto(3), 2 + dice.upto(12), 2 + dice.upto(12), joined.channels};
      const Floats image = dice.floats(shape.size());
      joined.feed_to(plain, shape, image), joined.feed_to(planned, shape, image);
      if (!a) {
        EXPECT(Net::create(joined.net, plain, &a).ok());
        set_flag(joined.net, "pf.optimize");
        EXPECT(Net::create(joined.net, planned, &b).ok());
      }
      for (int run = 0; run < 2; ++run) {
        const Status s = a->run(), t = b->run();
        EXPECT(s.ok() && t.ok(), s.message(), t.message());
      }
      for (const std::string& name : joined.net.external_output) {
        const Tensor &wanted = plain.blob(name).tensor, &found = planned.blob(name).tensor;
        EXPECT(wanted.shape() == found.shape() && !found.pitch(), name);
        for (int64_t i = 0; i < wanted.size(); ++i)
          EXPECT(near(found.data<float>()[i], wanted.data<float>()[i], 1e-3), round, name, i);
      }
      for (auto& [name, width] : joined.widths) parts += planned.blob(name).tensor.pitch() > 0;
    }
  }
  EXPECT(parts > 60, parts);
}

TEST("a part is no larger than its place") {
  std::shared_ptr<Memory> memory;
  EXPECT(Memory::allocate(640, &memory).ok());
  Tensor t;
  t.adopt_part(memory, 8, Shape{10, 2}, 8);
  EXPECT(t.resize(Shape{10, 2}, DType::kFloat).ok() && t.pitch() == 8 && t.data<uint8_t>() == memory->bytes() + 8);
  EXPECT(t.resize(Shape{5, 4}, DType::kFloat).ok() && t.pitch() == 0 && t.memory() != memory);
  t.adopt_part(memory, 8, Shape{10, 2}, 8);
  t.adopt(memory, 0, 640);
  EXPECT(t.pitch() == 0);
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
