// SPDX-License-Identifier: Apache-2.0
#include "math/record_tree.h"

#include "math/copy.h"

namespace pf {
namespace {

// "a:b:lengths" without its last part and the colon before it; the name of fields below starts with that and a colon.
bool is_lengths(std::string_view name) { return name == "lengths" || name.ends_with(":lengths"); }

bool lies_below(std::string_view name, std::string_view lengths) {
  constexpr size_t kSuffix = sizeof("lengths") - 1;
  std::string_view stem = lengths.substr(0, lengths.size() - kSuffix);  // with its colon
  return !stem.empty() && name.starts_with(stem);
}

Status cut_rows(const Tensor& column, int64_t size, Shape* out) {
  *out = column.shape();
  (*out)[0] = size;
  return {};
}

}  // namespace

Status RecordTree::parse(const std::vector<std::string>& names) {
  lengths_.clear();
  for (size_t i = 0; i < names.size(); ++i)
    if (is_lengths(names[i])) lengths_.push_back(int(i));
  domain_.assign(names.size(), 0);
  for (size_t i = 0; i < names.size(); ++i) {
    size_t deepest = 0;
    for (size_t k = 0; k < lengths_.size(); ++k) {
      const std::string& lengths = names[size_t(lengths_[k])];
      if (size_t(lengths_[k]) == i || lengths.size() <= deepest || !lies_below(names[i], lengths)) continue;
      deepest = lengths.size();
      domain_[i] = int(k) + 1;
    }
    const int above = domain_[i] ? lengths_[size_t(domain_[i]) - 1] : -1;
    PF_CHECK(above < int(i), argument, "field \"", names[i], "\" depends on \"",
             above < 0 ? names[i] : names[size_t(above)], "\", which must come before it");
  }
  return {};
}

Status RecordTree::check(OpRun& op, int first) const {
  PF_CHECK_EQ(op.inputs() - first, fields(), argument, "there must be an input for each field");
  for (int i = 0; i < fields(); ++i) {
    const Tensor& column = op.in(first + i);
    PF_CHECK(column.rank() >= 1, shape, "\"", op.in_blob(first + i).name,
             "\" must have 1 dimension or more, is a scalar");
  }
  for (int i : lengths_) {
    const Tensor& column = op.in(first + i);
    PF_CHECK(column.dtype() == DType::kInt32, type, "lengths must be int32, \"", op.in_blob(first + i).name, "\" is ",
             column.dtype());
    PF_CHECK(column.rank() == 1, shape, "lengths must have 1 dimension, \"", op.in_blob(first + i).name, "\" is ",
             column.shape());
  }
  return {};
}

std::vector<int64_t> RecordTree::limits(OpRun& op, int first) const {
  std::vector<int64_t> limits(size_t(domains()), INT64_MAX);
  for (int i = 0; i < fields(); ++i) {
    int64_t& limit = limits[size_t(domain(i))];
    if (op.in(first + i).dim(0) < limit) limit = op.in(first + i).dim(0);
  }
  return limits;
}

Status RecordTree::advance(OpRun& op, int first, const std::vector<int64_t>& limits, int64_t count,
                           std::vector<int64_t>* offsets, std::vector<int64_t>* sizes) const {
  std::vector<int64_t> next(offsets->size());
  sizes->assign(offsets->size(), 0);
  PF_CHECK(limits[0] >= (*offsets)[0], value, "the cursor is past the end: at ", (*offsets)[0], " of ", limits[0]);
  const int64_t left = limits[0] - (*offsets)[0];
  (*sizes)[0] = count < left ? count : left;
  next[0] = (*offsets)[0] + (*sizes)[0];
  for (size_t d = 1; d < size_t(domains()); ++d) {
    const int field = lengths_[d - 1];
    const size_t above = size_t(domain(field));
    const int32_t* lengths = op.in(first + field).data<int32_t>() + (*offsets)[above];
    int64_t total = 0;
    for (int64_t k = 0; k < (*sizes)[above]; ++k) {
      PF_CHECK(lengths[k] >= 0, value, "a length is ", lengths[k], ", expected 0 or more");
      total += lengths[k];
    }
    PF_CHECK((*offsets)[d] <= limits[d] && total <= limits[d] - (*offsets)[d], value,
             "the columns do not fit together: lengths tell of ", (*offsets)[d] + total, " rows, there are ",
             limits[d]);
    (*sizes)[d] = total, next[d] = (*offsets)[d] + total;
  }
  *offsets = std::move(next);
  return {};
}

Status copy_rows(const Tensor& column, int64_t offset, int64_t size, Tensor* out) {
  Shape shape;
  PF_TRY(cut_rows(column, size, &shape));
  PF_TRY(out->resize(shape, column.dtype()));
  const Elements elements(column.dtype());
  const int64_t row = shape.from(1);
  elements.copy(out->data<uint8_t>(), elements.at(column.data<uint8_t>(), offset * row), size * row);
  return {};
}

Status copy_rows(OpRun& op, const Tensor& column, int64_t offset, int64_t size, int j) {
  Tensor rows;
  op.out_blob(j).object.reset();
  if (&op.out(j) != &column) return copy_rows(column, offset, size, &op.out(j));
  PF_TRY(copy_rows(column, offset, size, &rows));
  op.out(j).share(rows);
  return {};
}

Status want_rows_alike(const Tensor& rows, const Tensor& more) {
  PF_CHECK(more.rank() >= 1, shape, "what is added must have 1 dimension or more, is a scalar");
  if (rows.size() == 0) return {};
  bool fits = rows.dtype() == more.dtype() && rows.rank() == more.rank();
  for (int d = 1; fits && d < rows.rank(); ++d) fits = rows.dim(d) == more.dim(d);
  PF_CHECK(fits, shape, "rows of type ", more.dtype(), " and shape ", more.shape(), " cannot be added to ",
           rows.dtype(), " ", rows.shape());
  return {};
}

Status append_rows(const Tensor& more, Tensor* rows) {
  if (rows->size() == 0) return rows->copy_from(more);
  Shape shape = rows->shape();
  const int64_t old = rows->size(), added = more.size();
  shape[0] += more.dim(0);
  const Elements elements(more.dtype());
  Tensor grown;
  if (elements.strings) {
    PF_TRY(grown.resize(shape, more.dtype()));
    elements.copy(grown.data<uint8_t>(), rows->data<uint8_t>(), old);
    elements.copy(elements.at(grown.data<uint8_t>(), old), more.data<uint8_t>(), added);
    rows->share(grown);
    return {};
  }
  Tensor before = *rows, tail;  // `more` may be these very rows
  PF_TRY(tail.copy_from(more));
  PF_TRY(rows->resize(shape, tail.dtype()));
  if (rows->data<uint8_t>() != before.data<uint8_t>()) {
    // Room for two fifths more than there were, as Caffe2 has it.
    Shape room = shape;
    const int64_t generous = before.dim(0) + before.dim(0) * 2 / 5;
    if (generous > room[0]) room[0] = generous;
    PF_TRY(rows->resize(room, tail.dtype()));
    elements.copy(rows->data<uint8_t>(), before.data<uint8_t>(), old);
    PF_TRY(rows->resize(shape, tail.dtype()));
  }
  elements.copy(elements.at(rows->data<uint8_t>(), old), tail.data<uint8_t>(), added);
  return {};
}

}  // namespace pf
