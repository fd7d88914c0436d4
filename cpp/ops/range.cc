// SPDX-License-Identifier: Apache-2.0
// Range: numbers from start to stop, like numpy.arange. LengthsRangeFill: 0, 1, … anew for each length.
#include <cmath>
#include <type_traits>

#include "core/op.h"

namespace pf {
namespace {

template <class T>
struct Ends {
  T start = 0, stop = 0, step = 1;
};

template <class T, class Value>
Ends<T> read_ends(int inputs, Value value) {
  Ends<T> ends;
  if (inputs == 1)
    ends.stop = value(0);
  else
    ends.start = value(0), ends.stop = value(1);
  if (inputs == 3) ends.step = value(2);
  return ends;
}

// Integers: a last partial step counts when going up, and is dropped when going down (Caffe2 does so).
template <class T>
int64_t length(const Ends<T>& ends) {
  if constexpr (std::is_integral_v<T>) {
    int64_t whole = 0;
    if (__builtin_sub_overflow(int64_t(ends.stop), int64_t(ends.start), &whole) || whole == INT64_MIN) return INT64_MAX;
    const int64_t count = whole / ends.step;
    return count * ends.step < whole ? count + 1 : count;
  } else {
    const double count = std::ceil(double((ends.stop - ends.start) / ends.step));
    return count > 0 && count < 0x1p62 ? int64_t(count) : 0;
  }
}

template <class T>
Status set_length(Infer& in) {
  const Tensor* values[3] = {};
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, dtype_of<T>()));
    PF_CHECK(in.shape(i).size() == 1, shape, "\"", in.args.def.input[size_t(i)],
             "\" must have 1 element; its shape is ", in.shape(i));
    values[i] = in.value(i);
  }
  for (int i = 0; i < in.inputs(); ++i)
    if (!values[i]) return in.unknown();
  const Ends<T> ends = read_ends<T>(in.inputs(), [&](int i) { return *values[i]->data<T>(); });
  PF_CHECK(ends.step != 0, value, "the step must not be 0");
  const int64_t n = length(ends);
  in.set(0, Shape{n > 0 ? n : 0}, dtype_of<T>());
  return {};
}

Status range_shape(Infer& in) {
  switch (in.dtype(0)) {
    case DType::kInt32:
      return set_length<int32_t>(in);
    case DType::kInt64:
      return set_length<int64_t>(in);
    case DType::kFloat:
      return set_length<float>(in);
    case DType::kDouble:
      return set_length<double>(in);
    default:
      return fail(Code::type, "the inputs must be int32, int64, float32 or float64, are ", in.dtype(0));
  }
}

template <class T>
Status fill(OpRun& op) {
  const Ends<T> ends = read_ends<T>(op.inputs(), [&](int i) { return *op.in(i).data<T>(); });
  T* y = op.out(0).data<T>();
  for (int64_t i = 0; i < op.out(0).size(); ++i) y[i] = T(T(i) * ends.step + ends.start);
  return {};
}

struct Range {
  Status run(OpRun& op) {
    switch (op.in(0).dtype()) {
      case DType::kInt32:
        return fill<int32_t>(op);
      case DType::kInt64:
        return fill<int64_t>(op);
      case DType::kFloat:
        return fill<float>(op);
      default:
        return fill<double>(op);
    }
  }
};

Status lengths_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kInt32));
  PF_TRY(in.want_rank(0, 1));
  const Tensor* lengths = in.value(0);
  if (!lengths) return in.unknown();
  int64_t sum = 0;
  for (int64_t i = 0; i < lengths->size(); ++i) {
    const int32_t n = lengths->data<int32_t>()[i];
    PF_CHECK(n >= 0, value, "element ", i, " of lengths is negative: ", n);
    sum += n;
  }
  in.set(0, Shape{sum}, DType::kInt32);
  return {};
}

struct LengthsRangeFill {
  Status run(OpRun& op) {
    int32_t* y = op.out(0).data<int32_t>();
    for (int64_t i = 0; i < op.in(0).size(); ++i)
      for (int32_t k = 0; k < op.in(0).data<int32_t>()[i]; ++k) *y++ = k;
    return {};
  }
};

PF_OP(Range)
    .doc(
        "`start`, `start + step`, … before `stop`. Inputs are stop; start and stop; or start, stop and step. A step of "
        "integers that would pass the end is dropped when going down.")
    .input("start_or_stop",
           "int32, int64, float32 or float64, 1 element: stop when it is the only input, else start (0 without).")
    .optional_input("stop", "Type of the first input, 1 element.")
    .optional_input("step", "Type of the first input, 1 element; 1 without it.")
    .output("Y", "1-D, type of the inputs.")
    .shape(range_shape)
    .no_grad()
    .cpu<Range>();

PF_OP(LengthsRangeFill)
    .doc("For each length n the numbers 0 .. n - 1, one after the other: [2, 3] gives [0, 1, 0, 1, 2].")
    .input("lengths", "int32, 1-D.")
    .output("Y", "int32, 1-D: as many elements as the lengths make together.")
    .shape(lengths_shape)
    .no_grad()
    .cpu<LengthsRangeFill>();

}  // namespace
}  // namespace pf
