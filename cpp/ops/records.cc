// SPDX-License-Identifier: Apache-2.0
// Rows collected in memory: Append, AtomicAppend, CollectTensor, PackRecords, UnPackRecords.
#include "core/records.h"

#include "core/mutex.h"
#include "core/objects.h"
#include "core/tensor_vector.h"
#include "math/record_tree.h"

namespace pf {
namespace {

// Output j is input i with the rows of input k behind. All checks are made before anything changes.
Status want_append(OpRun& op, int i, int k, int j) {
  PF_TRY(want_rows_alike(op.in(i), op.in(k)));
  PF_CHECK(op.in(i).size() == 0 || op.in_place(i, j), argument, "output ", j, " must be the blob of input ", i, ", \"",
           op.in_blob(i).name, "\"");
  return {};
}

Status append(OpRun& op, int i, int k, int j) {
  PF_TRY(want_append(op, i, k, j));  // an earlier output may have been the blob of this input
  if (op.in(i).size() == 0) return op.out_blob(j).object.reset(), op.out(j).copy_from(op.in(k));
  return append_rows(op.in(k), &op.out(j));
}

struct Append {
  Status run(OpRun& op) {
    PF_TRY(want_append(op, 0, 1, 0));
    return append(op, 0, 1, 0);
  }
};

struct AtomicAppend {
  Status run(OpRun& op) {
    Mutex* mutex;
    PF_TRY(object_of(op.in_blob(0), "CreateMutex", &mutex));
    MutexLock lock(*mutex);
    const int fields = op.outputs();
    PF_CHECK(op.inputs() == 1 + 2 * fields, argument, "takes the mutex, ", fields,
             " tensors and as many to add, found ", op.inputs(), " inputs");
    for (int i = 0; i < fields; ++i) PF_TRY(want_append(op, 1 + i, 1 + fields + i, i));
    for (int i = 0; i < fields; ++i) PF_TRY(append(op, 1 + i, 1 + fields + i, i));
    return {};
  }
};

struct CollectTensor {
  int64_t visited = 0;

