// SPDX-License-Identifier: Apache-2.0
// Concat joins tensors along one dimension, Split takes one apart; each is the other's gradient.
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

// The dimension along which is joined or split, and whether it exists in the whole only (add_axis).
struct Axis {
  int at = 0;
  bool added = false;
};

Status read_axis(const Args& args, int rank, Axis* out) {
  PF_CHECK(!args.has("axis") || !args.has("order"), argument,
           "axis and order both say which dimension; give one of them");
  const std::string_view order = args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, is \"", order, "\"");
  int64_t axis = order == "NCHW" ? 1 : 3;
  if (args.has("axis")) {
    axis = args.i("axis"), out->added = args.b("add_axis");
    if (out->added) ++rank;
  }
  PF_CHECK(axis >= -rank && axis < rank, shape, "there is no dimension ", axis, " to join or split along: there are ",
           rank);
  out->at = int(axis < 0 ? axis + rank : axis);
  return {};
}

Status concat_shape(Infer& in) {
  const Shape& first = in.shape(0);
  Axis axis;
  PF_TRY(read_axis(in.args, first.rank(), &axis));
  int64_t sum = 0;
  for (int i = 0; i < in.inputs(); ++i) {
    const Shape& x = in.shape(i);
    PF_TRY(in.want_dtype(i, in.dtype(0)));
    PF_CHECK(x.rank() == first.rank(), shape, "\"", in.args.def.input[size_t(i)], "\" ", x, " and \"",
             in.args.def.input[0], "\" ", first, " must have equally many dimensions");
    for (int d = 0; d < x.rank(); ++d)
      PF_CHECK(x[d] == first[d] || (d == axis.at && !axis.added), shape, "\"", in.args.def.input[size_t(i)], "\" ", x,
               " and \"", in.args.def.input[0], "\" ", first, " may differ in dimension ", axis.at,
               axis.added ? " of the result only" : " only");
    sum += axis.added ? 1 : x[axis.at];
  }
  Shape y;
  for (int d = 0; d < first.rank() + axis.added; ++d)
    y.push_back(d == axis.at ? sum : first[axis.added && d > axis.at ? d - 1 : d]);
  in.set(0, y, in.dtype(0));
  in.set(1, Shape{in.inputs()}, DType::kInt32);
  return {};
}

// The whole is [outer][all parts, one after the other]; part i has part_size(i) elements in each of `outer`.
struct Layout {
  int64_t outer, whole;
  Elements elements;
  Layout(const Tensor& whole_tensor, int axis)
      : outer(whole_tensor.shape().upto(axis)),
        whole(whole_tensor.shape().from(axis)),
        elements(whole_tensor.dtype()) {}

  // Copies one part between its own memory and its place in the whole, `offset` elements into each of `outer`.
  void copy_part(uint8_t* to, int64_t to_step, const uint8_t* from, int64_t from_step, int64_t length) const {
    parallel_for(outer, 1 + 16384 / (length + 1), [=, this](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        elements.copy(elements.at(to, i * to_step), elements.at(from, i * from_step), length);
    });
  }
};

struct Concat {
  const Args& args;
  explicit Concat(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Axis axis;
    PF_TRY(read_axis(args, op.in_shape(0).rank(), &axis));
    const Layout at(op.out(0), axis.at);
    int64_t offset = 0;
    for (int i = 0; i < op.inputs() && at.outer; ++i) {
      const int64_t part = op.in(i).size() / at.outer;
      uint8_t* const to = at.elements.at(op.out(0).data<uint8_t>(), offset);
      const uint8_t* const from = op.in(i).data<uint8_t>();
      const int64_t pitch = op.in(i).pitch();
      if (!pitch || to != from)
        at.copy_part(to, at.whole, from, pitch ? pitch : part, part);  // else it is there already
      offset += part;
    }
    if (op.outputs() > 1)
      for (int i = 0; i < op.inputs(); ++i)
        op.out(1).data<int32_t>()[i] = axis.added ? 1 : int32_t(op.in_shape(i)[axis.at]);
    return {};
  }
};

