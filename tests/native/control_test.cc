// SPDX-License-Identifier: Apache-2.0
// Nets inside operators: where they run, what they see, how they fail, how they are stopped, what a plan leaves them.
#include <atomic>
#include <thread>

#include "net/net.h"
#include "test.h"

using namespace pf;

namespace {

OpDef op(const char* type, std::vector<std::string> in, std::vector<std::string> out) {
  OpDef d;
  d.type = type, d.input = std::move(in), d.output = std::move(out);
  return d;
}

NetDef net_of(const char* name, std::vector<OpDef> ops) {
  NetDef net;
  net.name = name, net.op = std::move(ops);
  return net;
}

Argument& argument(OpDef& d, const char* name) {
  d.arg.emplace_back();
  d.arg.back().name = name;
  return d.arg.back();
}

OpDef with_net(OpDef d, const char* name, NetDef net) {
  argument(d, name).nets.push_back(std::move(net));
  return d;
}

OpDef if_op(NetDef then_net, std::vector<std::string> in = {"c"}, std::vector<std::string> out = {}) {
  return with_net(op("If", std::move(in), std::move(out)), "then_net", std::move(then_net));
}

void feed(Workspace& ws, const char* name, Shape shape, float value) {
  Tensor& t = ws.blob(name).tensor;
  EXPECT(t.resize(shape, DType::kFloat).ok());
  for (int64_t i = 0; i < t.size(); ++i) t.data<float>()[i] = value;
}

void feed_bool(Workspace& ws, const char* name, bool value) {
  Tensor& t = ws.blob(name).tensor;
  EXPECT(t.resize(Shape{1}, DType::kBool).ok());
  *t.data<bool>() = value;
}

Status run(const NetDef& def, Workspace& ws) {
  std::unique_ptr<Net> net;
  PF_TRY(Net::create(def, ws, &net));
  return net->run();
}

float first(Workspace& ws, const char* name) {
  Blob* b = ws.find(name);
  return b && b->tensor.dtype() == DType::kFloat && b->tensor.size() ? b->tensor.data<float>()[0] : -1e9f;
}

// s[t + 1] = s[t] + x[t]
OpDef sums(bool backward) {
  OpDef d = with_net(op("RecurrentNetwork", {"x", "s0"}, {"all", "last", "steps"}), "step_net",
                     net_of("step", {op("Sum", {"s_prev", "x_t"}, {"s"})}));
  if (backward) {
    d = with_net(d, "backward_step_net",
                 net_of("back", {op("Copy", {"s_grad"}, {"s_prev_grad"}), op("Copy", {"s_grad"}, {"x_t_grad"})}));
    argument(d, "backward_link_internal").strings = {"s_grad", "s_prev_grad", "x_t_grad"};
    argument(d, "backward_link_external").strings = {"states_grad", "states_grad", "x_grad"};
    d.set("backward_link_offset", std::vector<int64_t>{1, 0, 0});
    d.set("outputs_with_grads", std::vector<int64_t>{0, 1});
  }
  argument(d, "recurrent_states").strings = {"states"};
  d.set("initial_recurrent_state_ids", std::vector<int64_t>{1});
  argument(d, "link_internal").strings = {"s_prev", "s", "x_t"};
  argument(d, "link_external").strings = {"states", "states", "x"};
  d.set("link_offset", std::vector<int64_t>{0, 1, 0});
  argument(d, "alias_src").strings = {"states", "states"};
  argument(d, "alias_dst").strings = {"all", "last"};
  d.set("alias_offset", std::vector<int64_t>{1, -1});
  return d;
}

}  // namespace

TEST("an If runs in the workspace around it, with blobs it does not list") {
  Workspace ws(1);
  feed(ws, "a", {2}, 3), feed_bool(ws, "c", true);
  NetDef outer = net_of("outer", {if_op(net_of("inner", {op("Sqr", {"a"}, {"b"})})), op("Negative", {"b"}, {"y"})});
  outer.external_output = {"b", "y"};
  EXPECT(run(outer, ws).ok());
  EXPECT(first(ws, "y") == -9.f);
  feed_bool(ws, "c", false), feed(ws, "b", {1}, 5);
  EXPECT(run(outer, ws).ok());
  EXPECT(first(ws, "y") == -5.f);
}

