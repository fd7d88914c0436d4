// SPDX-License-Identifier: Apache-2.0
// Datasets in columns (math/record_tree.h) and cursors that go through them: CreateTreeCursor, ResetCursor,
// CheckDatasetConsistency, ReadNextBatch, ComputeOffset, SortAndShuffle, ReadRandomBatch, TrimDataset.
#include <algorithm>

#include "core/objects.h"
#include "math/record_tree.h"

namespace pf {
namespace {

Status cursor_of(OpRun& op, TreeCursor** out) { return object_of(op.in_blob(0), "CreateTreeCursor", out); }

// The cursor of input 0, at a place in the columns that are inputs from `first` on.
Status cursor_over(OpRun& op, int first, TreeCursor** out, std::vector<int64_t>* limits) {
  PF_TRY(cursor_of(op, out));
  TreeCursor& cursor = **out;
  PF_TRY(cursor.tree.check(op, first));
  *limits = cursor.tree.limits(op, first);
  if (cursor.offsets.empty()) cursor.offsets.assign(size_t(cursor.tree.domains()), 0);
  PF_CHECK(int(cursor.offsets.size()) == cursor.tree.domains(), value,
           "the cursor is in use by ReadRandomBatch; ResetCursor puts it at the beginning");
  return {};
}

Status batch_of(const Args& args, int64_t* out) {
  *out = args.i("batch_size");
  PF_CHECK(*out > 0, argument, "batch_size must be 1 or more, is ", *out);
  return {};
}

struct CreateTreeCursor {
  Status run(OpRun& op) {
    TreeCursor& cursor = make_object<TreeCursor>(op.out_blob(0));
    return cursor.tree.parse(op.args.strings("fields"));
  }
};

struct ResetCursor {
  Status run(OpRun& op) {
    TreeCursor* cursor;
    PF_TRY(cursor_of(op, &cursor));
    cursor->offsets.clear();
    return {};
  }
};

struct CheckDatasetConsistency {
  Status run(OpRun& op) {
    RecordTree tree;
    PF_TRY(tree.parse(op.args.strings("fields")));
    PF_TRY(tree.check(op, 0));
    const std::vector<int64_t> limits = tree.limits(op, 0);
    for (int i = 0; i < tree.fields(); ++i)
      PF_CHECK(op.in(i).dim(0) == limits[size_t(tree.domain(i))], shape, "\"", op.in_blob(i).name, "\" has ",
               op.in(i).dim(0), " rows, others that go by the same lengths have ", limits[size_t(tree.domain(i))]);
    std::vector<int64_t> offsets(limits.size(), 0), sizes;
    PF_TRY(tree.advance(op, 0, limits, limits[0], &offsets, &sizes));
    for (size_t d = 0; d < limits.size(); ++d)
      PF_CHECK(offsets[d] == limits[d] || limits[d] == INT64_MAX, value, "lengths tell of ", offsets[d],
               " rows, there are ", limits[d]);
    return {};
  }
};

struct ReadNextBatch {
  Status run(OpRun& op) {
    TreeCursor* cursor;
    std::vector<int64_t> limits, sizes;
    int64_t batch;
    PF_TRY(batch_of(op.args, &batch));
    PF_TRY(cursor_over(op, 1, &cursor, &limits));
    const RecordTree& tree = cursor->tree;
    PF_CHECK_EQ(op.outputs(), tree.fields(), argument, "there must be an output for each field");
    const std::vector<int64_t> from = cursor->offsets;
    PF_TRY(tree.advance(op, 1, limits, batch, &cursor->offsets, &sizes));
    if (op.args.b("enforce_batch_size") && sizes[0] < batch) sizes.assign(sizes.size(), 0);
    for (int i = 0; i < tree.fields(); ++i) {
      const size_t d = size_t(tree.domain(i));
      PF_TRY(copy_rows(op, op.in(i + 1), from[d], sizes[d], i));
    }
    return {};
  }
};

struct ComputeOffset {
  Status run(OpRun& op) {
    TreeCursor* cursor;
    std::vector<int64_t> limits, sizes;
    PF_TRY(cursor_over(op, 1, &cursor, &limits));
    PF_CHECK(cursor->tree.fields() > 0, argument, "there are no fields");
    const int64_t domains = cursor->tree.domains();
    PF_TRY(op.resize(0, Shape{limits[0] + 1, domains}, DType::kInt64));
    int64_t* y = op.out(0).data<int64_t>();
    Status status;
    for (int64_t k = 0; k <= limits[0] && status.ok(); ++k, y += domains) {
      std::copy(cursor->offsets.begin(), cursor->offsets.end(), y);
      status = cursor->tree.advance(op, 1, limits, 1, &cursor->offsets, &sizes);
    }
    cursor->offsets.assign(size_t(domains), 0);
    return status;
  }
};

template <class T>
void shuffle(Random& random, T* items, int64_t count) {
  for (int64_t i = count; i > 1; --i) std::swap(items[i - 1], items[random.below(uint64_t(i))]);
}

struct SortAndShuffle {
  Status run(OpRun& op) {
    TreeCursor* cursor;
    int64_t batch, chunk = op.args.i("shuffle_size");
    const int64_t field = op.args.i("sort_by_field_idx");
    PF_TRY(cursor_of(op, &cursor));
    PF_TRY(cursor->tree.check(op, 1));
    PF_TRY(batch_of(op.args, &batch));
    PF_CHECK(chunk > 0, argument, "shuffle_size must be 1 or more, is ", chunk);
    PF_CHECK(field >= -1 && field < cursor->tree.fields() && cursor->tree.fields() > 0, argument,
             "sort_by_field_idx is ", field, " of ", cursor->tree.fields(), " fields");
    const int64_t size = op.in(field < 0 ? 1 : int(field) + 1).dim(0);
    std::vector<int64_t> order(static_cast<size_t>(size));
    for (int64_t i = 0; i < size; ++i) order[size_t(i)] = i;
    if (field >= 0) {
      const Tensor& keys = op.in(int(field) + 1);
      PF_CHECK(keys.dtype() == DType::kInt32 && keys.size() == size, type,
               "records are sorted by one int32 each, found ", keys.dtype(), " ", keys.shape());
      PF_CHECK(cursor->tree.domain(int(field)) == 0, argument, "records can be sorted by a field of their own only");
      const int32_t* key = keys.data<int32_t>();
      std::stable_sort(order.begin(), order.end(), [key](int64_t a, int64_t b) { return key[a] < key[b]; });
    }
    // Records move within pieces of `piece`, then batches as wholes; what makes no full batch stays at the end.
    const int64_t batches = size / batch;
    const int64_t piece = chunk > batches ? batches * batch : chunk * batch;
    if (piece > 1)
      for (int64_t at = 0; at + piece < size; at += piece) shuffle(op.random, order.data() + at, piece);
    std::vector<int64_t> place(static_cast<size_t>(batches));
    for (int64_t i = 0; i < batches; ++i) place[size_t(i)] = i;
    shuffle(op.random, place.data(), batches);
    PF_TRY(op.resize(0, Shape{size}, DType::kInt64));
    int64_t* y = op.out(0).data<int64_t>();
    for (int64_t p : place) y = std::copy_n(order.data() + p * batch, batch, y);
    std::copy(order.begin() + ptrdiff_t(batches * batch), order.end(), y);
    return {};
  }
};

// Here the cursor's only offset counts records of the order.
struct ReadRandomBatch {
  Status run(OpRun& op) {
    TreeCursor* cursor;
    int64_t batch;
    PF_TRY(batch_of(op.args, &batch));
    PF_TRY(cursor_of(op, &cursor));
    const RecordTree& tree = cursor->tree;
    PF_TRY(tree.check(op, 3));
    PF_CHECK_EQ(op.outputs(), tree.fields(), argument, "there must be an output for each field");
    const Tensor &order = op.in(1), &offsets = op.in(2);
    PF_CHECK(order.dtype() == DType::kInt64 && offsets.dtype() == DType::kInt64, type,
             "the order and the offsets must be int64, are ", order.dtype(), " and ", offsets.dtype());
    PF_CHECK(offsets.rank() == 2 && offsets.dim(1) == tree.domains(), shape, "the offsets must be [records + 1, ",
             tree.domains(), "], are ", offsets.shape());
    cursor->offsets.resize(1);
    int64_t from = cursor->offsets[0];
    const int64_t records = order.size();
    if (from > records || (op.args.b("enforce_batch_size") && batch > records - from)) from = records;
    if (op.args.b("loop_over") && from >= records) from = cursor->offsets[0] = 0;
    if (__builtin_add_overflow(cursor->offsets[0], batch, &cursor->offsets[0])) cursor->offsets[0] = INT64_MAX;
    const int64_t to = batch < records - from ? from + batch : records;
    for (int i = 0; i < tree.fields(); ++i) PF_TRY(gather(op, tree, from, to, i));
    return {};
  }

