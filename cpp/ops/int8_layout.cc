// SPDX-License-Identifier: Apache-2.0
// Elements of quantized tensors moved: Int8Reshape, Int8Flatten, Int8Transpose, Int8Concat, Int8Slice,
// Int8ChannelShuffle, Int8ResizeNearest. Scale and zero point stay.
#include <cstring>

#include "math/indices.h"
#include "math/int8.h"
#include "math/permute.h"

namespace pf {
namespace {

// Input 0, whose quantization the output keeps. In place nothing moves in Reshape and Flatten; the others refuse it.
Status same_in(OpRun& op, const Int8Tensor** x) {
  PF_TRY(int8_in(op, 0, x));
  return same_quantization(op.args, **x);
}

Status copy_as(OpRun& op, const Int8Tensor& x, const Shape& shape) {
  uint8_t* y;
  const uint8_t* from = x.t.data<uint8_t>();
  PF_TRY(int8_out(op, 0, shape, x.q, &y));
  if (y != from && shape.size()) std::memcpy(y, from, size_t(shape.size()));
  return {};
}

struct Int8Reshape {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(same_in(op, &x));
    const Shape old = x->t.shape();
    std::vector<int64_t> wanted = op.args.ints("shape");
    if (op.inputs() > 1) {
      const Tensor& t = op.in(1);
      PF_CHECK(is_index(t.dtype()), type, "the shape must be int32 or int64, is ", t.dtype());
      wanted.clear();
      for (int64_t i = 0; i < t.size(); ++i) wanted.push_back(index_at(t, i));
    }
    PF_CHECK(wanted.size() <= size_t(Shape::kMaxRank), shape, "a tensor has at most ", Shape::kMaxRank, " dimensions");
    Shape shape;
    int64_t known = 1;
    int open = -1;
    for (size_t d = 0; d < wanted.size(); ++d) {
      int64_t n = wanted[d];
      if (n == 0) {
        PF_CHECK(int(d) < old.rank(), argument, "dimension ", d, " is to be copied, X has the shape ", old);
        n = old[int(d)];
      }
      PF_CHECK(n >= -1 && (n != -1 || open < 0), argument, "the shape may have one -1 and nothing below, found ", n);
      if (n == -1)
        open = int(d);
      else
        known = saturating_product(known, n);
      shape.push_back(n);
    }
    if (open >= 0) shape[open] = known > 0 && old.size() % known == 0 ? old.size() / known : 0;
    PF_CHECK(shape.size() == old.size(), shape, "X of shape ", old, " cannot become ", shape);
    PF_TRY(copy_as(op, *x, shape));
    if (op.outputs() < 2) return {};
    op.out_blob(1).object.reset();
    PF_TRY(op.resize(1, Shape{old.rank()}, DType::kInt64));
    for (int d = 0; d < old.rank(); ++d) op.out(1).data<int64_t>()[d] = old[d];
    return {};
  }
};

struct Int8Flatten {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(same_in(op, &x));
    const Shape old = x->t.shape();
    const int64_t axis = op.args.i("axis");
    PF_CHECK(axis >= 0 && axis <= old.rank(), argument, "axis is ", axis, ", X has the shape ", old);
    return copy_as(op, *x, Shape{old.upto(int(axis)), old.from(int(axis))});
  }
};

struct Int8Transpose {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(same_in(op, &x));
    const Shape& shape = x->t.shape();
    const auto& axes = op.args.ints("axes");
    PF_CHECK(axes.empty() || int(axes.size()) == shape.rank(), argument, "axes names ", axes.size(),
             " dimensions, X has ", shape.rank());
    int order[Shape::kMaxRank];
    bool used[Shape::kMaxRank] = {};
    Shape y_shape;
    for (int d = 0; d < shape.rank(); ++d) {
      const int64_t axis = axes.empty() ? shape.rank() - 1 - d : axes[size_t(d)];
      PF_CHECK(axis >= 0 && axis < shape.rank() && !used[axis], argument, "axes must name each dimension once, found ",
               axis);
      used[axis] = true, order[d] = int(axis);
      y_shape.push_back(shape[int(axis)]);
    }
    uint8_t* y;
    PF_TRY(int8_out(op, 0, y_shape, x->q, &y));
    permute(Permutation(shape, order), DType::kUint8, x->t.data<uint8_t>(), y);
    return {};
  }
};

