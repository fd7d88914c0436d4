// SPDX-License-Identifier: Apache-2.0
// Rows added to or removed from the ends of sequences that lie one after the other, and what gathers their gradients.
#include "math/copy.h"

namespace pf {
namespace {

// Rows of `block` elements at the start and at the end of each sequence. Without lengths there is one sequence.
struct Pads {
  int64_t start, end;
  Status read(const Args& args) {
    start = args.i("padding_width"), end = args.i("end_padding_width");
    PF_CHECK(start >= 0 && start <= INT32_MAX && end <= INT32_MAX, argument,
             "the widths of padding must be small and not negative; found ", start, " and ", end);
    if (end < 0) end = start;
    return {};
  }
  int64_t width() const { return start + end; }
};

struct Sequences {
  const int32_t* lengths = nullptr;
  int64_t count = 1, rows, block;

  Sequences(OpRun& op, int input) {
    const Shape& x = op.in_shape(0);
    rows = x[0], block = x.from(1);
    if (op.inputs() > input) lengths = op.in(input).data<int32_t>(), count = op.in(input).size();
  }
  int64_t length(int64_t i) const { return lengths ? lengths[i] : rows; }

  // Every length is at least `least`, and together they are no more than the rows.
  Status check(int64_t least) const {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; ++i) {
      PF_CHECK(length(i) >= least, value, "length ", i, " is ", length(i), "; it must be ", least, " or more");
      sum += length(i);
      PF_CHECK(sum <= rows, value, "the lengths make more than the ", rows, " rows of data");
    }
    return {};
  }
  void give_lengths(OpRun& op, int64_t add) const {
    if (op.outputs() < 2) return;
    for (int64_t i = 0; i < count; ++i) op.out(1).data<int32_t>()[i] = int32_t(length(i) + add);
  }
};

struct AddPadding {
  const Args& args;
  explicit AddPadding(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Pads pads;
    PF_TRY(pads.read(args));
    const Sequences all(op, 1);
    PF_TRY(all.check(0));
    all.give_lengths(op, pads.width());
    const Elements elements(op.in(0).dtype());
    const uint8_t* start = op.inputs() > 2 ? op.in(2).data<uint8_t>() : nullptr;
    const uint8_t* end = op.inputs() > 3 ? op.in(3).data<uint8_t>() : start;
    const uint8_t* x = op.in(0).data<uint8_t>();
    Tensor& out = op.out(0);
    if (!out.size()) return {};
    uint8_t* y = out.data<uint8_t>();
    std::memset(y, 0, out.byte_size());
    auto put = [&](const uint8_t* from, int64_t count) {
      if (from) elements.copy(y, from, count);
      y = elements.at(y, count);
    };
    for (int64_t i = 0; i < all.count; ++i) {
      for (int64_t k = 0; k < pads.start; ++k) put(start, all.block);
      const int64_t inner = all.length(i) * all.block;
      put(x, inner);
      x = elements.at(x, inner);
      for (int64_t k = 0; k < pads.end; ++k) put(end, all.block);
    }
    return {};
  }
};

struct RemovePadding {
  const Args& args;
  explicit RemovePadding(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Pads pads;
    PF_TRY(pads.read(args));
    const Sequences all(op, 1);
    PF_TRY(all.check(pads.width()));
    all.give_lengths(op, -pads.width());
    const Elements elements(op.in(0).dtype());
    const uint8_t* x = op.in(0).data<uint8_t>();
    Tensor& out = op.out(0);
    if (!out.size()) return {};
    uint8_t* y = out.data<uint8_t>();
    int64_t left = out.size();
    for (int64_t i = 0; i < all.count; ++i) {
      const int64_t inner = (all.length(i) - pads.width()) * all.block;
      elements.copy(y, elements.at(x, pads.start * all.block), inner);
      x = elements.at(x, all.length(i) * all.block), y = elements.at(y, inner);
      left -= inner;
    }
    std::memset(y, 0, size_t(left) * elements.size);  // rows of no sequence
    return {};
  }
};

template <class T>
void add_rows(const uint8_t* from, uint8_t* to, int64_t rows, int64_t block) {
  auto* x = reinterpret_cast<const T*>(from);
  auto* y = reinterpret_cast<T*>(to);
  for (int64_t r = 0; r < rows; ++r, x += block)
    for (int64_t k = 0; k < block; ++k) y[k] += x[k];
}

struct GatherPadding {
  const Args& args;
  explicit GatherPadding(const Args& args) : args(args) {}
  Status run(OpRun& op) {
    Pads pads;
    PF_TRY(pads.read(args));
    const Sequences all(op, 1);
    PF_TRY(all.check(pads.width()));
    const Tensor& x = op.in(0);
    for (int j = 0; j < op.outputs(); ++j)
      if (op.out(j).size()) std::memset(op.out(j).data<uint8_t>(), 0, op.out(j).byte_size());
    if (!x.size()) return {};
    auto* add = x.dtype() == DType::kFloat    ? add_rows<float>
                : x.dtype() == DType::kDouble ? add_rows<double>
                : x.dtype() == DType::kInt32  ? add_rows<uint32_t>
                                              : add_rows<uint64_t>;
    const Elements elements(x.dtype());
    const uint8_t* from = x.data<uint8_t>();
    uint8_t *start = op.out(0).data<uint8_t>(), *end = op.out(op.outputs() - 1).data<uint8_t>();
    for (int64_t i = 0; i < all.count; ++i) {
      add(from, start, pads.start, all.block);
      add(elements.at(from, (all.length(i) - pads.end) * all.block), end, pads.end, all.block);
      from = elements.at(from, all.length(i) * all.block);
    }
    return {};
  }
};

Status want_data(Infer& in) {
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64 || t == DType::kBool,
           type, "data must be float32, float64, int32, int64 or bool, is ", t);
  PF_CHECK(in.shape(0).rank() >= 1, shape, "data must have a dimension of rows");
  if (in.inputs() > 1) PF_TRY(in.want_dtype(1, DType::kInt32));
  return {};
}

