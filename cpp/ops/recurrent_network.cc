// SPDX-License-Identifier: Apache-2.0
// RecurrentNetwork runs a step net for each row of a sequence. Every step has a scope of its own inside a scope they
// share; links make blobs of the step parts of whole sequences, so that nothing is copied from step to step.
#include <cstring>

#include "core/recurrent.h"

namespace pf {
namespace {

// Each step that is kept for a backward net takes some kilobytes: a hostile shape without elements must not take all.
constexpr int64_t kMostKeptSteps = 1 << 16;

struct RecurrentNetwork {
  const Args& args;
  Scope* around = nullptr;
  NetDef step_net;
  SubnetIn subnet;
  bool backward = false;  // there will be a backward pass: every step's blobs are kept
  explicit RecurrentNetwork(const Args& args) : args(args) {}

  Status bind(Scope& scope) {
    around = &scope;
    const NetDef* def;
    PF_TRY(net_argument(args, "step_net", &def));
    PF_CHECK(def, argument, "argument \"step_net\" holds no net");
    step_net = *def;
    PF_TRY(net_argument(args, "backward_step_net", &def));
    backward = def != nullptr;
    const auto& states = args.strings("recurrent_states");
    const auto& ids = args.ints("initial_recurrent_state_ids");
    PF_CHECK_EQ(states.size(), ids.size(), argument, "each state needs an initial one");
    for (int64_t id : ids)
      PF_CHECK(id >= 0 && size_t(id) < args.def.input.size(), argument, "initial_recurrent_state_ids names input ", id,
               " of ", args.def.input.size());
    const auto &from = args.strings("alias_src"), &to = args.strings("alias_dst");
    const size_t offsets = args.ints("alias_offset").size();
    PF_CHECK(from.size() == offsets && to.size() == offsets, argument,
             "alias_src, alias_dst and alias_offset must be equally long; found ", from.size(), ", ", to.size(),
             " and ", offsets);
    std::vector<StepLink> links;
    PF_TRY(read_links(args, "", &links));
    for (auto& state : states) scope.blob(state);
    const std::string timestep = timestep_name(args);
    add_external_input(timestep, &step_net);
    add_links(links, timestep, args.def, &step_net);
    return {};
  }

  // Puts the initial rows at the start of a state's sequence.
  Status start(const std::string& name, const Blob& initial, int64_t steps, int64_t batch) {
    PF_TRY(want_floats(&initial, initial.name, 1));
    const Tensor& x = initial.tensor;
    PF_CHECK(x.rank() <= 3, shape, "the initial state \"", initial.name, "\" has more than 3 dimensions: ", x.shape());
    PF_CHECK(x.rank() == 1 || x.dim(x.rank() - 2) == batch, shape, "the initial state \"", initial.name, "\" ",
             x.shape(), " does not suit a batch of ", batch);
    const int64_t rows = x.rank() == 3 ? x.dim(0) : 1, size = x.dim(x.rank() - 1);
    PF_CHECK(rows <= INT64_MAX - steps, shape, "too many steps");
    Blob& state = around->blob(name);
    PF_CHECK(&state != &initial, argument, "the state \"", name, "\" cannot be its own initial state");
    state.object.reset();
    PF_TRY(state.tensor.resize(Shape{steps + rows, batch, size}, DType::kFloat).at(name));
    float* y = state.tensor.data<float>();
    const int64_t copies = x.rank() == 1 ? batch : 1;
    for (int64_t i = 0; i < copies && x.size(); ++i, y += x.size()) std::memcpy(y, x.data<float>(), x.byte_size());
    return {};
  }

  // The rows of a state from `offset` on, counted from the end where negative, as an output.
  Status alias(const std::string& from, const std::string& to, int64_t offset) {
    const Blob* source = around->find(from);
    PF_TRY(want_floats(source, from, 1));
    Blob* result = around->find(to);
    PF_CHECK(result && result != source, no_blob, "the alias \"", to, "\" is no output");
    Shape shape = source->tensor.shape();
    const int64_t row = offset >= 0 ? offset : shape[0] + offset;
    PF_CHECK(row >= 0 && row <= shape[0], argument, "alias_offset ", offset, " is outside \"", from, "\" ", shape);
    shape[0] -= row;
    result->object.reset();
    result->tensor.view(source->tensor, shape, row * shape.from(1));
    return {};
  }

