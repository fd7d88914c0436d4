// SPDX-License-Identifier: Apache-2.0
// Segments of different lengths, one after the other, to rectangles and back: PackSegments (segment by segment) and
// PackRNNSequence (step by step, as recurrent nets want it).
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

// What the lengths tell. They are checked: none is negative, and their sum does not overflow.
struct Lengths {
  int64_t count = 0, longest = 0, sum = 0;
};

Status read_lengths(const Tensor& lengths, Lengths* out) {
  out->count = lengths.size();
  for (int64_t i = 0; i < out->count; ++i) {
    const int64_t length = index_at(lengths, i);
    PF_CHECK(length >= 0, value, "length ", i, " is negative: ", length);
    if (length > out->longest) out->longest = length;
    PF_CHECK(!__builtin_add_overflow(out->sum, length, &out->sum), value, "the lengths are too large");
  }
  return {};
}

Status want_lengths(const Infer& in, int i) {
  PF_TRY(want_indices(in, i));
  return in.want_rank(i, 1);
}

// The pad of missing elements: zeros and empty strings, or minus infinity.
void fill_pad(Tensor& y, bool minus_infinity) {
  const int64_t n = y.size();
  if (y.dtype() == DType::kString) {
    for (int64_t i = 0; i < n; ++i) y.data<std::string>()[i].clear();
  } else if (minus_infinity && y.dtype() == DType::kFloat) {
    for (int64_t i = 0; i < n; ++i) y.data<float>()[i] = -__builtin_huge_valf();
  } else if (n) {
    std::memset(y.data<uint8_t>(), 0, y.byte_size());
  }
}

template <class T>
auto* bytes_of(T& t) {
  using Byte = std::conditional_t<std::is_const_v<T>, const uint8_t, uint8_t>;
  return t.dtype() == DType::kString ? reinterpret_cast<Byte*>(t.template data<std::string>())
                                     : t.template data<uint8_t>();
}

// Moves blocks of `block` elements: f(segment, element) tells where each lies in the rectangle.
template <class F>
void move_blocks(const Tensor& lengths, const Tensor& from, Tensor& to, int64_t block, bool pack, F place) {
  if (!block) return;
  const Elements elements(from.dtype());
  const auto* x = bytes_of(from);
  auto* y = bytes_of(to);
  int64_t at = 0;
  for (int64_t i = 0; i < lengths.size(); ++i) {
    for (int64_t j = 0, length = index_at(lengths, i); j < length; ++j, ++at) {
      const int64_t there = place(i, j);
      elements.copy(elements.at(y, (pack ? there : at) * block), elements.at(x, (pack ? at : there) * block), block);
    }
  }
}

// The shape of x with its first `drop` dimensions replaced by `lead`.
Shape with_lead(const Shape& x, int drop, Shape lead) {
  for (int i = drop; i < x.rank(); ++i) lead.push_back(x[i]);
  return lead;
}

struct PackSegments {
  bool minus_infinity;
  explicit PackSegments(const Args& args) : minus_infinity(args.b("pad_minf")) {}
  Status run(OpRun& op) {
    const Tensor &lengths = op.in(0), &x = op.in(1);
    Tensor& y = op.out(0);
    const int64_t longest = y.dim(1);
    fill_pad(y, minus_infinity);
    move_blocks(lengths, x, y, x.shape().from(1), true, [=](int64_t i, int64_t j) { return i * longest + j; });
    if (op.outputs() < 2) return {};
    bool* mask = op.out(1).data<bool>();
    for (int64_t i = 0; i < lengths.size(); ++i)
      for (int64_t j = 0; j < longest; ++j) mask[i * longest + j] = j < index_at(lengths, i);
    return {};
  }
};

struct UnpackSegments {
  Status run(OpRun& op) {
    const Tensor& x = op.in(1);
    const int64_t longest = x.dim(1);
    move_blocks(op.in(0), x, op.out(0), x.shape().from(2), false,
                [=](int64_t i, int64_t j) { return i * longest + j; });
    return {};
  }
};

struct PackRNNSequence {
  Status run(OpRun& op) {
    const int64_t columns = op.in(1).size();
    fill_pad(op.out(0), false);
    move_blocks(op.in(1), op.in(0), op.out(0), op.in(0).shape().from(1), true,
                [=](int64_t i, int64_t j) { return j * columns + i; });
    return {};
  }
};

struct UnpackRNNSequence {
  Status run(OpRun& op) {
    const int64_t columns = op.in(1).size();
    move_blocks(op.in(1), op.in(0), op.out(0), op.in(0).shape().from(2), false,
                [=](int64_t i, int64_t j) { return j * columns + i; });
    return {};
  }
};

