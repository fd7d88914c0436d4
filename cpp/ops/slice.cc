// SPDX-License-Identifier: Apache-2.0
// Slice: the part of a tensor between two corners; and its gradient, zero around that part.
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

// A box within a tensor: its first element and its size in each dimension.
struct Box {
  int64_t start[Shape::kMaxRank];
  Shape size;
};

// `starts` and `ends` are the inputs of those names, or null for the arguments. A negative position counts from one
// past the end: -1 is the end itself.
Status read_box(const Args& args, const Shape& x, const Tensor* starts, const Tensor* ends, Box* box) {
  const std::vector<int64_t>&s = args.ints("starts"), &e = args.ints("ends");
  const int64_t count = starts ? starts->size() : int64_t(s.size()),
                end_count = ends ? ends->size() : int64_t(e.size());
  PF_CHECK(count == end_count && count <= x.rank(), argument,
           "starts and ends must have one number for each of the first dimensions of X ", x, "; found ", count, " and ",
           end_count);
  for (int d = 0; d < x.rank(); ++d) {
    int64_t start = 0, end = x[d];
    if (d < count && x[d] > 0) {
      start = starts ? index_at(*starts, d) : s[size_t(d)], end = ends ? index_at(*ends, d) : e[size_t(d)];
      if (start < 0) start += x[d] + 1;
      if (end < 0) end += x[d] + 1;
      if (start > x[d]) start = x[d];
      if (end > x[d]) end = x[d];
      PF_CHECK(start >= 0 && end >= start, value, "dimension ", d, " of X ", x, " cannot be cut from ", start, " to ",
               end);
    }
    box->start[d] = start;
    box->size.push_back(end - start);
  }
  return {};
}

// Calls move(offset in the whole, offset in the box, elements) for every run of elements contiguous in both.
template <class F>
void each_run(const Shape& whole, const Box& box, F move) {
  if (box.size.size() == 0) return;
  int cut = whole.rank() - 1;  // the innermost dimension that is not taken whole
  while (cut >= 0 && box.size[cut] == whole[cut]) --cut;
  const int64_t after = cut < 0 ? whole.size() : whole.from(cut + 1), length = cut < 0 ? after : box.size[cut] * after;
  const int64_t runs = cut < 0 ? 1 : box.size.upto(cut);
  parallel_for(runs, 1 + 16384 / length, [=, &whole, &box](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      int64_t rest = run, at = cut < 0 ? 0 : box.start[cut] * after;
      for (int d = cut - 1; d >= 0; --d)
        at += (box.start[d] + rest % box.size[d]) * whole.from(d + 1), rest /= box.size[d];
      move(at, run * length, length);
    }
  });
}

// Inputs: X, perhaps starts and ends, and of the gradient the gradient of Y. False when positions are not known yet.
Status infer_box(Infer& in, int inputs, Box* box, bool* known) {
  PF_CHECK(in.inputs() == inputs || in.inputs() == inputs + 2, argument,
           "takes both starts and ends as inputs, or neither");
  const Tensor *starts = nullptr, *ends = nullptr;
  if (in.inputs() > inputs) {
    PF_CHECK(!in.args.has("starts") && !in.args.has("ends"), argument,
             "starts and ends are given both as arguments and as inputs");
    PF_TRY(want_indices(in, 1));
    PF_TRY(want_indices(in, 2));
    starts = in.value(1), ends = in.value(2);
    *known = starts && ends;
    if (!*known) return {};
  }
  *known = true;
  return read_box(in.args, in.shape(0), starts, ends, box);
}

Status box_of(const Args& args, OpRun& op, bool by_inputs, Box* box) {
  return read_box(args, op.in_shape(0), by_inputs ? &op.in(1) : nullptr, by_inputs ? &op.in(2) : nullptr, box);
}

Status slice_shape(Infer& in) {
  Box box;
  bool known = false;
  PF_TRY(infer_box(in, 1, &box, &known));
  if (known) in.set(0, box.size, in.dtype(0));
  return {};
}

struct Slice {
  const Args& args;
  explicit Slice(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Box box;
    PF_TRY(box_of(args, op, op.inputs() == 3, &box));
    const Elements elements(op.in(0).dtype());
    const uint8_t* x = op.in(0).data<uint8_t>();
    uint8_t* y = op.out(0).data<uint8_t>();
    each_run(op.in_shape(0), box, [=](int64_t whole, int64_t part, int64_t length) {
      elements.copy(elements.at(y, part), elements.at(x, whole), length);
    });
    return {};
  }
};

Status gradient_shape(Infer& in) {
  const int last = in.inputs() - 1;
  Box box;
  bool known = false;
  PF_TRY(in.want_dtype(last, in.dtype(0)));
  PF_CHECK(dtype_size(in.dtype(0)), type, "X must hold numbers, is ", in.dtype(0));
  PF_TRY(infer_box(in, 2, &box, &known));
  PF_CHECK(!known || in.shape(last) == box.size, shape, "dY must have the shape of the slice, ", box.size, ", is ",
           in.shape(last));
  in.set(0, in.shape(0), in.dtype(0));
  return {};
}

struct SliceGradient {
  const Args& args;
  explicit SliceGradient(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Box box;
    PF_TRY(box_of(args, op, op.inputs() == 4, &box));
    const Elements elements(op.in(0).dtype());
    const uint8_t* dy = op.in(op.inputs() - 1).data<uint8_t>();
    uint8_t* dx = op.out(0).data<uint8_t>();
    if (op.out(0).size()) std::memset(dx, 0, op.out(0).byte_size());
    each_run(op.in_shape(0), box, [=](int64_t whole, int64_t part, int64_t length) {
      elements.copy(elements.at(dx, whole), elements.at(dy, part), length);
    });
    return {};
  }
};

void slice_gradient(Gradient& g) {
  if (g.inputs() > 1)
    g.op("SliceGradient", {g.I(0), g.I(1), g.I(2), g.GO(0)}, {g.GI(0)});
  else
    g.op("SliceGradient", {g.I(0), g.GO(0)}, {g.GI(0)});
}

constexpr auto kCorners = [](auto& op) {
  op.optional_arg("starts", ArgType::kInts, "First position in each of the first dimensions.")
      .optional_arg("ends", ArgType::kInts,
                    "Position after the last one; -1 is the end of the dimension, -2 one before it.");
};

PF_OP(Slice)
    .doc(
        "The part of X from `starts` to before `ends`; dimensions without a number are taken whole. A negative "
        "position "
        "counts from one past the end: -1 is the end itself.")
    .with(kCorners)
    .input("X", "Any type and shape.")
    .optional_input("starts", "int32 or int64, in place of the argument.")
    .optional_input("ends", "int32 or int64, in place of the argument.")
    .output("Y", "Type of X.")
    .shape(slice_shape)
    .grad(slice_gradient)
    .cpu<Slice>();

PF_OP(SliceGradient)
    .doc(
        "Gradient of Slice: dY in its place, 0 around it. Inputs are X, the starts and ends where Slice had them as "
        "inputs, and dY.")
    .with(kCorners)
    .input("X", "Input of Slice.")
    .input("starts_or_dY", "dY when there are two inputs.")
    .optional_input("ends", "As given to Slice.")
    .optional_input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(gradient_shape)
    .no_grad()
    .cpu<SliceGradient>();

}  // namespace
}  // namespace pf
