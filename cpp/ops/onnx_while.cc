// SPDX-License-Identifier: Apache-2.0
// ONNXWhile: the Loop of ONNX, whose body sees nothing but what is handed to it.
#include "core/subnets.h"
#include "math/copy.h"

namespace pf {
namespace {

void* raw(Tensor& t) {
  return t.dtype() == DType::kString ? static_cast<void*>(t.data<std::string>())
                                     : static_cast<void*>(t.data<uint8_t>());
}

// Joins what the steps gave along dimension 0 (a number counts as a vector of one). No steps give no numbers.
Status join_steps(std::vector<Tensor>& steps, Tensor& out) {
  if (steps.empty()) return out.resize(Shape{0}, DType::kInt32);
  if (steps.size() == 1) return out.copy_from(steps[0]);
  Shape shape = steps[0].shape();
  if (!shape.rank()) shape.push_back(1);
  shape[0] = saturating_product(shape[0], int64_t(steps.size()));
  PF_TRY(out.resize(shape, steps[0].dtype()));
  const Elements elements(out.dtype());
  int64_t at = 0;
  for (Tensor& step : steps) {
    elements.copy(elements.at(raw(out), at), raw(step), step.size());
    at += step.size();
  }
  return {};
}

struct ONNXWhile {
  const Args& args;
  const NetDef* body = nullptr;
  std::shared_ptr<Scope> scope;
  std::unique_ptr<Subnet> net;
  size_t carried = 0;  // values that go from step to step
  explicit ONNXWhile(const Args& args) : args(args) {}

  Status bind(Scope& outer) {
    PF_TRY(net_argument(args, "body", &body));
    PF_CHECK(body, argument, "argument \"body\" holds no net");
    carried = args.def.input.size() - 2;
    PF_CHECK(body->external_input.size() == carried + 2, argument,
             "the body must take the number of the step, the condition and ", carried,
             " carried values; its external_input has ", body->external_input.size(), " names");
    PF_CHECK(body->external_output.size() >= carried + 1, argument, "the body must give the condition and ", carried,
             " carried values; its external_output has ", body->external_output.size(), " names");
    PF_CHECK(body->external_output.size() - 1 == args.def.output.size(), argument, "the body gives ",
             body->external_output.size() - 1, " values beside the condition; the operator has ",
             args.def.output.size(), " outputs");
    scope = outer.child(Scope::kSeesLinks);
    for (auto& name : body->external_input) scope->own(name);
    return scope->net(*body, &net).at("body");
  }

  Tensor& input(size_t i) { return scope->own(body->external_input[i]).tensor; }
  Tensor& output(size_t i) { return scope->blob(body->external_output[i]).tensor; }

  static Status as_condition(const Tensor& t, bool* out) {
    const bool known = t.dtype() == DType::kBool || t.dtype() == DType::kInt32 || t.dtype() == DType::kInt64;
    PF_CHECK(known && t.size() == 1, type, "the condition must be one bool, int32 or int64; found ", t.dtype(), " ",
             t.shape());
    *out = t.dtype() == DType::kBool    ? *t.data<bool>()
           : t.dtype() == DType::kInt32 ? *t.data<int32_t>() != 0
                                        : *t.data<int64_t>() != 0;
    return {};
  }

  Status set_step(int64_t step, bool condition, DType condition_type) {
    PF_TRY(input(0).resize(Shape{}, DType::kInt64));
    *input(0).data<int64_t>() = step;
    Tensor& flag = input(1);
    PF_TRY(flag.resize(Shape{1}, condition_type));
    if (condition_type == DType::kBool)
      *flag.data<bool>() = condition;
    else if (condition_type == DType::kInt32)
      *flag.data<int32_t>() = condition;
    else
      *flag.data<int64_t>() = condition;
    return {};
  }

  Status run(OpRun& op) {
    bool condition = false;
    PF_TRY(as_condition(op.in(1), &condition));
    const DType condition_type = op.in(1).dtype();
    const int64_t most = args.b("has_trip_count") ? *op.in(0).data<int64_t>() : INT64_MAX;
    for (size_t i = 0; i < carried; ++i) PF_TRY(input(i + 2).copy_from(op.in(int(i) + 2)));
    std::vector<std::vector<Tensor>> scans(args.def.output.size() - carried);
    for (int64_t step = 0; step < most && (condition || !args.b("has_cond")); ++step) {
      PF_TRY(set_step(step, condition, condition_type));
      PF_TRY(net->run());
      for (size_t i = 0; i <= carried + scans.size(); ++i)
        PF_CHECK(output(i).defined(), no_blob, "the body left its output \"", body->external_output[i], "\" empty");
      PF_TRY(as_condition(output(0), &condition));
      for (size_t i = 0; i < scans.size(); ++i) {
        const Tensor& now = output(1 + carried + i);
        scans[i].emplace_back();
        PF_TRY(scans[i].back().copy_from(now));
        PF_CHECK(now.shape() == scans[i][0].shape() && now.dtype() == scans[i][0].dtype(), shape, "a scan output was ",
                 scans[i][0].dtype(), " ", scans[i][0].shape(), " in the first step, is ", now.dtype(), " ",
                 now.shape(), " in step ", step);
      }
      // All are read before one is written: the body may give its inputs in another order.
      std::vector<Tensor> next(carried);
      for (size_t i = 0; i < carried; ++i) PF_TRY(next[i].copy_from(output(1 + i)));
      for (size_t i = 0; i < carried; ++i) input(i + 2) = std::move(next[i]);
    }
    for (size_t i = 0; i < carried; ++i) PF_TRY(op.out(int(i)).copy_from(input(i + 2)));
    for (size_t i = 0; i < scans.size(); ++i) PF_TRY(join_steps(scans[i], op.out(int(carried + i))));
    return {};
  }
};

PF_OP(ONNXWhile)
    .doc(
        "The Loop of ONNX: runs `body` with (step, condition, carried values), which gives (condition, carried values, "
        "scan outputs), until the condition fails or the trip count is reached. The body sees no other blobs.")
    .required_arg("body", ArgType::kNet,
                  "The net of one step; external_input and external_output are its parameters and results.")
    .arg("has_trip_count", false, "Whether the first input limits the steps.")
    .arg("has_cond", false, "Whether the condition ends the loop.")
    .arg("save_scopes", false, "Accepted and not needed: what a step leaves behind is not kept.")
    .input("trip_count", "int64: the most steps.")
    .input("condition", "bool, int32 or int64: the condition before the first step.")
    .any_inputs("initial", "The carried values before the first step.")
    .any_outputs("results",
                 "The carried values after the last step, then each scan output, its steps joined along dimension 0.")
    .any_inplace()
    .shape_unknown("the body decides at run time")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kInt64));
      PF_CHECK(in.shape(0).size() == 1, shape, "the trip count must be one number, has the shape ", in.shape(0));
      return in.unknown();
    })
    .refuse_grad("the body would need a backward net of its own, which is not made here")
    .cpu<ONNXWhile>();

}  // namespace
}  // namespace pf
