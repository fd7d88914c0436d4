// SPDX-License-Identifier: Apache-2.0
// SparseToDenseMask: values told by feature number become a row with a column for each number of the mask; and its
// gradient.
#include "math/copy.h"
#include "math/indices.h"
#include "math/segments.h"
#include "math/sort.h"

namespace pf {
namespace {

// The numbers of the mask, sorted, with their columns.
class Mask {
 public:
  explicit Mask(const Args& args) {
    for (int64_t id : args.ints("mask")) entries_.push_back({id, int64_t(entries_.size())});
    heap_sort(int64_t(entries_.size()), entries_.data(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  }
  int64_t columns() const { return int64_t(entries_.size()); }
  int64_t column(int64_t id) const {  // -1: not in the mask
    size_t low = 0, high = entries_.size();
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (entries_[middle].id < id)
        low = middle + 1;
      else
        high = middle;
    }
    return low < entries_.size() && entries_[low].id == id ? entries_[low].column : -1;
  }
  Status check() const {
    PF_CHECK(!entries_.empty(), argument, "mask must not be empty");
    PF_CHECK(entries_[0].id >= 0, argument, "the mask's numbers must not be negative, found ", entries_[0].id);
    for (size_t i = 1; i < entries_.size(); ++i)
      PF_CHECK(entries_[i].id != entries_[i - 1].id, argument, "the mask has ", entries_[i].id, " twice");
    return {};
  }

 private:
  struct Entry {
    int64_t id, column;
  };
  std::vector<Entry> entries_;
};

// How many indices each row has: the lengths say, or there is one row of all.
struct RowLengths {
  const Tensor* lengths;
  int64_t all;
  int64_t rows() const { return lengths ? lengths->size() : 1; }
  int64_t operator[](int64_t row) const { return lengths ? index_at(*lengths, row) : all; }
  Status check() const {
    int64_t sum = 0;
    if (lengths) PF_TRY(sum_of_lengths(*lengths, &sum));
    PF_CHECK(!lengths || sum <= all, value, "the lengths make ", sum, " together, but there are ", all, " indices");
    return {};
  }
};

Status mask_shape(Infer& in) {
  const Mask mask(in.args);
  PF_TRY(mask.check());
  PF_TRY(want_index_vector(in, 0));
  const Shape &values = in.shape(1), &otherwise = in.shape(2);
  PF_CHECK(values.rank() >= 1 && values[0] == in.shape(0)[0], shape, "there must be a row of values ", values,
           " for each of the ", in.shape(0)[0], " indices");
  PF_TRY(in.want_dtype(2, in.dtype(1)));
  PF_CHECK(otherwise.rank() + 1 == values.rank() && otherwise.size() == values.from(1), shape, "the default ",
           otherwise, " must have the shape of a row of values ", values);
  Shape y;
  if (in.inputs() > 3) {
    PF_TRY(want_index_vector(in, 3));
    y.push_back(in.shape(3)[0]);
  }
  y.push_back(mask.columns());
  PF_CHECK(!in.args.b("return_presence_mask") || in.outputs() == 2, argument,
           "return_presence_mask needs a second output");
  if (in.args.b("return_presence_mask")) in.set(1, y, DType::kBool);
  for (int64_t d : otherwise) y.push_back(d);
  in.set(0, y, in.dtype(1));
  return {};
}

struct SparseToDenseMask {
  Mask mask;
  int64_t skipped = 0;  // in all runs
  explicit SparseToDenseMask(const Args& args) : mask(args) {}
  Status run(OpRun& op) {
    const Tensor &indices = op.in(0), &values = op.in(1), &otherwise = op.in(2);
    const RowLengths lengths{op.inputs() > 3 ? &op.in(3) : nullptr, indices.size()};
    PF_TRY(lengths.check());
    const Elements elements(values.dtype());
    const int64_t n = otherwise.size(), columns = mask.columns();
    const int64_t largest = indices.dtype() == DType::kInt64 ? INT64_MAX : INT32_MAX;
    uint8_t* y = op.out(0).data<uint8_t>();
    bool* present = op.args.b("return_presence_mask") ? op.out(1).data<bool>() : nullptr;
    for (int64_t i = 0; i < lengths.rows() * columns; ++i) {
      elements.copy(elements.at(y, i * n), otherwise.data<uint8_t>(), n);
      if (present) present[i] = false;
    }
    int64_t at = 0;
    for (int64_t row = 0; row < lengths.rows(); ++row) {
      for (int64_t i = lengths[row]; i > 0; --i, ++at) {
        const int64_t id = index_at(indices, at);
        if (id < 0 || id == largest) {
          PF_CHECK(++skipped < op.args.i("max_skipped_indices"), value, "index ", at, " is ", id, ", and ", skipped,
                   " such were skipped, as many as max_skipped_indices allows");
          continue;
        }
        const int64_t column = mask.column(id);
        if (column < 0) continue;
        const int64_t place = row * columns + column;
        elements.copy(elements.at(y, place * n), elements.at(values.data<uint8_t>(), at * n), n);
        if (present) present[place] = true;
      }
    }
    return {};
  }
};

Status mask_gradient_shape(Infer& in) {
  const Mask mask(in.args);
  PF_TRY(mask.check());
  PF_TRY(want_index_vector(in, 0));
  PF_CHECK(in.dtype(1) != DType::kString, type, "strings have no gradient");
  const Shape& dy = in.shape(1);
  const int at = in.inputs() > 2 ? 1 : 0;  // the dimension of columns
  if (at) PF_TRY(want_index_vector(in, 2));
  PF_CHECK(dy.rank() > at && dy[at] == mask.columns() && (!at || dy[0] == in.shape(2)[0]), shape, "the gradient ", dy,
           " must have ", mask.columns(), " columns", at ? ", and a row for each length" : "");
  Shape dx{in.shape(0)[0]};
  for (int d = at + 1; d < dy.rank(); ++d) dx.push_back(dy[d]);
  in.set(0, dx, in.dtype(1));
  return {};
}

struct SparseToDenseMaskGradient {
  Mask mask;
  explicit SparseToDenseMaskGradient(const Args& args) : mask(args) {}
  Status run(OpRun& op) {
    const Tensor &indices = op.in(0), &dy = op.in(1);
    Tensor& dx = op.out(0);
    const RowLengths lengths{op.inputs() > 2 ? &op.in(2) : nullptr, indices.size()};
    PF_TRY(lengths.check());
    const Elements elements(dy.dtype());
    const int64_t n = dx.shape().from(1), columns = mask.columns();
    if (dx.byte_size()) std::memset(dx.data<uint8_t>(), 0, dx.byte_size());
    // Of equal indices in a row the last one was taken: it alone has a gradient.
    int64_t* taken_by = nullptr;
    PF_TRY(op.scratch(columns, &taken_by));
    int64_t begin = 0;
    for (int64_t row = 0; row < lengths.rows(); ++row) {
      const int64_t end = begin + lengths[row];
      for (int64_t c = 0; c < columns; ++c) taken_by[c] = -1;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t column = mask.column(index_at(indices, i));
        if (column >= 0) taken_by[column] = i;
      }
      for (int64_t c = 0; c < columns; ++c)
        if (taken_by[c] >= 0)
          elements.copy(elements.at(dx.data<uint8_t>(), taken_by[c] * n),
                        elements.at(dy.data<uint8_t>(), (row * columns + c) * n), n);
      begin = end;
    }
    return {};
  }
};

PF_OP(SparseToDenseMask)
    .doc(
        "A row for each length, with a column for each number of the mask: the value whose index is that number, else "
        "the default. Indices that the mask does not have are passed over.")
    .required_arg("mask", ArgType::kInts, "The numbers of the columns, in order.")
    .arg("return_presence_mask", false, "Output 1 tells which values were there.")
    .arg("max_skipped_indices", 50, "So many negative indices, in all runs, are an error.")
    .input("indices", "int32 or int64, 1-D.")
    .input("values", "Any type, a row for each index.")
    .input("default_value", "Type and shape of a row of values.")
    .optional_input("lengths", "int32: the indices of each row; without it there is one row, and Y lacks a dimension.")
    .output("Y", "[rows, columns] and the dimensions of a value.")
    .optional_output("presence_mask", "bool [rows, columns].")
    .shape(mask_shape)
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.I(0), g.GO(0)};
      if (g.inputs() > 3) in.push_back(g.I(3));
      g.op("SparseToDenseMaskGradient", std::move(in), {g.GI(1)});
    })
    .cpu<SparseToDenseMask>();

PF_OP(SparseToDenseMaskGradient)
    .doc("Gradient of SparseToDenseMask: values that were taken get theirs, the others 0.")
    .required_arg("mask", ArgType::kInts, "As given to SparseToDenseMask.")
    .input("indices", "int32 or int64, 1-D.")
    .input("dY", "Gradient of Y.")
    .optional_input("lengths", "int32: the indices of each row.")
    .output("dvalues", "Gradient of the values.")
    .shape(mask_gradient_shape)
    .no_grad()
    .cpu<SparseToDenseMaskGradient>();

}  // namespace
}  // namespace pf
