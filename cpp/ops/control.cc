// SPDX-License-Identifier: Apache-2.0
// If and While: nets that run in the workspace of the operator, once, not at all, or again and again.
#include "core/subnets.h"

namespace pf {
namespace {

struct If {
  const Args& args;
  std::unique_ptr<Subnet> then_net, else_net;
  explicit If(const Args& args) : args(args) {}

  Status bind(Scope& scope) {
    const NetDef *then_def, *else_def;
    PF_TRY(net_argument(args, "then_net", &then_def));
    PF_TRY(net_argument(args, "else_net", &else_def));
    PF_CHECK(then_def, argument, "argument \"then_net\" holds no net");
    PF_TRY(scope.net(*then_def, &then_net).at("then_net"));
    if (else_def) PF_TRY(scope.net(*else_def, &else_net).at("else_net"));
    return {};
  }
  Status run(OpRun& op) {
    bool condition = then_net->waiting();
    if (!condition && !(else_net && else_net->waiting())) PF_TRY(read_condition(op.in(0), &condition));
    if (condition) return then_net->run();
    return else_net ? else_net->run() : Status();
  }
};

struct While {
  const Args& args;
  std::unique_ptr<Subnet> loop_net, cond_net;
  explicit While(const Args& args) : args(args) {}

  Status bind(Scope& scope) {
    const NetDef *loop_def, *cond_def;
    PF_TRY(net_argument(args, "loop_net", &loop_def));
    PF_TRY(net_argument(args, "cond_net", &cond_def));
    PF_CHECK(loop_def, argument, "argument \"loop_net\" holds no net");
    PF_TRY(scope.net(*loop_def, &loop_net).at("loop_net"));
    if (cond_def) PF_TRY(scope.net(*cond_def, &cond_net).at("cond_net"));
    return {};
  }
  Status run(OpRun& op) {
    for (bool within = loop_net->waiting();; within = false) {
      if (within) PF_TRY(loop_net->run());
      if (cond_net) PF_TRY(cond_net->run());
      bool condition;
      PF_TRY(read_condition(op.in(0), &condition));
      if (!condition) return {};
      PF_TRY(loop_net->run());
    }
  }
};

constexpr auto kControl = [](auto& op) {
  op.input("condition", "bool, one number.")
      .any_inputs("blobs", "Blobs that the nets read; they see all others of the workspace as well.")
      .any_outputs("results", "Blobs that the nets write.")
      .any_inplace()
      .shape_unknown("the nets inside decide at run time")
      .refuse_grad(
          "its nets are differentiated on the way back through the net around it: addGradientOperators does that");
};

PF_OP(If)
    .doc("Runs `then_net` where the condition holds, else `else_net`, in the same workspace.")
    .required_arg("then_net", ArgType::kNet, "Runs when the condition is true.")
    .optional_arg("else_net", ArgType::kNet, "Runs when it is false; without it nothing does.")
    .with(kControl)
    .cpu<If>();

PF_OP(While)
    .doc("Runs `loop_net` again and again, in the same workspace, as long as the condition holds.")
    .required_arg("loop_net", ArgType::kNet, "The body of the loop. It, or cond_net, changes the condition.")
    .optional_arg("cond_net", ArgType::kNet, "Runs before each look at the condition.")
    .with(kControl)
    .cpu<While>();

}  // namespace
}  // namespace pf
