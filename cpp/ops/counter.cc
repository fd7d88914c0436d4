// SPDX-License-Identifier: Apache-2.0
// Counters: CreateCounter, ResetCounter, CountUp, CountDown, CheckCounterDone, RetrieveCount.
#include "core/objects.h"

namespace pf {
namespace {

struct Counter final : Object {
  static constexpr const char* kKind = "counter";
  const char* kind() const override { return kKind; }
  explicit Counter(int64_t from) : count(from) {}
  std::atomic<int64_t> count;
};

Status start_of(const Args& args, int64_t* out) {
  *out = args.i("init_count");
  PF_CHECK(*out >= 0, argument, "init_count must be 0 or more, is ", *out);
  return {};
}

struct CreateCounter {
  Status run(OpRun& op) {
    int64_t start;
    PF_TRY(start_of(op.args, &start));
    make_object<Counter>(op.out_blob(0), start);
    return {};
  }
};

// What the operators do to the count; each gives one number. fetch_add wraps around, so no count overflows.
enum Verb { kReset, kUp, kDown, kDone, kRetrieve };

template <Verb verb>
struct Count {
  Status run(OpRun& op) {
    Counter* counter;
    PF_TRY(object_of(op.in_blob(0), "CreateCounter", &counter));
    if constexpr (verb == kReset) {
      int64_t start;
      PF_TRY(start_of(op.args, &start));
      const int64_t before = counter->count.exchange(start);
      if (op.outputs()) op.out(0).data<int64_t>()[0] = before;
    } else if constexpr (verb == kUp) {
      op.out(0).data<int64_t>()[0] = counter->count.fetch_add(1);
    } else if constexpr (verb == kDown) {
      op.out(0).data<bool>()[0] = counter->count.fetch_sub(1) <= 0;
    } else if constexpr (verb == kDone) {
      op.out(0).data<bool>()[0] = counter->count <= 0;
    } else {
      op.out(0).data<int64_t>()[0] = counter->count;
    }
    return {};
  }
};

template <DType kType>
Status one_number(Infer& in) {
  return in.set(0, Shape{}, kType), Status();
}

constexpr auto kCounter = [](auto& op) {
  op.object_input("counter", "From CreateCounter.").refuse_grad("a counter has no gradient");
};

PF_OP(CreateCounter)
    .doc("Makes a counter.")
    .arg("init_count", 0, "Where it begins, 0 or more.")
    .object_output("counter", "The counter.")
    .shape(no_tensor)
    .refuse_grad("a counter has no gradient")
    .cpu<CreateCounter>();

PF_OP(ResetCounter)
    .doc("Sets a counter back.")
    .arg("init_count", 0, "What to set it to, 0 or more.")
    .with(kCounter)
    .optional_output("previous", "int64 scalar: the count before.")
    .shape(one_number<DType::kInt64>)
    .cpu<Count<kReset>>();

PF_OP(CountUp)
    .doc("Adds one to a counter.")
    .with(kCounter)
    .output("previous", "int64 scalar: the count before.")
    .shape(one_number<DType::kInt64>)
    .cpu<Count<kUp>>();

PF_OP(CountDown)
    .doc("Takes one off a counter and tells whether it had reached 0 before.")
    .with(kCounter)
    .output("done", "bool scalar: false as long as the count was above 0.")
    .shape(one_number<DType::kBool>)
    .cpu<Count<kDown>>();

PF_OP(CheckCounterDone)
    .doc("Tells whether a counter is at 0 or below.")
    .with(kCounter)
    .output("done", "bool scalar.")
    .shape(one_number<DType::kBool>)
    .cpu<Count<kDone>>();

PF_OP(RetrieveCount)
    .doc("Reads a counter.")
    .with(kCounter)
    .output("count", "int64 scalar.")
    .shape(one_number<DType::kInt64>)
    .cpu<Count<kRetrieve>>();

}  // namespace
}  // namespace pf
