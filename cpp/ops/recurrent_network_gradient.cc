// SPDX-License-Identifier: Apache-2.0
// RecurrentNetworkGradient runs the backward step net from the last step to the first, in the scopes that the steps of
// RecurrentNetwork left behind.
#include <cstring>

#include "core/recurrent.h"

namespace pf {
namespace {

// x += y
void add(int64_t n, float* x, const float* y) {
  for (int64_t i = 0; i < n; ++i) x[i] += y[i];
}

struct State {
  std::string name, grad;   // all rows, and their gradient
  std::string outer, last;  // gradients from outside: of all rows but the initial ones, of the last row; or empty
};

struct RecurrentNetworkGradient {
  const Args& args;
  Scope* around = nullptr;
  NetDef step_net;
  SubnetIn subnet;
  std::vector<State> states;
  std::string input_grad;
  size_t from_outside = 0;  // inputs that are gradients of outputs; those of the forward operator follow
  explicit RecurrentNetworkGradient(const Args& args) : args(args) {}

  // Planning of memory by the Python side may have given a blob another name.
  std::string renamed(const std::string& name) const {
    const std::string argument = name + ".rename";
    return args.has(argument) ? std::string(args.s(argument)) : name;
  }
  Status input_of(int64_t forward_input, size_t* out) const {
    const size_t inputs = args.def.input.size();
    PF_CHECK(forward_input >= 0 && size_t(forward_input) < inputs - from_outside, argument,
             "there is no forward input ", forward_input);
    *out = size_t(forward_input) + from_outside;
    return {};
  }

  Status bind(Scope& scope) {
    around = &scope;
    const NetDef* def;
    PF_TRY(net_argument(args, "backward_step_net", &def));
    PF_CHECK(def, argument, "argument \"backward_step_net\" holds no net");
    step_net = *def;
    from_outside = args.ints("outputs_with_grads").size();
    const size_t params = args.ints("param").size(), ids = args.ints("initial_recurrent_state_ids").size();
    PF_CHECK(args.def.input.size() >= from_outside + 2, argument, "takes ", from_outside,
             " gradients, then the inputs and outputs of RecurrentNetwork; found ", args.def.input.size(),
             " inputs in all");
    PF_CHECK_EQ(args.strings("recurrent_states").size(), ids, argument, "each state needs an initial one");
    PF_CHECK(args.def.output.size() >= 1 + params + ids, argument, "gives the gradients of the sequence, ", params,
             " parameters and ", ids, " initial states; found ", args.def.output.size(), " outputs");
    PF_TRY(find_states());
    input_grad = renamed(args.def.input[from_outside] + "_grad");

    std::vector<StepLink> links;
    PF_TRY(read_links(args, "", &links));
    PF_TRY(read_links(args, "backward_", &links));
    for (auto& link : links) link.internal = renamed(link.internal), link.external = renamed(link.external);
    const std::string timestep = timestep_name(args);
    add_external_input(timestep, &step_net);
    add_outer_gradients(links, timestep);
    add_links(links, timestep, args.def, &step_net);
    return add_parameter_sums();
  }

  Status find_states() {
    const auto& sources = args.strings("alias_src");
    const auto &offsets = args.ints("alias_offset"), &outputs = args.ints("outputs_with_grads");
    PF_CHECK_EQ(sources.size(), offsets.size(), argument, "each alias needs an offset");
    for (auto& name : args.strings("recurrent_states")) {
      State state{name, renamed(name + "_grad"), {}, {}};
      for (size_t j = 0; j < sources.size(); ++j) {
        for (size_t k = 0; k < outputs.size() && sources[j] == name; ++k) {
          if (outputs[k] != int64_t(j)) continue;
          PF_CHECK(offsets[j] == 1 || offsets[j] == -1, argument, "the gradient of an alias with offset ", offsets[j],
                   " is not known; it must be 1 or -1");
          (offsets[j] == 1 ? state.outer : state.last) = args.def.input[k];
        }
      }
      states.push_back(std::move(state));
    }
    return {};
  }

  // At each step, before all else, the gradient of that step's output from outside.
  void add_outer_gradients(const std::vector<StepLink>& links, const std::string& timestep) {
    size_t at = 0;
    for (const State& state : states) {
      if (state.outer.empty()) continue;
      OpDef sum = step_op(args.def, "rnn_internal_accumulate_gradient_input", {timestep, state.outer, state.grad},
                          {state.grad});
      for (auto& link : links)
        if (link.external == state.grad) sum.set(("rnn_dependency." + link.internal).c_str(), link.internal);
      sum.set("offset", int64_t{1});
      step_net.op.insert(step_net.op.begin() + ptrdiff_t(at++), std::move(sum));
      add_external_input(state.outer, &step_net);
      add_external_input(state.grad, &step_net);
    }
  }