TEST("an error inside says where it is, and conditions are checked") {
  Workspace ws(1);
  feed(ws, "a", {2}, 3), feed(ws, "wide", {3}, 3), feed_bool(ws, "c", true);
  NetDef inner = net_of("inner", {op("Negative", {"a"}, {"b"}), op("Add", {"b", "wide"}, {"d"})});
  Status s = run(net_of("outer", {if_op(net_of("middle", {if_op(inner)}))}), ws);
  EXPECT(s.message().find("net \"outer\"") != std::string::npos &&
             s.message().find("op 1 of net \"inner\"") != std::string::npos,
         s.message());
  inner.op[1].input[1] = "nowhere";
  s = run(net_of("outer", {if_op(inner)}), ws);
  EXPECT(s.code() == Code::no_blob && s.message().find("then_net: net \"inner\": op 1") != std::string::npos,
         s.message());
  inner.op[1].type = "Quux";
  EXPECT(run(net_of("outer", {if_op(inner)}), ws).code() == Code::no_operator);
  feed(ws, "c", {1}, 1);
  EXPECT(run(net_of("outer", {if_op(net_of("inner", {}))}), ws).code() == Code::type);
  OpDef text = op("If", {"c"}, {});
  text.set("then_net", std::string("op { type: \"Relu\" }"));
  s = run(net_of("outer", {text}), ws);
  EXPECT(s.code() == Code::argument && s.message().find("as text") != std::string::npos, s.message());
}

TEST("a loop without end is stopped from outside, with operators in it and without") {
  for (bool empty : {true, false}) {
    Workspace ws(1);
    feed(ws, "a", {2}, 3), feed_bool(ws, "c", true);
    NetDef body = empty ? net_of("body", {}) : net_of("body", {op("Negative", {"a"}, {"a"})});
    std::atomic<bool> started{false};
    std::thread stopper([&started] {
      while (!started) std::this_thread::yield();
      Net::abort_flag = 1;
    });
    std::unique_ptr<Net> net;
    EXPECT(Net::create(net_of("outer", {with_net(op("While", {"c"}, {}), "loop_net", body)}), ws, &net).ok());
    started = true;
    Status s = net->run();
    stopper.join();
    EXPECT(s.code() == Code::aborted, s.message());
    feed_bool(ws, "c", false);
    EXPECT(net->run().ok());
  }
}

TEST("a plan keeps what nested nets read, and does not move work across them") {
  for (bool optimize : {false, true}) {
    Workspace ws(1);
    feed(ws, "x", {1000}, 2), feed_bool(ws, "c", true);
    NetDef net = net_of("outer", {op("Negative", {"x"}, {"h"}), op("Sqr", {"h"}, {"k"}), op("Sqr", {"k"}, {"m"}),
                                  op("Sqr", {"m"}, {"n"}), op("Sqr", {"n"}, {"o"}),
                                  if_op(net_of("inner", {op("Add", {"h", "o"}, {"late"})})), op("Relu", {"h"}, {"h"}),
                                  op("Add", {"late", "h"}, {"y"})});
    net.external_input = {"x", "c", "late"};
    net.external_output = {"y"};
    feed(ws, "late", {1000}, 0);
    if (optimize)
      net.arg.emplace_back(), net.arg.back().name = "pf.optimize", net.arg.back().has_i = true, net.arg.back().i = 1;
    std::unique_ptr<Net> made;
    EXPECT(Net::create(net, ws, &made).ok());
    for (int i = 0; i < 2; ++i) EXPECT(made->run().ok());
    EXPECT(first(ws, "y") == 65534.f, first(ws, "y"));
    EXPECT(!ws.find("h")->shared_in && !ws.find("o")->shared_in && bool(ws.find("m")->shared_in) == optimize);
  }
}

TEST("a Do sees what is bound to it, keeps the rest to itself, and its backward Do runs in the same scope") {
  Workspace ws(1);
  feed(ws, "a", {1}, 3), feed(ws, "hidden", {1}, 7), feed(ws, "da", {1}, 0);
  OpDef forward = with_net(op("Do", {"a", "scope"}, {"y", "scope"}), "net",
                           net_of("f", {op("Sqr", {"in"}, {"hidden"}), op("Negative", {"hidden"}, {"out"})}));
  argument(forward, "inner_blobs").strings = {"in", "out"};
  forward.set("outer_blobs_idx", std::vector<int64_t>{0, 1});
  OpDef backward =
      with_net(op("Do", {"scope"}, {"da", "scope"}), "net", net_of("b", {op("Sqr", {"hidden"}, {"grad"})}));
  backward.is_gradient_op = true;
  argument(backward, "inner_blobs").strings = {"grad"};
  backward.set("outer_blobs_idx", std::vector<int64_t>{0});
  NetDef net = net_of("outer", {op("CreateScope", {}, {"scope"}), forward, op("HasScope", {"scope"}, {"has"}), backward,
                                op("HasScope", {"scope"}, {"left"})});
  std::unique_ptr<Net> made;
  EXPECT(Net::create(net, ws, &made).ok());
  for (int i = 0; i < 3; ++i) {
    Status s = made->run();
    EXPECT(s.ok(), s.message());
    EXPECT(first(ws, "y") == -9.f && first(ws, "hidden") == 7.f && first(ws, "da") == 81.f);
    EXPECT(*ws.find("has")->tensor.data<bool>() && !*ws.find("left")->tensor.data<bool>());
  }
  EXPECT(run(net_of("again", {backward}), ws).code() == Code::value);  // no scope is left
  forward.arg[2].ints = {0, 5};
  EXPECT(run(net_of("outer", {forward}), ws).code() == Code::argument);
}