// Data input `data`, lengths input `at`. By segment: (count, longest, …). By step: (longest, count, …).
Status pack_shape(Infer& in, int data, int at, bool by_step) {
  PF_TRY(want_lengths(in, at));
  const Shape& x = in.shape(data);
  PF_CHECK(x.rank() >= 1, shape, "the data must have a dimension to be packed along");
  const Tensor* values = in.value(at);
  if (!values) return in.unknown();
  Lengths lengths;
  PF_TRY(read_lengths(*values, &lengths));
  PF_CHECK(lengths.sum <= x[0], shape, "the lengths make ", lengths.sum, ", the data ", x, " has ", x[0], " rows");
  const Shape lead = by_step ? Shape{lengths.longest, lengths.count} : Shape{lengths.count, lengths.longest};
  in.set(0, with_lead(x, 1, lead), in.dtype(data));
  in.set(1, lead, DType::kBool);
  return {};
}

Status unpack_shape(Infer& in, int data, int at, bool by_step) {
  PF_TRY(want_lengths(in, at));
  const Shape& x = in.shape(data);
  PF_CHECK(x.rank() >= 2, shape, "the data must have dimensions for the segments and for their elements; its shape is ",
           x);
  const int64_t count = in.shape(at).size();
  PF_CHECK(x[by_step] == count, shape, "the data ", x, " has ", x[by_step], " segments; there are ", count, " lengths");
  const Tensor* values = in.value(at);
  if (!values) return in.unknown();
  Lengths lengths;
  PF_TRY(read_lengths(*values, &lengths));
  PF_CHECK(lengths.longest <= x[!by_step], shape, "the longest segment has ", lengths.longest, " elements, the data ",
           x, " has ", x[!by_step]);
  in.set(0, with_lead(x, 2, Shape{lengths.sum}), in.dtype(data));
  return {};
}

Status no_mask_unasked(Infer& in) {
  PF_CHECK((in.outputs() > 1) == in.args.b("return_presence_mask"), argument,
           "there must be a second output just where return_presence_mask is set");
  return pack_shape(in, 1, 0, false);
}

constexpr auto kSegments = [](auto& op) {
  op.arg("pad_minf", false, "PackSegments pads floats with minus infinity instead of zeros.")
      .arg("return_presence_mask", false, "PackSegments gives a second output.")
      .input("lengths", "int32 or int64, one for each segment.");
};

PF_OP(PackSegments)
    .doc("Cuts the rows of `data` into segments and puts each in a row of a rectangle as wide as the longest one.")
    .with(kSegments)
    .input("data", "(rows, …) of any type.")
    .output("packed", "(segments, longest, …).")
    .optional_output("presence_mask", "bool (segments, longest): what is data and not pad.")
    .shape(no_mask_unasked)
    .grad([](Gradient& g) { g.op("UnpackSegments", {g.I(0), g.GO(0)}, {g.GI(1)}); })
    .cpu<PackSegments>();

PF_OP(UnpackSegments)
    .doc("Takes the segments out of a rectangle and puts them one after the other: PackSegments reversed.")
    .with(kSegments)
    .input("data", "(segments, longest or more, …) of any type.")
    .output("unpacked", "(sum of lengths, …).")
    .shape([](Infer& in) { return unpack_shape(in, 1, 0, false); })
    .grad([](Gradient& g) { g.op("PackSegments", {g.I(0), g.GO(0)}, {g.GI(1)}); })
    .cpu<UnpackSegments>();

PF_OP(PackRNNSequence)
    .doc("Cuts the rows of `values` into sequences and lays these side by side, step by step, padded with zeros.")
    .input("values", "(rows, …).")
    .input("lengths", "int32 or int64, one for each sequence.")
    .output("packed", "(longest, sequences, …).")
    .shape([](Infer& in) { return pack_shape(in, 0, 1, true); })
    .grad([](Gradient& g) { g.op("UnpackRNNSequence", {g.GO(0), g.I(1)}, {g.GI(0)}); })
    .cpu<PackRNNSequence>();

PF_OP(UnpackRNNSequence)
    .doc("Puts sequences that lie side by side one after the other: PackRNNSequence reversed.")
    .input("values", "(longest or more, sequences, …).")
    .input("lengths", "int32 or int64, one for each sequence.")
    .output("unpacked", "(sum of lengths, …).")
    .shape([](Infer& in) { return unpack_shape(in, 0, 1, true); })
    .grad([](Gradient& g) { g.op("PackRNNSequence", {g.GO(0), g.I(1)}, {g.GI(0)}); })
    .cpu<UnpackRNNSequence>();

}  // namespace
}  // namespace pf