  // After all else, a step's gradients of the parameters join the sums over all steps.
  Status add_parameter_sums() {
    const auto& params = args.ints("param");
    const auto& names = args.strings("param_grads");
    PF_CHECK(names.empty() || names.size() == params.size(), argument, "param_grads has ", names.size(), " names for ",
             params.size(), " parameters");
    std::vector<OpDef> sums;
    for (size_t i = 0; i < params.size(); ++i) {
      const std::string& sum = args.def.output[1 + i];
      const std::string of_step = names.empty() ? sum : renamed(names[i]), part = of_step + "_tmpstep";
      for (OpDef& op : step_net.op)
        for (auto* all : {&op.input, &op.output})
          for (auto& name : *all)
            if (name == of_step) name = part;
      sums.push_back(step_op(args.def, "Sum", {sum, part}, {sum}));
      add_external_input(sum, &step_net);
    }
    step_net.op.insert(step_net.op.end(), std::make_move_iterator(sums.begin()), std::make_move_iterator(sums.end()));
    return {};
  }

  // A gradient of zeros, of x's shape.
  static Status zeros(const Tensor& x, Blob& gradient) {
    PF_CHECK(&gradient.tensor != &x, argument, "\"", gradient.name, "\" cannot be its own gradient");
    gradient.object.reset();
    PF_TRY(gradient.tensor.resize(x.shape(), DType::kFloat));
    if (x.size()) std::memset(gradient.tensor.data<float>(), 0, gradient.tensor.byte_size());
    return {};
  }

  Status start(OpRun& op) {
    const auto& params = args.ints("param");
    for (size_t i = 0; i < params.size(); ++i) {
      size_t at = 0;
      PF_TRY(input_of(params[i], &at));
      PF_TRY(want_floats(&op.in_blob(int(at)), args.def.input[at], 0));
      PF_TRY(zeros(op.in(int(at)), op.out_blob(int(1 + i))));
    }
    for (const State& state : states) {
      const Blob* rows = around->find(state.name);
      PF_TRY(want_floats(rows, state.name, 3));
      PF_CHECK(rows->tensor.rank() == 3, shape, "the state \"", state.name, "\" must have 3 dimensions; its shape is ",
               rows->tensor.shape());
      Blob& gradient = around->blob(state.grad);
      PF_TRY(zeros(rows->tensor, gradient));
      if (!state.last.empty()) PF_TRY(add_last(state, gradient.tensor));
    }
    Blob* of_input = around->find(input_grad);
    PF_CHECK(of_input, no_blob, "there is no blob \"", input_grad, "\" for the gradient of the sequence");
    return zeros(op.in(int(from_outside)), *of_input);
  }

  Status add_last(const State& state, Tensor& gradient) {
    const Blob* last = around->find(state.last);
    PF_TRY(want_floats(last, state.last, 1));
    const int64_t rows = gradient.dim(0), size = gradient.shape().from(1);
    PF_CHECK(rows > 0 && last->tensor.size() == size, shape, "the gradient \"", state.last, "\" ", last->tensor.shape(),
             " does not suit the last row of ", gradient.shape());
    add(size, gradient.data<float>() + (rows - 1) * size, last->tensor.data<float>());
    return {};
  }

  // The gradient of an initial state: the first rows of the state's; of one vector for the whole batch, their sum.
  Status finish(OpRun& op, size_t i) {
    size_t at = 0;
    PF_TRY(input_of(args.ints("initial_recurrent_state_ids")[i], &at));
    PF_TRY(want_floats(&op.in_blob(int(at)), args.def.input[at], 1));
    const Tensor& initial = op.in(int(at));
    const Blob* rows = around->find(states[i].grad);
    PF_TRY(want_floats(rows, states[i].grad, 3));
    const Tensor& all = rows->tensor;
    Blob& out = op.out_blob(int(1 + args.ints("param").size() + i));
    PF_CHECK(&out != rows && &out.tensor != &initial, argument, "\"", out.name, "\" cannot be an output here");
    const int64_t size = initial.size(), batch = all.dim(1);
    PF_CHECK(initial.rank() == 1 ? all.dim(0) > 0 && all.dim(2) == size : size <= all.size(), shape, "the gradient \"",
             rows->name, "\" ", all.shape(), " does not suit the initial state ", initial.shape());
    if (initial.rank() > 1) {
      out.object.reset();
      out.tensor.view(all, initial.shape(), 0);
      return {};
    }
    PF_TRY(zeros(initial, out));
    for (int64_t n = 0; n < batch && size; ++n) add(size, out.tensor.data<float>(), all.data<float>() + n * size);
    return {};
  }