TEST("a recurrent net gives all its rows, again with more steps, and its gradient runs back through them") {
  Workspace ws(1);
  feed(ws, "s0", {1, 2, 1}, 1), feed(ws, "x", {3, 2, 1}, 2), feed(ws, "d_all", {3, 2, 1}, 1),
      feed(ws, "d_last", {1, 2, 1}, 10);
  OpDef forward = sums(true), backward = forward;
  backward.type = "RecurrentNetworkGradient";
  backward.input = {"d_all", "d_last", "x", "s0", "all", "last", "steps"}, backward.output = {"x_grad", "s0_grad"};
  std::unique_ptr<Net> net;
  EXPECT(Net::create(net_of("rnn", {forward, backward}), ws, &net).ok());
  for (int64_t steps : {3, 5, 2}) {
    feed(ws, "x", {steps, 2, 1}, 2), feed(ws, "d_all", {steps, 2, 1}, 1);
    Status s = net->run();
    EXPECT(s.ok(), s.message());
    EXPECT(ws.find("all")->tensor.shape() == (Shape{steps, 2, 1}) && first(ws, "all") == 3.f);
    EXPECT(first(ws, "last") == float(1 + 2 * steps));
    EXPECT(first(ws, "x_grad") == float(steps + 10) && first(ws, "s0_grad") == float(steps + 10), first(ws, "x_grad"));
  }
}

TEST("hostile recurrent nets are refused, and leave nothing behind") {
  const size_t used = Memory::used();
  {
    Workspace ws(1);
    feed(ws, "s0", {1, 2, 1}, 1), feed(ws, "x", {3, 2, 1}, 2);
    auto change = [&ws](auto f) {
      OpDef d = sums(false);
      f(d);
      return run(net_of("rnn", {d}), ws).code();
    };
    auto ints = [](OpDef& d, const char* name, std::vector<int64_t> v) { d.set(name, std::move(v)); };
    EXPECT(change([](OpDef&) {}) == Code::ok);
    EXPECT(change([&](OpDef& d) { ints(d, "link_offset", {0, 2, 0}); }) == Code::value);
    EXPECT(change([&](OpDef& d) { ints(d, "link_offset", {0, INT64_MAX, 0}); }) == Code::value);
    EXPECT(change([&](OpDef& d) { ints(d, "link_offset", {0, INT64_MIN, 0}); }) == Code::argument);
    EXPECT(change([&](OpDef& d) { ints(d, "link_window", {1, 1, INT64_MAX}); }) == Code::value);
    EXPECT(change([&](OpDef& d) { ints(d, "link_offset", {0, 1}); }) == Code::argument);
    EXPECT(change([&](OpDef& d) { ints(d, "initial_recurrent_state_ids", {9}); }) == Code::argument);
    EXPECT(change([&](OpDef& d) { ints(d, "alias_offset", {7, -1}); }) == Code::argument);
    EXPECT(change([&](OpDef& d) { ints(d, "alias_offset", {1, INT64_MIN}); }) == Code::argument);
    // A step net that destroys the scopes it runs in, or replaces the sequence it reads.
    EXPECT(change([](OpDef& d) { d.arg[0].nets[0].op.push_back(op("CreateMutex", {}, {"steps"})); }) == Code::ok);
    EXPECT(change([](OpDef& d) {
             OpDef fill = op("ConstantFill", {}, {"x"});
             fill.set("shape", std::vector<int64_t>{1, 1, 1});
             d.arg[0].nets[0].op.push_back(fill);
           }) != Code::ok);
    feed(ws, "x", {1 << 20, 2, 0}, 0), feed(ws, "s0", {1, 2, 0}, 0);
    OpDef kept = sums(true);
    EXPECT(run(net_of("rnn", {kept}), ws).code() == Code::no_memory);
    OpDef gradient = sums(true);
    gradient.type = "RecurrentNetworkGradient", gradient.input = {"x", "x", "x", "s0", "all", "last", "x"},
    gradient.output = {"x_grad", "s0_grad"};
    EXPECT(run(net_of("rnn", {gradient}), ws).code() == Code::no_blob);
    gradient.output.pop_back();
    EXPECT(run(net_of("rnn", {gradient}), ws).code() == Code::argument);
  }
  EXPECT(Memory::used() == used, Memory::used() - used);
}