  Status scopes(Blob& blob, StepScopes** out) {
    auto* all = blob.get<StepScopes>();
    if (!all || all->inside != around->serial()) {
      blob.clear();
      blob.object.reset(all = new StepScopes);
      all->shared = around->child(Scope::kSeesThis);
      all->inside = around->serial();
    }
    // These are computed again on the way back: one place for all steps.
    for (auto& name : args.strings("recompute_blobs_on_backward")) all->shared->own(name);
    *out = all;
    return {};
  }

  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    PF_TRY(want_floats(&op.in_blob(0), op.in_blob(0).name, 2));
    const int64_t steps = x.dim(0), batch = x.dim(1);
    PF_CHECK(steps <= (backward ? kMostKeptSteps : INT32_MAX), no_memory, steps, " steps are more than can be kept");
    const auto& states = args.strings("recurrent_states");
    const auto& ids = args.ints("initial_recurrent_state_ids");
    for (size_t i = 0; i < states.size(); ++i) PF_TRY(start(states[i], op.in_blob(int(ids[i])), steps, batch));

    StepScopes* all;
    PF_TRY(scopes(op.out_blob(op.outputs() - 1), &all));
    // Without a way back the steps take turns in a few scopes.
    const size_t kept = backward ? size_t(steps) : args.b("enable_rnn_executor") ? 4 : 2;
    while (all->steps.size() < kept) all->steps.push_back(all->shared->child(Scope::kSeesThis));
    // The step net may do with the blob that holds the scopes what it likes.
    const std::shared_ptr<Scope> shared = all->shared;
    const std::vector<std::shared_ptr<Scope>> scopes(all->steps);
    for (int64_t t = 0; t < steps; ++t) {
      const size_t at = size_t(t) % kept;
      PF_TRY(set_timestep(*scopes[at], timestep_name(args), t));
      PF_TRY(subnet.run(at, step_net, scopes[at], shared).at(text("step ", t)));
    }
    const auto &from = args.strings("alias_src"), &to = args.strings("alias_dst");
    for (size_t i = 0; i < from.size(); ++i) PF_TRY(alias(from[i], to[i], args.ints("alias_offset")[i]));
    return {};
  }
};

// Copies what the steps left behind to where it can be fetched.
struct BlobFetcher {
  const Args& args;
  Scope* around = nullptr;
  explicit BlobFetcher(const Args& args) : args(args) {}
  Status bind(Scope& scope) { return around = &scope, Status(); }