// Rows are added (sign 1) or taken away (sign -1).
Status pad_shape(Infer& in, int sign) {
  Pads pads;
  PF_TRY(pads.read(in.args));
  PF_TRY(want_data(in));
  Shape y = in.shape(0);
  const int64_t count = in.inputs() > 1 ? in.shape(1).size() : 1;
  for (int i = 2; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, in.dtype(0)));
    PF_CHECK(in.shape(i).size() == y.from(1), shape, "\"", in.args.def.input[size_t(i)], "\" ", in.shape(i),
             " is no row of ", y);
  }
  const int64_t change = saturating_product(pads.width(), count);
  PF_CHECK(sign > 0 ? change <= INT64_MAX - y[0] : change <= y[0], shape, "the ", y[0], " rows of data cannot have ",
           change, " rows of padding");
  y[0] += sign * change;
  in.set(0, y, in.dtype(0));
  in.set(1, in.inputs() > 1 ? in.shape(1) : Shape{1}, DType::kInt32);
  return {};
}

// The gradient takes the lengths that the operator gave.
void pad_inputs(Gradient& g, std::vector<std::string>* in) {
  in->push_back(g.GO(0));
  if (g.inputs() < 2) return;
  if (g.outputs() < 2)
    (void)g.refuse("needs its second output, the lengths, to have a gradient");
  else
    in->push_back(g.O(1));
}

void add_padding_gradient(Gradient& g) {
  std::vector<std::string> in;
  pad_inputs(g, &in);
  g.op("RemovePadding", in, {g.GI(0)});
  if (g.inputs() < 3) return;
  std::vector<std::string> pads = {g.GI(2)};
  if (g.inputs() > 3) pads.push_back(g.GI(3));
  g.op("GatherPadding", in, pads);
}

constexpr auto kWidths = [](auto& op) {
  op.arg("padding_width", 1, "Rows of padding at the start of each sequence.")
      .arg("end_padding_width", -1, "Rows of padding at its end; as many as at the start when negative.");
};

PF_OP(AddPadding)
    .doc("Adds rows to both ends of each sequence.")
    .with(kWidths)
    .input("data", "(rows, …): the sequences one after the other. float32, float64, int32, int64 or bool.")
    .optional_input("lengths", "int32: the rows of each sequence; without it there is one.")
    .optional_input("start_padding", "What each row at a start holds; zeros without it.")
    .optional_input("end_padding", "What each row at an end holds; start_padding without it.")
    .output("padded", "(rows + padding, …).")
    .optional_output("lengths_out", "int32: the new lengths.")
    .shape([](Infer& in) { return pad_shape(in, 1); })
    .grad(add_padding_gradient)
    .cpu<AddPadding>();

