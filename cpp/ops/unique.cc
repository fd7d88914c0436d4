// SPDX-License-Identifier: Apache-2.0
// Equal elements: Unique, FindDuplicateElements, Find.
#include "math/indices.h"
#include "math/sort.h"

namespace pf {
namespace {

// An element as a number and where it is. Equal ones keep their order.
struct Entry {
  int64_t value, index;
  static bool before(const Entry& a, const Entry& b) {
    return a.value < b.value || (a.value == b.value && a.index < b.index);
  }
};

Status sorted_entries(OpRun& op, const Tensor& x, Entry** out) {
  PF_TRY(op.scratch(x.size(), out));
  for (int64_t i = 0; i < x.size(); ++i) (*out)[i] = {index_at(x, i), i};
  heap_sort(x.size(), *out, Entry::before);
  return {};
}

void put_index(Tensor& t, int64_t i, int64_t value) {
  if (t.dtype() == DType::kInt32)
    t.data<int32_t>()[i] = int32_t(value);
  else
    t.data<int64_t>()[i] = value;
}

struct Unique {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    const int64_t n = x.size();
    Entry* entries;
    PF_TRY(sorted_entries(op, x, &entries));
    int64_t count = 0;
    for (int64_t i = 0; i < n; ++i) count += i == 0 || entries[i].value != entries[i - 1].value;
    PF_TRY(op.resize(0, Shape{count}, x.dtype()));
    if (op.outputs() > 1) PF_TRY(op.resize(1, x.shape(), DType::kInt32));
    for (int64_t i = 0, at = -1; i < n; ++i) {
      if (i == 0 || entries[i].value != entries[i - 1].value) put_index(op.out(0), ++at, entries[i].value);
      if (op.outputs() > 1) op.out(1).data<int32_t>()[entries[i].index] = int32_t(at);
    }
    return {};
  }
};

struct FindDuplicateElements {
  Status run(OpRun& op) {
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        return run_as<float>(op);
      case DType::kDouble:
        return run_as<double>(op);
      case DType::kInt32:
        return run_as<int32_t>(op);
      case DType::kInt64:
        return run_as<int64_t>(op);
      default:
        return run_as<std::string>(op);
    }
  }
  template <class T>
  Status run_as(OpRun& op) {
    const int64_t n = op.in(0).size();
    const T* x = op.in(0).data<T>();
    int64_t* order;
    PF_TRY(op.scratch(n, &order));
    for (int64_t i = 0; i < n; ++i) order[i] = i;
    // By value, NaN last, then by place.
    const auto below = [](const T& a, const T& b) { return a < b || (b != b && a == a); };
    heap_sort(n, order, [=](int64_t a, int64_t b) { return below(x[a], x[b]) || (a < b && !below(x[b], x[a])); });
    // Of equal neighbours all but the first are duplicates; they are moved to the front and brought into order.
    int64_t count = 0;
    for (int64_t i = 1, before = n ? order[0] : 0; i < n; ++i) {
      const int64_t now = order[i];
      if (x[now] == x[before]) order[count++] = now;
      before = now;
    }
    heap_sort(count, order, [](int64_t a, int64_t b) { return a < b; });
    PF_TRY(op.resize(0, Shape{count}, DType::kInt64));
    for (int64_t i = 0; i < count; ++i) op.out(0).data<int64_t>()[i] = order[i];
    return {};
  }
};

struct Find {
  Status run(OpRun& op) {
    const Tensor &index = op.in(0), &query = op.in(1);
    Entry* entries;
    PF_TRY(sorted_entries(op, index, &entries));
    for (int64_t i = 0; i < query.size(); ++i) {
      const int64_t value = index_at(query, i);
      int64_t begin = 0, end = index.size();  // the entries before `begin` are at most value, those from `end` on above
      while (begin < end) {
        const int64_t middle = begin + (end - begin) / 2;
        if (entries[middle].value <= value)
          begin = middle + 1;
        else
          end = middle;
      }
      const bool found = begin > 0 && entries[begin - 1].value == value;
      put_index(op.out(0), i, found ? entries[begin - 1].index : op.args.i("missing_value"));
    }
    return {};
  }
};

PF_OP(Unique)
    .doc("The different elements of X, ascending.")
    .input("X", "int32 or int64 [count].")
    .output("Y", "Type of X [different elements].")
    .optional_output("remapping", "int32 [count]: where in Y each element of X is.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_indices(in, 0));
      return in.want_rank(0, 1);
    })
    .shape_unknown("their number depends on the elements")
    .refuse_grad("integers have no gradient")
    .cpu<Unique>();

PF_OP(FindDuplicateElements)
    .doc("Where elements of X are that came before, ascending.")
    .input("X", "float32, float64, int32, int64 or string [count].")
    .output("Y", "int64 [duplicates].")
    .shape([](Infer& in) -> Status {
      const DType t = in.dtype(0);
      PF_CHECK(is_index(t) || t == DType::kFloat || t == DType::kDouble || t == DType::kString, type,
               "X must be float32, float64, int32, int64 or string, is ", t);
      return in.want_rank(0, 1);
    })
    .shape_unknown("their number depends on the elements")
    .refuse_grad("positions have no gradient")
    .cpu<FindDuplicateElements>();

PF_OP(Find)
    .doc("Where in the index each query is; of several places the last.")
    .arg("missing_value", -1, "What a query that is not there gives.")
    .input("index", "int32 or int64, any shape; positions count its elements in order.")
    .input("query", "Type of index, any shape.")
    .output("Y", "Type of index, shape of query.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_indices(in, 0));
      PF_TRY(in.want_dtype(1, in.dtype(0)));
      in.set(0, in.shape(1), in.dtype(0));
      return {};
    })
    .refuse_grad("positions have no gradient")
    .cpu<Find>();

}  // namespace
}  // namespace pf
