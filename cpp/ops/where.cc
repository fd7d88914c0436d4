// SPDX-License-Identifier: Apache-2.0
// Choosing by truth values: Where (elements), Conditional (rows); and IsMemberOf, which tells them.
// build: loops
#include "math/copy.h"

namespace pf {
namespace {

// Rows of `length` elements from input 1 where the condition holds, else from input 2.
Status choose_rows(OpRun& op, int64_t rows) {
  const Elements elements(op.in(1).dtype());
  const int64_t length = rows ? op.in(1).size() / rows : 0;
  const uint8_t *condition = op.in(0).data<uint8_t>(), *yes = op.in(1).data<uint8_t>(), *no = op.in(2).data<uint8_t>();
  uint8_t* y = op.out(0).data<uint8_t>();
  parallel_for(rows, 1 + 4096 / (length + 1), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin, next; i < end; i = next) {
      for (next = i + 1; next < end && !condition[next] == !condition[i]; ++next) {
      }
      const int64_t at = i * length;
      elements.copy(elements.at(y, at), elements.at(condition[i] ? yes : no, at), (next - i) * length);
    }
  });
  return {};
}

struct Where {
  Status run(OpRun& op) { return choose_rows(op, op.in(0).size()); }
};

Status branches_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kBool));
  PF_TRY(in.want_dtype(2, in.dtype(1)));
  PF_TRY(in.want_same_shape(1, 2));
  in.set(0, in.shape(1), in.dtype(1));
  return {};
}

Status want_row_conditions(Infer& in) {
  PF_TRY(in.want_rank(0, 1));
  PF_CHECK(in.shape(1).rank() >= 1 && in.shape(1)[0] == in.shape(0)[0], shape,
           "there must be one truth value for each row: the condition is ", in.shape(0), ", the rows are ",
           in.shape(1));
  return {};
}

// Whether x is among the values. Short lists are the rule, so each is looked through.
template <class T, class V>
void tell_members(int64_t n, const T* x, const std::vector<V>& values, bool* y) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = false;
    for (const V& value : values) y[i] = y[i] || x[i] == T(value);
  }
}

struct IsMemberOf {
  Status run(OpRun& op) {
    const Argument* value = op.args.def.find("value");
    const Tensor& x = op.in(0);
    bool* y = op.out(0).data<bool>();
    switch (x.dtype()) {
      case DType::kString:
        tell_members(x.size(), x.data<std::string>(), value->strings, y);
        break;
      case DType::kInt32:
        tell_members(x.size(), x.data<int32_t>(), value->ints, y);
        break;
      case DType::kInt64:
        tell_members(x.size(), x.data<int64_t>(), value->ints, y);
        break;
      default:
        tell_members(x.size(), x.data<bool>(), value->ints, y);
    }
    return {};
  }
};

Status member_shape(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kString || t == DType::kInt32 || t == DType::kInt64 || t == DType::kBool, type,
           "X must be int32, int64, bool or string, is ", t);
  PF_CHECK(!in.args.has("dtype") || in.args.i("dtype") == int64_t(t), type, "X must have the type that dtype tells, ",
           in.args.i("dtype"), "; is ", t);
  const Argument* value = in.args.def.find("value");
  PF_CHECK(value, argument, "the argument value, a list of what to look for, is missing");
  PF_CHECK(t == DType::kString ? value->ints.empty() : value->strings.empty(), argument,
           "the argument value must hold ", t == DType::kString ? "strings" : "integers", ", as X does");
  in.set(0, in.shape(0), DType::kBool);
  return {};
}

PF_OP(Where)
    .doc("`Z = X` where C holds, `Z = Y` elsewhere; with broadcast_on_rows by rows.")
    .arg("broadcast_on_rows", false, "C has one truth value for each row of X.")
    .input("C", "bool, shape of X; with broadcast_on_rows one dimension, the first of X.")
    .input("X", "Any type.")
    .input("Y", "Type and shape of X.")
    .output("Z", "Type and shape of X.")
    .inplace(1, 0)
    .inplace(2, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(branches_shape(in));
      return in.args.b("broadcast_on_rows") ? want_row_conditions(in) : in.want_same_shape(0, 1);
    })
    .refuse_grad("choosing by truth values has no gradient here")
    .cpu<Where>();

PF_OP(Conditional)
    .doc("Rows of the second input where the condition holds, of the third elsewhere.")
    .input("condition", "bool [rows].")
    .input("X", "Any type, [rows, ...]: where true.")
    .input("Y", "Type and shape of X: where false.")
    .output("Z", "Type and shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(branches_shape(in));
      return want_row_conditions(in);
    })
    .no_grad()
    .cpu<Where>();

PF_OP(IsMemberOf)
    .doc("Tells for each element of X whether it is in the argument `value`, a list of integers or strings.")
    .optional_arg("dtype", ArgType::kInt, "The type of X as its number in TensorProto; X must have it.")
    .input("X", "int32, int64, bool or string.")
    .output("Y", "bool, shape of X.")
    .shape(member_shape)
    .refuse_grad("truth values have no gradient")
    .cpu<IsMemberOf>();

}  // namespace
}  // namespace pf