// The sizes of the parts along the axis: the second input's numbers, the argument's, or equal ones.
Status set_parts(Infer& in, const Axis& axis, const Tensor* values) {
  const Shape& x = in.shape(0);
  const std::vector<int64_t>& given = in.args.ints("split");
  const int64_t count = in.outputs(), numbers = in.inputs() == 2 ? in.shape(1).size() : int64_t(given.size());
  const bool equal = in.inputs() == 1 && given.empty();
  PF_CHECK(equal || numbers == count, argument, "there must be one size for each of the ", count, " outputs, found ",
           numbers);
  PF_CHECK(!equal || axis.added || x[axis.at] % count == 0, shape, "dimension ", axis.at, " of X ", x,
           " cannot be split into ", count, " equal parts");
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t part = axis.added ? 1 : equal ? x[axis.at] / count : values ? index_at(*values, i) : given[size_t(i)];
    PF_CHECK(part >= 0, argument, "the size of a part cannot be ", part);
    Shape y;
    for (int d = 0; d < x.rank(); ++d)
      if (d != axis.at || !axis.added) y.push_back(d == axis.at ? part : x[d]);
    in.set(int(i), y, in.dtype(0));
    sum += part;
  }
  PF_CHECK(sum == x[axis.at], shape, "the parts along dimension ", axis.at, " of X ", x, " make ", sum,
           " together, not ", x[axis.at]);
  return {};
}

Status split_axis(const Args& args, int rank, Axis* axis) {
  if (args.has("axis") && args.b("add_axis")) --rank;  // the parts have one dimension fewer, the axis counts in X
  return read_axis(args, rank, axis);
}

Status split_shape(Infer& in) {
  Axis axis;
  PF_CHECK(in.shape(0).rank() > 0, shape, "a scalar cannot be split");
  PF_TRY(split_axis(in.args, in.shape(0).rank(), &axis));
  const Tensor* values = nullptr;
  if (in.inputs() == 2) {
    PF_CHECK(in.args.ints("split").empty(), argument,
             "the sizes of the parts are given both as argument and as second input");
    PF_TRY(want_indices(in, 1));
    if (!axis.added && !(values = in.value(1))) return in.unknown();
  }
  return set_parts(in, axis, values);
}

struct Split {
  const Args& args;
  explicit Split(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Axis axis;
    PF_TRY(split_axis(args, op.in_shape(0).rank(), &axis));
    const Layout at(op.in(0), axis.at);
    int64_t offset = 0;
    for (int j = 0; j < op.outputs() && at.outer; ++j) {
      const int64_t part = op.out(j).size() / at.outer;
      at.copy_part(op.out(j).data<uint8_t>(), part, at.elements.at(op.in(0).data<uint8_t>(), offset), at.whole, part);
      offset += part;
    }
    return {};
  }
};

void concat_gradient(Gradient& g) {
  if (g.outputs() < 2) {
    (void)g.refuse("needs its second output, the sizes of the parts, to have a gradient");
    return;
  }
  std::vector<std::string> parts;
  for (int i = 0; i < g.inputs(); ++i) parts.push_back(g.GI(i));
  g.op("Split", {g.GO(0), g.O(1)}, parts);
}

void split_gradient(Gradient& g) {
  std::vector<std::string> parts;
  for (int j = 0; j < g.outputs(); ++j)
    if (g.has_GO(j)) parts.push_back(g.GO(j));
  if (!parts.empty()) g.op("Concat", parts, {g.GI(0), "_" + g.GI(0) + "_dims"});
}

constexpr auto kConcat = [](auto& op) {
  op.optional_arg("axis", ArgType::kInt, "The dimension to join along; a negative one counts from the end.")
      .arg("order", "NCHW", "Instead of axis: joins the channels of NCHW (dimension 1) or NHWC (dimension 3).")
      .arg("add_axis", false, "With axis: the inputs become the slices of a new dimension.")
      .variadic_input("X", "Of one type, and of one shape but for the dimension joined.")
      .output("Y", "Type of the inputs.")
      .optional_output("split_info", "int32: the size of each input along the axis; the gradient needs it.")
      .images(Images::kAxis)
      .shape(concat_shape)
      .grad(concat_gradient)
      .template cpu<Concat>();
};

constexpr auto kSplit = [](auto& op) {
  op.optional_arg("axis", ArgType::kInt, "The dimension to split; a negative one counts from the end.")
      .arg("order", "NCHW", "Instead of axis: splits the channels of NCHW (dimension 1) or NHWC (dimension 3).")
      .arg("add_axis", false, "With axis: takes slices and drops the dimension.")
      .optional_arg("split", ArgType::kInts,
                    "The size of each part; without it and without second input they are equal.")
      .input("X", "Any type.")
      .optional_input("split_info", "int32: the size of each part, in place of the argument.")
      .variadic_output("Y", "The parts, in order.")
      .shape(split_shape)
      .grad(split_gradient)
      .template cpu<Split>();
};

PF_OP(Concat).doc("Joins the inputs along one dimension.").with(kConcat);
PF_OP(DepthConcat).doc("Concat under the name it once had for channels.").with(kConcat);
PF_OP(Split).doc("Takes X apart along one dimension.").with(kSplit);
PF_OP(DepthSplit).doc("Split under the name it once had for channels.").with(kSplit);

}  // namespace
}  // namespace pf