// Channels [group, C / group] become [C / group, group].
struct Int8ChannelShuffle {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(same_in(op, &x));
    PF_CHECK(op.args.s("order") == "NHWC", argument,
             "int8 operators take images as [N, H, W, C]: order must be \"NHWC\"");
    const Shape& shape = x->t.shape();
    const int64_t group = op.args.i("group");
    PF_CHECK(shape.rank() == 4, shape, "X must have 4 dimensions, its shape is ", shape);
    PF_CHECK(group > 0 && shape[3] % group == 0, argument, "group is ", group, " for ", shape[3], " channels");
    const int order[] = {0, 2, 1};
    uint8_t* y;
    PF_TRY(int8_out(op, 0, shape, x->q, &y));
    permute(Permutation(Shape{shape.upto(3), group, shape[3] / group}, order), DType::kUint8, x->t.data<uint8_t>(), y);
    return {};
  }
};

struct Int8Concat {
  Status run(OpRun& op) {
    const Int8Tensor* first;
    PF_TRY(same_in(op, &first));
    Shape shape = first->t.shape();
    const std::string_view order = op.args.s("order");
    const int64_t axis = op.args.has("axis") ? op.args.i("axis") : order == "NHWC" ? 3 : order == "NCHW" ? 1 : 0;
    PF_CHECK(axis >= 0 && axis < shape.rank(), argument, "axis is ", axis, ", tensors have the shape ", shape);
    const int at = int(axis);
    for (int i = 1; i < op.inputs(); ++i) {
      const Int8Tensor* x;
      PF_TRY(int8_in(op, i, &x));
      PF_CHECK(x->q == first->q, value, "tensors must have one scale and zero point; \"", op.in_blob(i).name, "\" has ",
               x->q.scale, " and ", x->q.zero_point, ", the first ", first->q.scale, " and ", first->q.zero_point);
      bool fits = x->t.rank() == shape.rank();
      for (int d = 0; fits && d < shape.rank(); ++d) fits = d == at || x->t.dim(d) == shape[d];
      PF_CHECK(fits, shape, "tensors may differ in dimension ", at, " only, found ", first->t.shape(), " and ",
               x->t.shape());
      shape[at] += x->t.dim(at);
    }
    uint8_t* y;
    PF_TRY(int8_out(op, 0, shape, first->q, &y));
    const int64_t rows = shape.upto(at), row = shape.from(at);
    for (int i = 0; i < op.inputs(); ++i) {
      const Int8Tensor* x = op.in_blob(i).get<Int8Tensor>();
      const int64_t part = x->t.shape().from(at);
      for (int64_t r = 0; r < rows && part; ++r)
        std::memcpy(y + r * row, x->t.data<uint8_t>() + r * part, size_t(part));
      y += part;
    }
    if (op.outputs() < 2) return {};
    op.out_blob(1).object.reset();
    PF_TRY(op.resize(1, Shape{op.inputs()}, DType::kInt32));
    for (int i = 0; i < op.inputs(); ++i)
      op.out(1).data<int32_t>()[i] = int32_t(op.in_blob(i).get<Int8Tensor>()->t.dim(at));
    return {};
  }
};

struct Int8Slice {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(same_in(op, &x));
    const Shape& whole = x->t.shape();
    const auto &starts = op.args.ints("starts"), &ends = op.args.ints("ends");
    PF_CHECK(starts.size() == ends.size() && int(starts.size()) <= whole.rank(), argument,
             "starts and ends must have one number for each of the first dimensions of X ", whole, "; found ",
             starts.size(), " and ", ends.size());
    Shape shape = whole;
    int64_t from[Shape::kMaxRank] = {};
    for (size_t k = 0; k < starts.size(); ++k) {
      const int64_t size = whole[int(k)], start = starts[k] < 0 ? starts[k] + size + 1 : starts[k];
      int64_t end = ends[k] < 0 ? ends[k] + size + 1 : ends[k];
      if (end > size) end = size;
      PF_CHECK(start >= 0 && start <= end, value, "dimension ", k, " of X ", whole, " cannot be cut from ", starts[k],
               " to ", ends[k]);
      from[k] = start, shape[int(k)] = end - start;
    }
    uint8_t* y;
    PF_TRY(int8_out(op, 0, shape, x->q, &y));
    if (!shape.size() || !shape.rank()) return copy_as(op, *x, shape);
    const int last = shape.rank() - 1;
    const int64_t run = shape[last], runs = shape.upto(last);
    for (int64_t r = 0; r < runs; ++r) {
      int64_t rest = r, at = from[last];
      for (int d = last - 1; d >= 0; --d) at += (from[d] + rest % shape[d]) * whole.from(d + 1), rest /= shape[d];
      std::memcpy(y + r * run, x->t.data<uint8_t>() + at, size_t(run));
    }
    return {};
  }
};