  Status run(OpRun& op) {
    const int64_t most = op.args.i("num_to_collect");
    PF_CHECK(most > 0, argument, "num_to_collect must be 1 or more, is ", most);
    const int lists = op.outputs();
    PF_CHECK(op.inputs() == 2 * lists, argument, "takes ", lists, " lists and as many tensors, found ", op.inputs(),
             " inputs");
    // Each tensor seen so far is kept with the same chance.
    int64_t place = visited < most ? visited : int64_t(op.random.below(uint64_t(visited) + 1));
    for (int i = 0; i < lists; ++i) {
      TensorVector* list;
      PF_TRY(object_of(op.out_blob(i), "CreateTensorVector", &list));
      PF_CHECK(op.in_place(i, i), argument, "output ", i, " must be the blob of input ", i);
      PF_CHECK(op.in(lists + i).defined(), no_blob, "\"", op.in_blob(lists + i).name, "\" holds no tensor");
      const int64_t size = int64_t(list->tensors.size());
      PF_CHECK(visited < most || size == most, value, "the list \"", op.out_blob(i).name, "\" holds ", size,
               " tensors, expected ", most);
    }
    for (int i = 0; place < most && i < lists; ++i) {
      auto& tensors = op.out_blob(i).get<TensorVector>()->tensors;
      if (place >= int64_t(tensors.size())) tensors.emplace_back();
      Tensor& kept = size_t(place) < tensors.size() ? tensors[size_t(place)] : tensors.back();
      PF_TRY(kept.copy_from(op.in(lists + i)));
    }
    ++visited;
    return {};
  }
};

struct PackRecords {
  Status run(OpRun& op) {
    RecordTree tree;
    PF_TRY(tree.parse(op.args.strings("fields")));
    PF_TRY(tree.check(op, 0));
    const std::vector<int64_t> limits = tree.limits(op, 0);
    std::vector<int64_t> offsets(limits.size(), 0), sizes;
    std::vector<std::shared_ptr<std::vector<Tensor>>> made;
    for (int64_t r = 0; tree.fields() && r < limits[0]; ++r) {
      const std::vector<int64_t> from = offsets;
      PF_TRY(tree.advance(op, 0, limits, 1, &offsets, &sizes));
      auto record = std::make_shared<std::vector<Tensor>>(size_t(tree.fields()));
      for (int i = 0; i < tree.fields(); ++i) {
        const size_t d = size_t(tree.domain(i));
        PF_TRY(copy_rows(op.in(i), from[d], sizes[d], &(*record)[size_t(i)]));
      }
      made.push_back(std::move(record));
    }
    make_object<Records>(op.out_blob(0)).records = std::move(made);
    return {};
  }
};

struct UnPackRecords {
  Status run(OpRun& op) {
    Records* packed;
    PF_TRY(object_of(op.in_blob(0), "PackRecords", &packed));
    const auto records = packed->records;  // an output may be the blob of the list
    const int fields = int(op.args.strings("fields").size());
    const bool shapes_given = op.inputs() > 1;
    PF_CHECK_EQ(op.outputs(), fields, argument, "there must be an output for each field");
    PF_CHECK(!shapes_given || op.inputs() == fields + 1, argument, "takes a tensor for the type of each of the ",
             fields, " fields, found ", op.inputs() - 1);
    PF_CHECK(shapes_given || !records.empty(), value,
             "there are no records to tell the types of the fields; give tensors of those types as further inputs");
    for (int j = 0; j < fields; ++j) {
      const size_t field = size_t(j);
      for (auto& record : records)
        PF_CHECK(int(record->size()) == fields, value, "a record has ", record->size(), " fields, expected ", fields);
      const Tensor& like = shapes_given ? op.in(1 + j) : (*records[0])[field];
      PF_CHECK(like.rank() >= 1, shape, "a field has 1 dimension or more, found a scalar");
      Tensor whole, empty;
      PF_TRY(copy_rows(like, 0, 0, &whole));
      empty = whole;
      for (auto& record : records) {
        const Tensor& part = (*record)[field];
        bool fits = part.dtype() == like.dtype() && part.rank() == like.rank();
        for (int d = 1; fits && d < like.rank(); ++d) fits = part.dim(d) == like.dim(d);
        PF_CHECK(fits, shape, "field ", j, " has rows of ", part.dtype(), " ", part.shape(),
                 " in one record, expected ", like.dtype(), " ", like.shape());
        if (part.dim(0)) PF_TRY(append_rows(part, &whole));
      }
      op.out_blob(j).object.reset();
      op.out(j).share(whole);
    }
    return {};
  }
};

PF_OP(Append)
    .doc("Adds the rows of B behind those of A, in place.")
    .input("A", "Any type, [rows, ...].")
    .input("B", "The same type and shape of a row.")
    .output("C", "The blob of A; another only as long as A is empty.")
    .inplace(0, 0)
    .shape(no_tensor)
    .shape_unknown("it grows from run to run")
    .refuse_grad("collecting has no gradient")
    .cpu<Append>();

PF_OP(AtomicAppend)
    .doc("Adds rows to several tensors, in place, under a mutex: other nets see all of them added, or none.")
    .object_input("mutex", "From CreateMutex.")
    .variadic_input("tensors", "The tensors A to add to, then as many B with the rows to add.")
    .variadic_output("C", "The blobs of A.")
    .any_inplace()
    .shape(no_tensor)
    .shape_unknown("it grows from run to run")
    .refuse_grad("collecting has no gradient")
    .cpu<AtomicAppend>();

PF_OP(CollectTensor)
    .doc("Keeps a random sample of the tensors it sees: each of all that it saw with the same chance.")
    .required_arg("num_to_collect", ArgType::kInt, "How many tensors to keep.")
    .any_inputs("lists", "Lists from CreateTensorVector, then as many tensors.")
    .any_outputs("results", "The same lists.")
    .any_inplace()
    .shape_unknown("the outputs are lists")
    .refuse_grad("collecting has no gradient")
    .cpu<CollectTensor>();

PF_OP(PackRecords)
    .doc("Makes one list of the records of a dataset in columns, so that they can be handed on as one blob.")
    .optional_arg("fields", ArgType::kStrings, "Names of the columns, as for CreateTreeCursor.")
    .variadic_input("columns", "[rows, ...] of each field.")
    .object_output("records", "The list.")
    .shape(no_tensor)
    .refuse_grad("collecting has no gradient")
    .cpu<PackRecords>();

PF_OP(UnPackRecords)
    .doc("Makes columns of a list of records again.")
    .optional_arg("fields", ArgType::kStrings, "Names of the columns.")
    .object_input("records", "From PackRecords.")
    .any_inputs("like", "Tensors of the columns' types, needed when there may be no records.")
    .variadic_output("columns", "[rows, ...] of each field.")
    .shape(no_tensor)
    .shape_unknown("it depends on the records")
    .refuse_grad("collecting has no gradient")
    .cpu<UnPackRecords>();

}  // namespace
}  // namespace pf
