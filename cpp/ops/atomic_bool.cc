// SPDX-License-Identifier: Apache-2.0
// A flag that several nets share: CreateAtomicBool, ConditionalSetAtomicBool, CheckAtomicBool.
#include "core/objects.h"

namespace pf {
namespace {

struct AtomicBool final : Object {
  static constexpr const char* kKind = "atomic bool";
  const char* kind() const override { return kKind; }
  std::atomic<bool> value{false};
};

Status flag_of(OpRun& op, AtomicBool** out) { return object_of(op.in_blob(0), "CreateAtomicBool", out); }

struct CreateAtomicBool {
  Status run(OpRun& op) { return make_object<AtomicBool>(op.out_blob(0)), Status(); }
};

struct ConditionalSetAtomicBool {
  Status run(OpRun& op) {
    AtomicBool* flag;
    PF_TRY(flag_of(op, &flag));
    if (op.in(1).data<bool>()[0]) flag->value = true;
    return {};
  }
};

struct CheckAtomicBool {
  Status run(OpRun& op) {
    AtomicBool* flag;
    PF_TRY(flag_of(op, &flag));
    op.out(0).data<bool>()[0] = flag->value;
    return {};
  }
};

PF_OP(CreateAtomicBool)
    .doc("Makes a flag for several nets to share. It is false.")
    .object_output("flag", "The flag.")
    .shape(no_tensor)
    .refuse_grad("a flag has no gradient")
    .cpu<CreateAtomicBool>();

PF_OP(ConditionalSetAtomicBool)
    .doc("Sets a flag where the condition holds, else leaves it as it is.")
    .object_input("flag", "From CreateAtomicBool.")
    .input("condition", "bool; its first element counts.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(1, DType::kBool));
      PF_CHECK(in.shape(1).size() >= 1, shape, "the condition is empty, its shape is ", in.shape(1));
      return {};
    })
    .refuse_grad("a flag has no gradient")
    .cpu<ConditionalSetAtomicBool>();

PF_OP(CheckAtomicBool)
    .doc("Reads a flag.")
    .object_input("flag", "From CreateAtomicBool.")
    .output("value", "bool, one element.")
    .shape([](Infer& in) -> Status { return in.set(0, Shape{1}, DType::kBool), Status(); })
    .refuse_grad("a flag has no gradient")
    .cpu<CheckAtomicBool>();

}  // namespace
}  // namespace pf
