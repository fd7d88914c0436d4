// SPDX-License-Identifier: Apache-2.0
// Comparisons of two tensors, one of which may be repeated (math/broadcast.h): LT, LE, GT, GE, EQ. And logic on truth
// values: And, Or, Xor, Not.
// build: loops
#include "math/broadcast.h"

namespace pf {
namespace {

struct Less {
  template <class T>
  PF_FN bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessOrEqual {
  template <class T>
  PF_FN bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Equal {
  template <class T>
  PF_FN bool operator()(T a, T b) const {
    return a == b;
  }
};
// Truth values are read as bytes: one from outside may be any number.
struct Both {
  PF_FN bool operator()(uint8_t a, uint8_t b) const { return a && b; }
};
struct Either {
  PF_FN bool operator()(uint8_t a, uint8_t b) const { return a || b; }
};
struct OneOf {
  PF_FN bool operator()(uint8_t a, uint8_t b) const { return !a != !b; }
};
struct Neither {
  PF_FN bool operator()(uint8_t a) const { return !a; }
};

// a > b is b < a: with kSwap the operands change places.
template <class Device, class F, bool kSwap, class T>
void compare(OpRun& op, Broadcast plan) {
  const T *a = op.in(0).data<T>(), *b = op.in(1).data<T>();
  if (kSwap) {
    for (int d = 0; d < plan.rank; ++d) {
      const int64_t step = plan.a[d];
      plan.a[d] = plan.b[d], plan.b[d] = step;
    }
  }
  broadcast_map<Device, F>(op, plan, kSwap ? b : a, kSwap ? a : b, op.out(0).data<bool>());
}

template <class Device, class F, bool kSwap>
struct Compare {
  Status run(OpRun& op) {
    Shape shape;
    Broadcast plan;
    PF_TRY(plan_broadcast(op.args, op.in_shape(0), op.in_shape(1), &shape, &plan));
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        return compare<Device, F, kSwap, float>(op, plan), Status();
      case DType::kDouble:
        return compare<Device, F, kSwap, double>(op, plan), Status();
      case DType::kInt32:
        return compare<Device, F, kSwap, int32_t>(op, plan), Status();
      default:
        return compare<Device, F, kSwap, int64_t>(op, plan), Status();
    }
  }
};
template <class Device>
using LT = Compare<Device, Less, false>;
template <class Device>
using LE = Compare<Device, LessOrEqual, false>;
template <class Device>
using GT = Compare<Device, Less, true>;
template <class Device>
using GE = Compare<Device, LessOrEqual, true>;

template <class Device>
struct EQ {
  Status run(OpRun& op) {
    Shape shape;
    Broadcast plan;
    PF_TRY(plan_broadcast(op.args, op.in_shape(0), op.in_shape(1), &shape, &plan));
    if (op.in(0).dtype() == DType::kInt32)
      compare<Device, Equal, false, int32_t>(op, plan);
    else if (op.in(0).dtype() == DType::kInt64)
      compare<Device, Equal, false, int64_t>(op, plan);
    else
      compare<Device, Equal, false, uint8_t>(op, plan);
    return {};
  }
};

template <class Device, class F>
struct Logic {
  Status run(OpRun& op) {
    Shape shape;
    Broadcast plan;
    PF_TRY(plan_broadcast(op.args, op.in_shape(0), op.in_shape(1), &shape, &plan));
    compare<Device, F, false, uint8_t>(op, plan);
    return {};
  }
};
template <class Device>
using And = Logic<Device, Both>;
template <class Device>
using Or = Logic<Device, Either>;
template <class Device>
using Xor = Logic<Device, OneOf>;

template <class Device>
struct Not {
  Status run(OpRun& op) {
    Device::map(op, op.in(0).size(), op.out(0).data<bool>(), Neither{}, op.in(0).data<uint8_t>());
    return {};
  }
};

Status numbers_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "A must be float32, float64, int32 or int64, is ", t, "; Cast converts");
  return broadcast_shape(in, DType::kBool);
}

Status equal_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kBool || t == DType::kInt32 || t == DType::kInt64, type, "A must be int32, int64 or bool, is ",
           t, "; floats that should be equal rarely are");
  return broadcast_shape(in, DType::kBool);
}

Status logic_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kBool));
  return broadcast_shape(in, DType::kBool);
}

constexpr auto kOperands = [](auto& op) {
  broadcast_arguments(op)
      .input("B", "Type of A; shape of A or one that is repeated to it.")
      .output("C", "bool, shape of A; by numpy's rules the common shape.")
      .refuse_grad("truth values have no gradient");
};
constexpr auto kNumbers = [](auto& op) {
  op.input("A", "float32, float64, int32 or int64.").with(kOperands).shape(numbers_shape);
};
constexpr auto kTruths = [](auto& op) { op.input("A", "bool.").with(kOperands).inplace(0, 0).shape(logic_shape); };

PF_OP(LT).doc("Elementwise `C = A < B`.").with(kNumbers).kernel<LT>();
PF_OP(LE).doc("Elementwise `C = A <= B`.").with(kNumbers).kernel<LE>();
PF_OP(GT).doc("Elementwise `C = A > B`.").with(kNumbers).kernel<GT>();
PF_OP(GE).doc("Elementwise `C = A >= B`.").with(kNumbers).kernel<GE>();
PF_OP(EQ)
    .doc("Elementwise `C = (A equals B)`.")
    .input("A", "int32, int64 or bool.")
    .with(kOperands)
    .shape(equal_shape)
    .kernel<EQ>();
PF_OP(And).doc("Elementwise `C = A and B`.").with(kTruths).kernel<And>();
PF_OP(Or).doc("Elementwise `C = A or B`.").with(kTruths).kernel<Or>();
PF_OP(Xor).doc("Elementwise `C = (either A or B, not both)`.").with(kTruths).kernel<Xor>();
PF_OP(Not)
    .doc("Elementwise `Y = not X`.")
    .input("X", "bool, any shape.")
    .output("Y", "bool, shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kBool));
      return same_as_first(in);
    })
    .refuse_grad("truth values have no gradient")
    .kernel<Not>();

}  // namespace
}  // namespace pf
