// SPDX-License-Identifier: Apache-2.0
// Do runs a net in a scope of its own; CreateScope makes the stack of such scopes that a loop and its gradient share.
#include "core/subnets.h"

namespace pf {
namespace {

// Scopes stay for further runs when they are taken off the stack.
struct ScopeStack final : Object {
  static constexpr char kKind[] = "scope";
  const char* kind() const override { return kKind; }

  struct Level {
    std::shared_ptr<Scope> scope;
    uint64_t inside;  // the serial of the scope around it
  };
  std::vector<Level> levels;
  size_t height = 0;
};

Status stack_of(Blob& blob, ScopeStack** out) {
  *out = blob.get<ScopeStack>();
  PF_CHECK(*out, no_blob, "\"", blob.name, "\" is no scope; CreateScope makes one");
  return {};
}

struct CreateScope {
  Status run(OpRun& op) {
    Blob& blob = op.out_blob(0);
    if (auto* stack = blob.get<ScopeStack>()) return stack->height = 0, Status();
    blob.clear();
    blob.object.reset(new ScopeStack);
    return {};
  }
};

struct HasScope {
  Status run(OpRun& op) {
    ScopeStack* stack;
    PF_TRY(stack_of(op.in_blob(0), &stack));
    *op.out(0).data<bool>() = stack->height > 0;
    return {};
  }
};

struct Do {
  const Args& args;
  const NetDef* net = nullptr;
  Scope* around = nullptr;
  std::vector<std::string> outer;  // the name outside of each inner blob
  SubnetIn subnet;
  explicit Do(const Args& args) : args(args) {}

  const std::vector<std::string>& inner() const { return args.strings("inner_blobs"); }

  Status bind(Scope& scope) {
    around = &scope;
    PF_TRY(net_argument(args, "net", &net));
    PF_CHECK(net, argument, "argument \"net\" holds no net");
    PF_CHECK(!args.def.is_gradient_op || !args.b("reuse_workspace"), argument,
             "a backward Do cannot reuse the last scope");
    const auto &in = args.def.input, &out = args.def.output;
    PF_CHECK(!in.empty() && !out.empty() && in.back() == out.back(), argument,
             "the last input and the last output must be one scope");
    std::vector<const std::string*> names;
    for (size_t i = 0; i + 1 < in.size(); ++i) names.push_back(&in[i]);
    for (size_t i = 0; i + 1 < out.size(); ++i) names.push_back(&out[i]);
    const auto& places = args.ints("outer_blobs_idx");
    PF_CHECK_EQ(inner().size(), places.size(), argument, "inner_blobs and outer_blobs_idx must be equally long");
    for (size_t i = 0; i < places.size(); ++i) {
      PF_CHECK(places[i] >= 0 && size_t(places[i]) < names.size(), argument, "outer_blobs_idx names blob ", places[i],
               " of ", names.size());
      outer.push_back(*names[size_t(places[i])]);
      for (size_t k = 0; k < i; ++k)
        PF_CHECK(outer[k] != outer[i] && inner()[k] != inner()[i], argument, "\"", inner()[i], "\" (outside \"",
                 outer[i], "\") is bound twice");
    }
    for (auto* name : names) PF_CHECK(bound(*name), argument, "\"", *name, "\" is bound to no inner blob");
    return {};
  }
  bool bound(const std::string& name) const {
    for (auto& o : outer)
      if (o == name) return true;
    return false;
  }

  // The scope to run in: the next one up for a forward net, the topmost for a backward net.
  Status enter(ScopeStack& stack, size_t* place, std::shared_ptr<Scope>* out) {
    const bool backward = args.def.is_gradient_op;
    const bool top = backward || (args.b("reuse_workspace") && stack.height);
    PF_CHECK(!backward || stack.height, value,
             "there is no scope left: the backward Do ran more often than the forward one");
    if (!top) {
      if (stack.height < stack.levels.size() && stack.levels[stack.height].inside != around->serial())
        stack.levels.resize(stack.height);
      if (stack.height == stack.levels.size())
        stack.levels.push_back({around->child(Scope::kSeesLinks), around->serial()});
      ++stack.height;
    }
    *place = stack.height - 1;
    ScopeStack::Level& level = stack.levels[*place];
    PF_CHECK(level.inside == around->serial(), argument, "the scope was made in another workspace");
    *out = level.scope;
    for (size_t i = 0; i < outer.size(); ++i) {
      Blob* blob = around->find(outer[i]);
      PF_CHECK(blob, no_blob, "there is no blob \"", outer[i], "\"");
      if (!top) level.scope->remove(inner()[i]);  // a copy from an earlier run
      if (!backward || !level.scope->find(inner()[i])) level.scope->link(inner()[i], *blob);
    }
    stack.height -= backward;
    return {};
  }

  Status run(OpRun& op) {
    ScopeStack* stack;
    PF_TRY(stack_of(op.out_blob(op.outputs() - 1), &stack));
    std::shared_ptr<Scope> scope;
    size_t place = 0;
    const size_t height = stack->height;
    PF_TRY(enter(*stack, &place, &scope));
    if (Status s = subnet.run(place, *net, scope); !s.ok()) {
      if (s.code() == Code::blocked) stack->height = height;  // it goes on in this scope
      return s;
    }
    if (args.def.is_gradient_op || !args.b("copy_external_blobs")) return {};
    for (size_t i = 0; i < outer.size(); ++i) {
      Blob* blob = scope->find(inner()[i]);
      Tensor copy;
      if (!blob || !blob->tensor.defined()) continue;
      PF_TRY(copy.copy_from(blob->tensor));
      scope->own(inner()[i]).tensor = std::move(copy);
    }
    return {};
  }
};

PF_OP(CreateScope)
    .doc("Makes an empty stack of scopes, in which Do keeps the blobs of its nets.")
    .object_output("scope", "The stack; when there is one already, it is emptied.")
    .shape(no_tensor)
    .refuse_grad("a scope has no gradient")
    .cpu<CreateScope>();

PF_OP(HasScope)
    .doc("Tells whether scopes are left on a stack.")
    .object_input("scope", "From CreateScope.")
    .output("has_scope", "bool, one element.")
    .shape([](Infer& in) -> Status { return in.set(0, Shape{1}, DType::kBool), Status(); })
    .refuse_grad("HasScope gives a bool, which has no gradient")
    .cpu<HasScope>();

PF_OP(Do)
    .doc(
        "Runs a net in a scope of its own, where it sees the outer blobs bound to inner names and nothing else. A "
        "forward Do opens a scope on the stack, a backward one (is_gradient_op) runs in the topmost and takes it off.")
    .required_arg("net", ArgType::kNet, "The net to run.")
    .optional_arg("inner_blobs", ArgType::kStrings, "Names inside of the blobs that come from outside.")
    .optional_arg(
        "outer_blobs_idx", ArgType::kInts,
        "For each of them the place of the outer blob among the inputs and then the outputs, scopes not counted.")
    .arg("copy_external_blobs", false, "Keep the values of bound blobs as they are after the run, for the backward Do.")
    .arg("reuse_workspace", false, "Run in the topmost scope again instead of opening one.")
    .optional_arg("saved_fwd_blobs", ArgType::kStrings, "Of a backward Do: forward blobs that it needs.")
    .any_inputs("blobs", "Outer blobs that are bound, then the scope.")
    .any_outputs("results", "Outer blobs that are bound, then the same scope.")
    .any_inplace()
    .shape_unknown("the net inside decides at run time")
    .refuse_grad("its net is differentiated on the way back through the net around it: addGradientOperators does that")
    .cpu<Do>();

}  // namespace
}  // namespace pf
