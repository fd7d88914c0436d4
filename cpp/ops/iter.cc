// SPDX-License-Identifier: Apache-2.0
// Iteration counters that nets keep in a blob: Iter, AtomicIter.
#include "core/mutex.h"
#include "core/op.h"

namespace pf {
namespace {

Status counter_shape(Infer& in, int i) {
  PF_TRY(in.want_dtype(i, DType::kInt64));
  PF_CHECK(in.shape(i).size() == 1, shape, "a counter has one element, found the shape ", in.shape(i));
  in.set(0, in.shape(i), DType::kInt64);
  return {};
}

Status increment(Tensor& counter) {
  int64_t& n = counter.data<int64_t>()[0];
  PF_CHECK(n >= 0, value, "the counter must not be negative, found ", n);
  PF_CHECK(n < INT64_MAX, value, "the counter would overflow");
  ++n;
  return {};
}

struct Iter {
  Status run(OpRun& op) {
    Tensor& counter = op.out(0);
    if (op.inputs() == 0) {
      const bool there = counter.dtype() == DType::kInt64 && counter.size() == 1;
      PF_TRY(op.resize(0, Shape{1}, DType::kInt64));
      if (!there) counter.data<int64_t>()[0] = 0;
    }
    return increment(counter);
  }
};

struct AtomicIter {
  Status run(OpRun& op) {
    Mutex* mutex = op.in_blob(0).get<Mutex>();
    PF_CHECK(mutex, no_blob, "\"", op.in_blob(0).name, "\" is no mutex; CreateMutex makes one");
    MutexLock lock(*mutex);
    return increment(op.out(0));
  }
};

PF_OP(Iter)
    .doc(
        "Adds 1 to a counter of iterations, in place. A counter fed as 0 reads 1 in the first iteration. "
        "Without an input the output is made when it is not there yet.")
    .optional_input("iter", "int64, one element.")
    .output("iter", "The same blob, one more.")
    .must_inplace(0, 0)
    .shape([](Infer& in) { return in.inputs() ? counter_shape(in, 0) : in.unknown(); })
    .no_grad()
    .cpu<Iter>();

PF_OP(AtomicIter)
    .doc(
        "Adds 1 to a counter of iterations, in place and under a mutex, so that several nets can share the "
        "counter.")
    .object_input("mutex", "From CreateMutex.")
    .input("iter", "int64, one element.")
    .output("iter", "The same blob, one more.")
    .must_inplace(1, 0)
    .shape([](Infer& in) { return counter_shape(in, 1); })
    .no_grad()
    .cpu<AtomicIter>();

}  // namespace
}  // namespace pf
