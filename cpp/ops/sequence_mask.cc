// SPDX-License-Identifier: Apache-2.0
// What lies outside a sequence is overwritten or moved out of the way: SequenceMask, ReversePackedSegs,
// VariableLengthSequencePadding.
// build: loops
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

enum class Mode { kSequence, kWindow, kUpper, kLower, kUpperDiag, kLowerDiag, kUnknown };

Mode mode_of(std::string_view name) {
  constexpr const char* kNames[] = {"sequence", "window", "upper", "lower", "upperdiag", "lowerdiag"};
  for (int i = 0; i < 6; ++i)
    if (name == kNames[i]) return Mode(i);
  return Mode::kUnknown;
}

// x is [batches][rows][columns][repeats]; one rule says for all batches what of a row is masked.
struct MaskLayout {
  int64_t batches = 1, rows, columns, repeats = 1;
};

Status mask_layout(const Args& args, const Shape& x, MaskLayout* out) {
  const int axis = x.axis(args.i("axis"));
  PF_CHECK(axis >= 0, shape, "there is no axis ", args.i("axis"), " in ", x);
  int first = 0;
  if (args.has("batch")) {
    const int batch = x.axis(args.i("batch"));
    PF_CHECK(!args.has("repeat_from_axis"), argument, "batch and repeat_from_axis exclude each other");
    PF_CHECK(batch >= 0 && batch < axis, argument, "batch ", args.i("batch"), " must be a dimension of ", x,
             " before axis ", axis);
    first = batch + 1;
  }
  int end = x.rank();
  if (args.has("repeat_from_axis") && mode_of(args.s("mode")) == Mode::kSequence) {
    end = x.axis(args.i("repeat_from_axis"));
    PF_CHECK(end > axis, argument, "repeat_from_axis ", args.i("repeat_from_axis"), " must be a dimension of ", x,
             " after axis ", axis);
  }
  out->batches = x.upto(first), out->repeats = x.from(end), out->rows = out->columns = 1;
  for (int d = first; d < axis; ++d) out->rows *= x[d];
  for (int d = axis; d < end; ++d) out->columns *= x[d];
  return {};
}

struct SequenceMask {
  const Args& args;
  explicit SequenceMask(const Args& args) : args(args) {}

  // The columns [from, to) of a row that stay.
  static void window(Mode mode, int64_t row, int64_t at, int64_t radius, int64_t columns, int64_t* from, int64_t* to) {
    *from = 0, *to = columns;
    switch (mode) {
      case Mode::kSequence:
        *to = at;
        break;
      case Mode::kWindow:
        *from = at - radius, *to = at + radius + 1;
        break;
      case Mode::kUpper:
        *to = row + 1;
        break;
      case Mode::kLower:
        *from = row;
        break;
      case Mode::kUpperDiag:
        *to = row;
        break;
      default:
        *from = row + 1;
        break;
    }
    if (*to > columns) *to = columns;
    if (*from < 0) *from = 0;
  }

  Status run(OpRun& op) {
    MaskLayout at;
    PF_TRY(mask_layout(args, op.in_shape(0), &at));
    const Mode mode = mode_of(args.s("mode"));
    const bool by_row = mode == Mode::kSequence || mode == Mode::kWindow;
    const int32_t* rule = by_row ? op.in(1).data<int32_t>() : nullptr;
    const float pad = args.b("grad") ? 0.f : args.has("fill_val") ? args.f("fill_val") : -__builtin_huge_valf();
    const int64_t radius = int32_t(args.i("radius"));
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    if (!op.in(0).size()) return {};  // rows without columns may be many
    const int64_t columns = at.columns, repeats = at.repeats, rows = at.rows;
    parallel_for(at.batches * rows, 1 + 16384 / (columns * repeats + 1), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i % rows;
        int64_t from, to;
        window(mode, row, rule ? rule[row] : 0, radius, columns, &from, &to);
        for (int64_t j = 0; j < columns; ++j) {
          const int64_t k = (i * columns + j) * repeats;
          const bool stays = j >= from && j < to;
          for (int64_t r = 0; r < repeats; ++r) y[k + r] = stays ? x[k + r] : pad;
        }
      }
    });
    return {};
  }
};

Status mask_shape(Infer& in) {
  const Mode mode = mode_of(in.args.s("mode"));
  PF_CHECK(mode != Mode::kUnknown, argument,
           "mode must be sequence, window, upper, lower, upperdiag or lowerdiag; is \"", in.args.s("mode"), "\"");
  PF_TRY(in.want_dtype(0, DType::kFloat));
  MaskLayout at;
  PF_TRY(mask_layout(in.args, in.shape(0), &at));
  if (mode == Mode::kSequence || mode == Mode::kWindow) {
    PF_CHECK(in.inputs() == 2, argument, "mode ", in.args.s("mode"), " needs a second input");
    PF_TRY(in.want_dtype(1, DType::kInt32));
    PF_CHECK(in.shape(1).size() >= at.rows, shape, "there are ", at.rows,
             " rows to mask; the second input has the shape ", in.shape(1));
  }
  in.set(0, in.shape(0), DType::kFloat);
  return {};
}