  Status run(OpRun& op) {
    auto* all = op.in_blob(0).get<StepScopes>();
    PF_CHECK(all, no_blob, "\"", op.in_blob(0).name,
             "\" holds no steps; it must be the last output of RecurrentNetwork");
    std::vector<std::string> made;
    for (size_t t = 0; t < all->steps.size(); ++t) {
      const std::string names = all->steps[t]->names();
      for (size_t at = 0; at < names.size(); at += std::strlen(&names[at]) + 1) {
        const Blob* blob = all->steps[t]->find(&names[at]);
        if (!blob->tensor.defined()) continue;
        made.push_back(text(args.s("prefix"), "_", &names[at], t));
        Blob& copy = around->blob(made.back());
        PF_CHECK(&copy != &op.in_blob(0) && &copy != &op.out_blob(0), argument, "the prefix \"", args.s("prefix"),
                 "\" gives a copy the name of \"", copy.name, "\"");
        copy.object.reset();
        PF_TRY(copy.tensor.copy_from(blob->tensor));
      }
    }
    PF_TRY(op.resize(0, Shape{int64_t(made.size())}, DType::kString));
    for (size_t i = 0; i < made.size(); ++i) op.out(0).data<std::string>()[i] = std::move(made[i]);
    return {};
  }
};

void recurrent_gradient(Gradient& g) {
  const auto& with_grads = g.args.ints("outputs_with_grads");
  if (with_grads.empty()) return (void)g.refuse("needs the argument outputs_with_grads to have a gradient");
  std::vector<std::string> in, out = {g.GI(0)};
  for (int64_t j : with_grads) {
    if (j < 0 || j >= g.outputs())
      return (void)g.refuse(text("outputs_with_grads names output ", j, " of ", g.outputs()));
    in.push_back(g.GO(int(j)));
  }
  for (int i = 0; i < g.inputs(); ++i) in.push_back(g.I(i));
  for (int j = 0; j < g.outputs(); ++j) in.push_back(g.O(j));
  for (const char* argument : {"param", "initial_recurrent_state_ids"}) {
    for (int64_t i : g.args.ints(argument)) {
      if (i < 0 || i >= g.inputs()) return (void)g.refuse(text(argument, " names input ", i, " of ", g.inputs()));
      out.push_back(g.GI(int(i)));
    }
  }
  g.op("RecurrentNetworkGradient", std::move(in), std::move(out));
}

PF_OP(RecurrentNetwork)
    .doc(
        "Runs `step_net` once for each row of the sequence. States are blobs of all steps' rows; links make blobs of "
        "the "
        "step net parts of them and of inputs, and aliases make parts of them outputs.")
    .required_arg("step_net", ArgType::kNet, "The net of one step.")
    .optional_arg("backward_step_net", ArgType::kNet,
                  "The net of one backward step. With it every step's blobs are kept.")
    .optional_arg("recurrent_states", ArgType::kStrings, "Names of the states.")
    .optional_arg("initial_recurrent_state_ids", ArgType::kInts,
                  "For each state the input that starts it: (D), (N, D) or (rows, N, D).")
    .optional_arg("link_internal", ArgType::kStrings, "Blobs of the step net that are parts of …")
    .optional_arg("link_external", ArgType::kStrings, "… these states or inputs, …")
    .optional_arg("link_offset", ArgType::kInts, "… from row t + offset on, …")
    .optional_arg("link_window", ArgType::kInts, "… so many rows (1 unless told).")
    .optional_arg("alias_src", ArgType::kStrings, "States whose rows …")
    .optional_arg("alias_dst", ArgType::kStrings, "… become these outputs, …")
    .optional_arg("alias_offset", ArgType::kInts, "… from this row on, counted from the end where negative.")
    .arg("timestep", "timestep", "The name of the blob that tells the step net its number, int32.")
    .arg("enable_rnn_executor", false,
         "Steps run in order; without backward_step_net 4 scopes take turns instead of 2.")
    .optional_arg("recompute_blobs_on_backward", ArgType::kStrings,
                  "Blobs of the step net that are not kept for each step.")
    .optional_arg("param", ArgType::kInts, "Inputs that are parameters: they get gradients.")
    .optional_arg("param_grads", ArgType::kStrings, "What their gradients are called in backward_step_net.")
    .optional_arg("outputs_with_grads", ArgType::kInts, "Outputs whose gradients come from outside.")
    .optional_arg("backward_link_internal", ArgType::kStrings, "Links of the backward step net, as above.")
    .optional_arg("backward_link_external", ArgType::kStrings, "Links of the backward step net, as above.")
    .optional_arg("backward_link_offset", ArgType::kInts, "Links of the backward step net, as above.")
    .input("input", "float (T, N, …): the sequence.")
    .any_inputs("more", "Initial states, parameters, and what else the step net reads.")
    .any_outputs("results", "The aliases, then the scopes of the steps, for the gradient.")
    .shape_unknown("the step net decides at run time")
    .grad(recurrent_gradient)
    .cpu<RecurrentNetwork>();

PF_OP(RecurrentNetworkBlobFetcher)
    .doc("Copies the blobs that each step of a RecurrentNetwork left behind to `<prefix>_<blob><step>`.")
    .arg("prefix", "rnn", "Begins the names of the copies.")
    .object_input("step_workspaces", "The last output of RecurrentNetwork.")
    .output("names", "string: the names of the copies.")
    .shape_unknown("it depends on the step net")
    .refuse_grad("RecurrentNetworkBlobFetcher gives names, which have no gradient")
    .cpu<BlobFetcher>();

}  // namespace
}  // namespace pf
