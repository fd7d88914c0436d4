// SPDX-License-Identifier: Apache-2.0
// CreateMutex, and AtomicFetchAdd, which adds to a number under one.
#include "core/mutex.h"

#include "core/op.h"

namespace pf {
namespace {

struct CreateMutex {
  Status run(OpRun& op) {
    Blob& blob = op.out_blob(0);
    blob.clear();
    blob.object.reset(new Mutex);
    return {};
  }
};

struct AtomicFetchAdd {
  Status run(OpRun& op) {
    Mutex* mutex = op.in_blob(0).get<Mutex>();
    PF_CHECK(mutex, no_blob, "\"", op.in_blob(0).name, "\" is no mutex; CreateMutex makes one");
    MutexLock lock(*mutex);
    const uint32_t before = uint32_t(op.in(1).data<int32_t>()[0]);
    op.out(0).data<int32_t>()[0] = int32_t(before + uint32_t(op.in(2).data<int32_t>()[0]));
    op.out(1).data<int32_t>()[0] = int32_t(before);
    return {};
  }
};

PF_OP(CreateMutex)
    .doc("Makes a mutex, for operators such as AtomicIter that change a blob which several nets share.")
    .object_output("mutex", "The mutex, not locked.")
    .shape(no_tensor)
    .refuse_grad("a mutex has no gradient")
    .cpu<CreateMutex>();

PF_OP(AtomicFetchAdd)
    .doc("Adds to a number under a mutex and tells what it was before: `after = original + increment`.")
    .object_input("mutex", "From CreateMutex.")
    .input("original", "int32, one element.")
    .input("increment", "int32, one element.")
    .output("after", "int32 scalar; usually the blob of original.")
    .output("before", "int32 scalar, the original.")
    .inplace(1, 0)
    .shape([](Infer& in) -> Status {
      for (int i = 1; i < 3; ++i) {
        PF_TRY(in.want_dtype(i, DType::kInt32));
        PF_CHECK(in.shape(i).size() == 1, shape, "takes single numbers, found the shape ", in.shape(i));
      }
      in.set(0, Shape{}, DType::kInt32);
      in.set(1, Shape{}, DType::kInt32);
      return {};
    })
    .refuse_grad("AtomicFetchAdd works on integers, which have no gradient")
    .cpu<AtomicFetchAdd>();

}  // namespace
}  // namespace pf