  Status run(OpRun& op) {
    PF_TRY(want_floats(&op.in_blob(int(from_outside)), args.def.input[from_outside], 1));
    const int64_t steps = op.in(int(from_outside)).dim(0);
    auto* all = op.in_blob(op.inputs() - 1).get<StepScopes>();
    PF_CHECK(all, no_blob, "\"", args.def.input.back(),
             "\" holds no steps; it must be the last output of RecurrentNetwork");
    PF_CHECK(all->inside == around->serial(), argument, "the steps ran in another workspace");
    PF_CHECK(int64_t(all->steps.size()) >= steps, value, "RecurrentNetwork kept ", all->steps.size(), " of ", steps,
             " steps; it keeps all when it has the argument backward_step_net");
    // The step net may do with the blob that holds the scopes what it likes.
    const std::shared_ptr<Scope> shared = all->shared;
    const std::vector<std::shared_ptr<Scope>> scopes(all->steps);
    PF_TRY(start(op));
    // What backward steps compute needs to be there once, not for each of them.
    if (steps)
      for (auto& inner : step_net.op)
        for (auto& name : inner.output)
          if (!scopes[0]->find(name)) shared->own(name);
    for (int64_t t = steps - 1; t >= 0; --t) {
      PF_TRY(set_timestep(*scopes[size_t(t)], timestep_name(args), t));
      PF_TRY(subnet.run(size_t(t), step_net, scopes[size_t(t)], shared).at(text("step ", t)));
    }
    for (size_t i = 0; i < states.size(); ++i) PF_TRY(finish(op, i));
    return {};
  }
};

PF_OP(RecurrentNetworkGradient)
    .doc(
        "Gradient of RecurrentNetwork: runs `backward_step_net` from the last step to the first. The arguments are "
        "those "
        "of RecurrentNetwork.")
    .required_arg("backward_step_net", ArgType::kNet, "The net of one backward step.")
    .optional_arg("step_net", ArgType::kNet, "The forward net; not used.")
    .optional_arg("recurrent_states", ArgType::kStrings, "Names of the states; `<state>_grad` is the gradient of one.")
    .optional_arg("initial_recurrent_state_ids", ArgType::kInts, "For each state the forward input that started it.")
    .optional_arg("link_internal", ArgType::kStrings, "Blobs of the step net that are parts of …")
    .optional_arg("link_external", ArgType::kStrings, "… these blobs, …")
    .optional_arg("link_offset", ArgType::kInts, "… from row t + offset on, …")
    .optional_arg("link_window", ArgType::kInts, "… so many rows (1 unless told).")
    .optional_arg("backward_link_internal", ArgType::kStrings, "Further links, of gradients.")
    .optional_arg("backward_link_external", ArgType::kStrings, "Further links, of gradients.")
    .optional_arg("backward_link_offset", ArgType::kInts, "Further links, of gradients.")
    .optional_arg("alias_src", ArgType::kStrings, "For each output the state it is a part of.")
    .optional_arg("alias_offset", ArgType::kInts, "For each output its first row: 1, or -1 for the last row alone.")
    .optional_arg("param", ArgType::kInts, "Forward inputs that are parameters.")
    .optional_arg("param_grads", ArgType::kStrings, "What their gradients are called in backward_step_net.")
    .optional_arg("outputs_with_grads", ArgType::kInts, "Outputs whose gradients are the first inputs.")
    .arg("timestep", "timestep", "The name of the blob that tells the step net its number, int32.")
    .any_inputs("inputs", "Gradients of outputs, then the inputs and outputs of RecurrentNetwork.")
    .any_outputs("gradients", "Of the sequence, of the parameters, of the initial states.")
    .shape_unknown("the step net decides at run time")
    .refuse_grad("second derivatives of recurrent nets are not made")
    .cpu<RecurrentNetworkGradient>();

}  // namespace
}  // namespace pf