PF_OP(RemovePadding)
    .doc("Removes rows from both ends of each sequence: AddPadding reversed.")
    .with(kWidths)
    .input("data", "(rows, …): the sequences one after the other. float32, float64, int32, int64 or bool.")
    .optional_input("lengths", "int32: the rows of each sequence, padding counted; without it there is one.")
    .output("data_out", "(rows - padding, …).")
    .optional_output("lengths_out", "int32: the new lengths.")
    .shape([](Infer& in) { return pad_shape(in, -1); })
    .grad([](Gradient& g) {
      std::vector<std::string> in;
      pad_inputs(g, &in);
      g.op("AddPadding", in, {g.GI(0)});
    })
    .cpu<RemovePadding>();

PF_OP(GatherPadding)
    .doc("The sum of all rows of padding: of those at starts and of those at ends, or of both.")
    .with(kWidths)
    .input("data", "(rows, …): padded sequences. float32, float64, int32 or int64.")
    .input("lengths", "int32: the rows of each sequence, padding counted.")
    .output("padding_sum", "The shape of a row: the sum at the starts, or of both when it is the only output.")
    .optional_output("end_padding_sum", "The sum at the ends.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_data(in));
      PF_CHECK(in.dtype(0) != DType::kBool, type, "bool cannot be summed");
      Pads pads;
      PF_TRY(pads.read(in.args));
      const Shape row(in.shape(0).begin() + 1, in.shape(0).end());
      for (int j = 0; j < in.outputs(); ++j) in.set(j, row, in.dtype(0));
      return {};
    })
    .refuse_grad("GatherPadding is itself part of a gradient")
    .cpu<GatherPadding>();

// Sequences of length 0 get one row of zeros.
struct PadEmptySamples {
  Status run(OpRun& op) {
    const Tensor& lengths = op.in(0);
    const int64_t count = lengths.size();
    const int32_t* length = lengths.data<int32_t>();
    for (int f = 1; f < op.inputs(); ++f) {
      const Tensor& x = op.in(f);
      Tensor& y = op.out(f);
      PF_CHECK(x.defined() && y.dtype() == x.dtype(), no_blob, "\"", op.in_blob(f).name, "\" holds no tensor");
      const Elements elements(x.dtype());
      const int64_t block = x.shape().from(1);
      int64_t from = 0, to = 0;
      for (int64_t i = 0; i < count && block; ++i) {
        if (length[i]) {
          if (elements.strings)
            elements.copy(y.data<std::string>() + to, x.data<std::string>() + from, length[i] * block);
          else
            elements.copy(elements.at(y.data<uint8_t>(), to), elements.at(x.data<uint8_t>(), from), length[i] * block);
          from += length[i] * block, to += length[i] * block;
          continue;
        }
        for (int64_t k = 0; k < block && elements.strings; ++k) y.data<std::string>()[to + k].clear();
        if (!elements.strings) std::memset(elements.at(y.data<uint8_t>(), to), 0, size_t(block) * elements.size);
        to += block;
      }
    }
    for (int64_t i = 0; i < count; ++i) op.out(0).data<int32_t>()[i] = length[i] ? length[i] : 1;
    return {};
  }
};

PF_OP(PadEmptySamples)
    .doc("Gives sequences of length 0 one row of zeros.")
    .input("lengths", "int32: the rows of each sequence.")
    .any_inputs("features", "Tensors of (rows, …), any type.")
    .output("out_lengths", "int32: the new lengths.")
    .any_outputs("out_features", "The features, padded.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kInt32));
      PF_TRY(in.want_rank(0, 1));
      PF_CHECK_EQ(in.inputs(), in.outputs(), argument, "there must be an output for each input");
      in.set(0, in.shape(0), DType::kInt32);
      const Tensor* lengths = in.value(0);
      if (!lengths) return in.unknown();
      int64_t sum = 0, empty = 0;
      for (int64_t i = 0; i < lengths->size(); ++i) {
        const int64_t length = lengths->data<int32_t>()[i];
        PF_CHECK(length >= 0, value, "length ", i, " is negative: ", length);
        sum += length, empty += length == 0;
      }
      for (int f = 1; f < in.inputs(); ++f) {
        if (in.dtype(f) == DType::kNone) continue;  // not known yet
        Shape y = in.shape(f);
        PF_CHECK(y.rank() >= 1 && y[0] == sum, shape, "the lengths make ", sum, " rows; \"",
                 in.args.def.input[size_t(f)], "\" has the shape ", y);
        y[0] += empty;
        in.set(f, y, in.dtype(f));
      }
      return {};
    })
    .refuse_grad("Caffe2 has none for PadEmptySamples")
    .cpu<PadEmptySamples>();

}  // namespace
}  // namespace pf