struct Int8ResizeNearest {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    PF_TRY(same_in(op, &x));
    const Shape& shape = x->t.shape();
    PF_CHECK(shape.rank() == 4 && shape.size() > 0, shape, "X must be [N, H, W, C], is ", shape);
    const float scales[] = {op.args.f("height_scale"), op.args.f("width_scale")};
    int64_t sizes[2];
    for (int d = 0; d < 2; ++d) {
      PF_CHECK(scales[d] > 0 && scales[d] * float(shape[1 + d]) < 1e6f, argument, "a scale is ", scales[d]);
      sizes[d] = int64_t(float(shape[1 + d]) * scales[d]);
    }
    const int64_t height = shape[1], width = shape[2], channels = shape[3];
    uint8_t* y;
    PF_TRY(int8_out(op, 0, Shape{shape[0], sizes[0], sizes[1], channels}, x->q, &y));
    const uint8_t* from = x->t.data<uint8_t>();
    auto source = [](int64_t i, float scale, int64_t size) {
      const int64_t at = int64_t(float(i) / scale);
      return at < size ? at : size - 1;
    };
    for (int64_t row = 0; row < shape[0] * sizes[0]; ++row) {
      const int64_t in_row = row / sizes[0] * height + source(row % sizes[0], scales[0], height);
      for (int64_t column = 0; column < sizes[1]; ++column, y += channels)
        std::memcpy(y, from + (in_row * width + source(column, scales[1], width)) * channels, size_t(channels));
    }
    return {};
  }
};

constexpr auto kMove = [](auto& op) {
  op.with(kQuantized)
      .object_input("X", "int8 tensor.")
      .object_output("Y", "int8 tensor with the scale and zero point of X.")
      .shape(no_tensor);
};
constexpr auto kOrder = [](auto& op) { op.arg("order", "NCHW", "Must be NHWC."); };

PF_OP(Int8Reshape)
    .doc("Another shape for the same elements.")
    .optional_arg("shape", ArgType::kInts, "The shape: 0 copies a dimension of X, -1 is what is left.")
    .with(kMove)
    .optional_any_input("shape", "int32 or int64, in place of the argument.")
    .optional_output("old_shape", "int64: the shape of X.")
    .inplace(0, 0)
    .shape_unknown("X is an object")
    .cpu<Int8Reshape>();

PF_OP(Int8Flatten)
    .doc("Makes a matrix of the dimensions before an axis and of those from it on.")
    .arg("axis", 1, "The axis.")
    .with(kMove)
    .inplace(0, 0)
    .cpu<Int8Flatten>();

PF_OP(Int8Transpose)
    .doc("Reorders dimensions.")
    .optional_arg("axes", ArgType::kInts, "Dimension i of Y is dimension axes[i] of X; reversed unless told.")
    .with(kMove)
    .cpu<Int8Transpose>();

PF_OP(Int8ChannelShuffle)
    .doc("Channels in groups become as many groups with a channel of each.")
    .arg("group", 1, "How many groups.")
    .with(kOrder)
    .with(kMove)
    .cpu<Int8ChannelShuffle>();

PF_OP(Int8Concat)
    .doc("Joins tensors of one scale and zero point.")
    .optional_arg("axis", ArgType::kInt, "Along which dimension; by order unless told.")
    .arg("order", "", "NHWC: along dimension 3, NCHW: 1, else 0.")
    .with(kQuantized)
    .object_input("X", "int8 tensor.")
    .any_inputs("more", "Further int8 tensors.")
    .object_output("Y", "int8 tensor.")
    .optional_output("split_info", "int32: the sizes along the dimension.")
    .shape(no_tensor)
    .shape_unknown("X are objects")
    .cpu<Int8Concat>();

PF_OP(Int8Slice)
    .doc("The part of a tensor between two corners.")
    .optional_arg("starts", ArgType::kInts, "Where it begins in each dimension.")
    .optional_arg("ends", ArgType::kInts, "Where it ends; -1 is the end of the dimension, -2 one before.")
    .with(kMove)
    .cpu<Int8Slice>();

PF_OP(Int8ResizeNearest)
    .doc("Resizes images by taking the nearest pixel.")
    .arg("width_scale", 1.f, "Width of Y over that of X.")
    .arg("height_scale", 1.f, "Height of Y over that of X.")
    .arg("order", "NHWC", "Of no effect.")
    .with(kMove)
    .cpu<Int8ResizeNearest>();

}  // namespace
}  // namespace pf
