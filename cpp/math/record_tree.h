// SPDX-License-Identifier: Apache-2.0
// Datasets in columns: nested records laid flat, with a tensor for each field. A field named "a:lengths" tells how many
// elements of the fields "a:…" each record has; those may have lengths of their own.
#pragma once
#include <string>
#include <vector>

#include "core/op.h"

namespace pf {

// Which lengths each field goes by. A domain is all fields that go by the same lengths: 0 is that of the records
// themselves, domain d + 1 that of the d-th field of lengths.
class RecordTree {
 public:
  Status parse(const std::vector<std::string>& names);

  int fields() const { return int(domain_.size()); }
  int domains() const { return int(lengths_.size()) + 1; }
  int domain(int field) const { return domain_[size_t(field)]; }

  // The columns are inputs of an operator, from `first` on. Checks that they are columns, with int32 where lengths are.
  Status check(OpRun& op, int first) const;
  // How many rows the columns of each domain have, of the shortest.
  std::vector<int64_t> limits(OpRun& op, int first) const;
  // Moves the offsets, one of each domain, past `count` records or what there is of them; `sizes` becomes how many rows
  // of each domain that is.
  Status advance(OpRun& op, int first, const std::vector<int64_t>& limits, int64_t count, std::vector<int64_t>* offsets,
                 std::vector<int64_t>* sizes) const;

 private:
  std::vector<int> domain_;   // of each field
  std::vector<int> lengths_;  // the fields that are lengths
};

struct TreeCursor final : Object {
  static constexpr const char* kKind = "cursor";
  const char* kind() const override { return kKind; }
  RecordTree tree;
  std::vector<int64_t> offsets;  // none: at the beginning
};

// Gives output j rows [offset, offset + size) of `column`.
Status copy_rows(OpRun& op, const Tensor& column, int64_t offset, int64_t size, int j);
// The same into any tensor but the column itself.
Status copy_rows(const Tensor& column, int64_t offset, int64_t size, Tensor* out);
// Adds the rows of `more` to `rows`, which grows by more than it must, so that adding often stays cheap.
Status want_rows_alike(const Tensor& rows, const Tensor& more);
Status append_rows(const Tensor& more, Tensor* rows);

}  // namespace pf