  static Status gather(OpRun& op, const RecordTree& tree, int64_t from, int64_t to, int field) {
    const Tensor &order = op.in(1), &offsets = op.in(2), &column = op.in(3 + field);
    const int64_t width = offsets.dim(1), domain = tree.domain(field);
    const int64_t* offset = offsets.data<int64_t>();
    Tensor rows, part;
    PF_TRY(copy_rows(column, 0, 0, &rows));
    for (int64_t i = from; i < to; ++i) {
      const int64_t record = order.data<int64_t>()[i];
      PF_CHECK(record >= 0 && record + 1 < offsets.dim(0), value, "the order names record ", record, " of ",
               offsets.dim(0) - 1);
      const int64_t begin = offset[record * width + domain], end = offset[(record + 1) * width + domain];
      PF_CHECK(begin >= 0 && begin <= end && end <= column.dim(0), value, "the offsets tell of rows ", begin, " to ",
               end, ", there are ", column.dim(0));
      if (begin == end) continue;
      PF_TRY(copy_rows(column, begin, end - begin, &part));
      PF_TRY(append_rows(part, &rows));
    }
    op.out_blob(field).object.reset();
    op.out(field).share(rows);
    return {};
  }
};

struct TrimDataset {
  Status run(OpRun& op) {
    const int64_t multiple = op.args.i("multiple_of");
    PF_CHECK(multiple > 0, argument, "multiple_of must be 1 or more, is ", multiple);
    RecordTree tree;
    PF_TRY(tree.parse(op.args.strings("fields")));
    PF_TRY(tree.check(op, 0));
    PF_CHECK_EQ(op.outputs(), tree.fields(), argument, "there must be an output for each field");
    for (int i = 0; i < op.outputs(); ++i)
      PF_CHECK(op.in_place(i, i), argument, "output ", i, " must be the blob of input ", i);
    const std::vector<int64_t> limits = tree.limits(op, 0);
    std::vector<int64_t> offsets(limits.size(), 0), sizes;
    if (!tree.fields() || limits[0] % multiple == 0) return {};
    PF_TRY(tree.advance(op, 0, limits, limits[0] / multiple * multiple, &offsets, &sizes));
    for (int i = 0; i < tree.fields(); ++i) {
      Shape shape = op.in(i).shape();
      shape[0] = offsets[size_t(tree.domain(i))];
      PF_TRY(op.resize(i, shape, op.in(i).dtype()));
    }
    return {};
  }
};

constexpr auto kFields = [](auto& op) {
  op.optional_arg(
      "fields", ArgType::kStrings,
      "Names of the columns. Those below \"a:\" go by the lengths in \"a:lengths\", which comes before them.");
};
constexpr auto kCursor = [](auto& op) {
  op.object_input("cursor", "From CreateTreeCursor.").refuse_grad("datasets have no gradient");
};
constexpr auto kColumns = [](auto& op) {
  op.variadic_input("columns", "[rows, ...] of each field, in the order of the cursor's fields.").shape(no_tensor);
};
constexpr auto kBatch = [](auto& op) {
  op.arg("batch_size", 1, "How many records.")
      .arg("enforce_batch_size", false, "Give no records when there are fewer.");
};

PF_OP(CreateTreeCursor)
    .doc("Makes a cursor for a dataset in columns.")
    .with(kFields)
    .object_output("cursor", "The cursor, at the beginning.")
    .shape(no_tensor)
    .refuse_grad("datasets have no gradient")
    .cpu<CreateTreeCursor>();

PF_OP(ResetCursor).doc("Puts a cursor at the beginning.").with(kCursor).shape(no_tensor).cpu<ResetCursor>();

PF_OP(CheckDatasetConsistency)
    .doc("Fails unless the columns of a dataset have the numbers of rows that their lengths tell.")
    .with(kFields)
    .with(kColumns)
    .refuse_grad("datasets have no gradient")
    .cpu<CheckDatasetConsistency>();

PF_OP(ReadNextBatch)
    .doc("Reads the next records of a dataset; at its end fewer, then none.")
    .with(kBatch)
    .with(kCursor)
    .with(kColumns)
    .variadic_output("batch", "The rows of each field that belong to these records.")
    .shape_unknown("it depends on the cursor and the lengths")
    .cpu<ReadNextBatch>();

PF_OP(ComputeOffset)
    .doc("Where the rows of each record begin, for ReadRandomBatch. The cursor is at the beginning afterwards.")
    .with(kCursor)
    .with(kColumns)
    .output("offsets", "int64 [records + 1, 1 + fields that are lengths].")
    .shape_unknown("it depends on the lengths")
    .cpu<ComputeOffset>();

PF_OP(SortAndShuffle)
    .doc(
        "An order of the records for ReadRandomBatch: sorted by a field, then shuffled in pieces of some batches, then "
        "batch by batch.")
    .arg("sort_by_field_idx", 1, "The field to sort by, int32, one for each record; -1 for none.")
    .arg("batch_size", 1, "Records that stay together.")
    .arg("shuffle_size", 1, "How many batches make a piece within which records are shuffled.")
    .with(kCursor)
    .with(kColumns)
    .output("order", "int64 [records].")
    .shape_unknown("the kernel checks the columns")
    .cpu<SortAndShuffle>();

PF_OP(ReadRandomBatch)
    .doc("Reads the next records of a dataset in a given order.")
    .with(kBatch)
    .arg("loop_over", false, "Begin again at the end.")
    .with(kCursor)
    .input("order", "int64: numbers of records, as from SortAndShuffle.")
    .input("offsets", "From ComputeOffset.")
    .with(kColumns)
    .variadic_output("batch", "The rows of each field that belong to these records.")
    .shape_unknown("it depends on the cursor and the lengths")
    .cpu<ReadRandomBatch>();

PF_OP(TrimDataset)
    .doc("Cuts records off the end of a dataset, in place, until their number is a multiple.")
    .with(kFields)
    .arg("multiple_of", 1, "Of what.")
    .with(kColumns)
    .variadic_output("trimmed", "The same blobs.")
    .any_inplace()
    .shape_unknown("it depends on the lengths")
    .refuse_grad("datasets have no gradient")
    .cpu<TrimDataset>();

}  // namespace
}  // namespace pf