// (steps, rows, …): each of the first `length` steps of a row goes to the step with which it changes places.
struct ReversePackedSegs {
  Status run(OpRun& op) {
    const Tensor &x = op.in(0), &lengths = op.in(1);
    const int64_t steps = x.dim(0), rows = x.dim(1), block = x.shape().from(2);
    if (!x.size()) return {};
    const Elements elements(x.dtype());
    const uint8_t* from = x.data<uint8_t>();
    uint8_t* to = op.out(0).data<uint8_t>();
    for (int64_t n = 0; n < rows; ++n) {
      const int64_t length = index_at(lengths, n);
      PF_CHECK(length >= 0 && length <= steps, value, "length ", n, " is ", length, "; there are ", steps, " steps");
      for (int64_t t = 0; t < steps; ++t) {
        const int64_t source = t < length ? length - 1 - t : t;
        elements.copy(elements.at(to, (t * rows + n) * block), elements.at(from, (source * rows + n) * block), block);
      }
    }
    return {};
  }
};

struct VariableLengthSequencePadding {
  Status run(OpRun& op) {
    copy_elements<Cpu>(op, op.in(0), op.out(0));
    const Shape& shape = op.out(0).shape();
    const int32_t* lengths = op.in(1).data<int32_t>();
    float* y = op.out(0).data<float>();
    const int64_t block = shape[2];
    if (!shape.size()) return {};
    for (int64_t t = 0; t < shape[0]; ++t)
      for (int64_t n = 0; n < shape[1]; ++n)
        if (t >= lengths[n]) std::memset(y + (t * shape[1] + n) * block, 0, size_t(block) * sizeof(float));
    return {};
  }
};

PF_OP(SequenceMask)
    .doc(
        "Overwrites what an attention may not see. X is taken as rows (the dimensions before axis) of columns (axis "
        "and "
        "after). `sequence` masks columns from the row's length on, `window` those further than radius from the row's "
        "centre, `upper` columns above the row's number, `lower` those below, `upperdiag` and `lowerdiag` the diagonal "
        "too.")
    .arg("mode", "", "sequence, window, upper, lower, upperdiag or lowerdiag.")
    .arg("axis", 1, "The first dimension of columns; a negative one counts from the end.")
    .arg("radius", 10, "Of windows.")
    .arg("grad", false, "Write zeros instead of fill_val: the gradient.")
    .optional_arg("fill_val", ArgType::kFloat, "Written where masked; minus infinity unless given.")
    .optional_arg("batch", ArgType::kInt, "The dimensions up to this one are a batch: rows are counted anew in each.")
    .optional_arg("repeat_from_axis", ArgType::kInt,
                  "In mode sequence: dimensions from this one on do not count as columns.")
    .input("X", "float.")
    .optional_input("lengths_or_centers", "int32, one for each row: lengths (sequence) or centres (window).")
    .output("Y", "Shape of X.")
    .shape(mask_shape)
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.GO(0)};
      if (g.inputs() > 1) in.push_back(g.I(1));
      g.op("SequenceMask", std::move(in), {g.GI(0)}).set("grad", int64_t{1});
    })
    .cpu<SequenceMask>();

PF_OP(ReversePackedSegs)
    .doc("Reverses the first `lengths[n]` steps of each sequence n; the others stay.")
    .input("data", "(T, N, D).")
    .input("lengths", "int32 or int64 (N).")
    .output("reversed_data", "Shape and type of data.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_rank(0, 3));
      PF_CHECK(in.dtype(0) != DType::kString, type, "data cannot be strings");
      PF_TRY(want_indices(in, 1));
      PF_TRY(in.want_rank(1, 1));
      PF_CHECK(in.shape(1)[0] == in.shape(0)[1], shape, "there are ", in.shape(1)[0], " lengths for the ",
               in.shape(0)[1], " sequences of ", in.shape(0));
      in.set(0, in.shape(0), in.dtype(0));
      return {};
    })
    .grad([](Gradient& g) { g.op("ReversePackedSegs", {g.GO(0), g.I(1)}, {g.GI(0)}); })
    .cpu<ReversePackedSegs>();

PF_OP(VariableLengthSequencePadding)
    .doc("Sets the steps past the end of each sequence to zero.")
    .input("X", "float (T, N, D).")
    .input("seq_lengths", "int32 (N).")
    .output("Y", "Shape of X; usually the blob of X.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_rank(0, 3));
      PF_TRY(in.want_dtype(1, DType::kInt32));
      PF_CHECK(in.shape(1).size() == in.shape(0)[1], shape, "there are ", in.shape(1).size(), " lengths for the ",
               in.shape(0)[1], " sequences of ", in.shape(0));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .refuse_grad("Caffe2 has none for VariableLengthSequencePadding")
    .cpu<VariableLengthSequencePadding>();

}  // namespace
}  // namespace pf
