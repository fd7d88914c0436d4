// SPDX-License-Identifier: Apache-2.0
// Questions about a tensor: IsEmpty, HasElements, Assert; and Free, which lets its memory go.
#include "core/op.h"

namespace pf {
namespace {

template <bool kEmpty>
struct TellSize {
  Status run(OpRun& op) {
    op.out(0).data<bool>()[0] = (op.in(0).size() == 0) == kEmpty;
    return {};
  }
};

struct Assert {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const size_t size = dtype_size(x.dtype());
    for (int64_t i = 0; i < x.size(); ++i) {
      const uint8_t* bytes = x.data<uint8_t>() + size_t(i) * size;
      bool holds = false;
      for (size_t b = 0; b < size; ++b) holds = holds || bytes[b];
      PF_CHECK(holds, value, "element ", i, " of \"", op.in_blob(0).name, "\" does not hold",
               op.args.s("error_msg").empty() ? "" : ": ", op.args.s("error_msg"));
    }
    return {};
  }
};

struct Free {
  Status run(OpRun& op) {
    for (int j = 0; j < op.outputs(); ++j) op.out_blob(j).clear();
    return {};
  }
};

Status free_shape(Infer& in) {
  const OpDef& def = in.args.def;
  PF_CHECK(def.input == def.output, argument, "works in place: outputs must be the inputs, in order");
  return in.unknown();
}

constexpr auto kTell = [](auto& op) {
  op.input("X", "Any type and shape.")
      .output("Y", "bool scalar.")
      .shape([](Infer& in) -> Status {
        in.set(0, Shape{}, DType::kBool);
        return {};
      })
      .refuse_grad("truth values have no gradient");
};

PF_OP(IsEmpty).doc("Whether X has no elements.").with(kTell).cpu<TellSize<true>>();
PF_OP(HasElements).doc("Whether X has elements.").with(kTell).cpu<TellSize<false>>();

PF_OP(Assert)
    .doc("Fails unless all elements hold, that is, are true or not 0.")
    .arg("error_msg", "", "What the failure says.")
    .input("X", "bool, int32 or int64, any shape.")
    .shape([](Infer& in) -> Status {
      const DType t = in.dtype(0);
      PF_CHECK(t == DType::kBool || t == DType::kInt32 || t == DType::kInt64, type,
               "X must be bool, int32 or int64, is ", t);
      return {};
    })
    .refuse_grad("nothing depends on what was asserted")
    .cpu<Assert>();

PF_OP(Free)
    .doc("Empties blobs, so that their memory can be used again.")
    .variadic_input("X", "The blobs.")
    .variadic_output("X", "The same blobs, empty.")
    .any_inplace()
    .shape(free_shape)
    .shape_unknown("nothing is left")
    .refuse_grad("what is freed has no gradient")
    .cpu<Free>();

}  // namespace
}  // namespace pf
