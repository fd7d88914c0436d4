// SPDX-License-Identifier: Apache-2.0
// LastNWindowCollector: a ring of the last rows seen.
#include "core/mutex.h"
#include "math/copy.h"

namespace pf {
namespace {

struct LastNWindowCollector {
  int64_t most;
  explicit LastNWindowCollector(const Args& args) : most(args.i("num_to_collect")) {}

  Status run(OpRun& op) {
    if (op.inputs() < 4) return collect(op);
    Mutex* mutex = op.in_blob(3).get<Mutex>();
    PF_CHECK(mutex, no_blob, "\"", op.in_blob(3).name, "\" is no mutex; CreateMutex makes one");
    MutexLock lock(*mutex);
    return collect(op);
  }

  Status collect(OpRun& op) {
    const Tensor& x = op.in(2);
    Tensor& ring = op.out(0);
    const int64_t entries = x.dim(0);
    const bool fresh = ring.size() == 0;
    if (op.outputs() > 2) {
      Tensor& number = op.out(2);
      PF_CHECK(number.dtype() == DType::kInt64 && number.size() == 1, type, "num_visited must be one int64, is ",
               number.dtype(), " ", number.shape());
      int64_t& visited = *number.data<int64_t>();
      if (fresh) visited = 0;
      PF_CHECK(visited >= 0 && visited <= INT64_MAX - entries, value, "num_visited is ", visited);
      visited += entries;
    }
    if (!entries) return fresh ? ring.copy_from(x) : Status();
    const int64_t copied = entries < most ? entries : most, before = fresh ? 0 : ring.dim(0);
    if (before < most) PF_TRY(grow(ring, x, before, before + copied < most ? before + copied : most));

    int32_t& next = *op.out(1).data<int32_t>();
    if (fresh) next = 0;
    PF_CHECK(next >= 0 && next < ring.dim(0), value, "the cursor is ", next, "; the buffer has ", ring.dim(0), " rows");
    const Elements elements(x.dtype());
    const int64_t block = x.shape().from(1), skipped = entries - copied;
    if (skipped) next = 0;  // the whole ring is written anew
    const int64_t first = next + copied < most ? copied : most - next;
    auto put = [&](int64_t row, int64_t from, int64_t rows) {
      if (elements.strings)
        elements.copy(ring.data<std::string>() + row * block, x.data<std::string>() + from * block, rows * block);
      else
        elements.copy(elements.at(ring.data<uint8_t>(), row * block), elements.at(x.data<uint8_t>(), from * block),
                      rows * block);
    };
    // A cursor moved by hand may point before the end of a ring that is not full: what is there counts.
    PF_CHECK(next + first <= ring.dim(0) && copied - first <= ring.dim(0), value, "the cursor ", next,
             " leaves a gap in the ", ring.dim(0), " rows of the buffer");
    put(next, skipped, first);
    put(0, skipped + first, copied - first);
    next = skipped ? 0 : int32_t((next + copied) % most);
    return {};
  }

  // More rows, those there stay.
  static Status grow(Tensor& ring, const Tensor& x, int64_t before, int64_t rows) {
    Shape shape = x.shape();
    shape[0] = rows;
    Tensor larger;
    PF_TRY(larger.resize(shape, x.dtype()));
    const Elements elements(x.dtype());
    if (before && elements.strings)
      elements.copy(larger.data<std::string>(), ring.data<std::string>(), ring.size());
    else if (before)
      elements.copy(larger.data<uint8_t>(), ring.data<uint8_t>(), ring.size());
    ring = std::move(larger);
    return {};
  }
};

PF_OP(LastNWindowCollector)
    .doc("Keeps the last `num_to_collect` rows of all tensors it has seen, in a ring.")
    .required_arg("num_to_collect", ArgType::kInt, "Rows to keep.")
    .input("last_n", "The ring; empty at first.")
    .input("next", "int32 scalar: the row of the ring to write next; 0 at first.")
    .input("data", "(rows, …).")
    .optional_any_input("mutex", "From CreateMutex: held meanwhile.")
    .optional_any_input("num_visited_in", "int64, one element.")
    .output("last_n_out", "The blob of last_n.")
    .output("next_out", "The blob of next.")
    .optional_output("num_visited", "The blob of num_visited_in: the rows seen so far.")
    .must_inplace(0, 0)
    .must_inplace(1, 1)
    .must_inplace(4, 2)
    .shape_unknown("it depends on how many rows were collected before")
    .shape([](Infer& in) -> Status {
      const int64_t most = in.args.i("num_to_collect");
      PF_CHECK(most > 0 && most <= INT32_MAX, argument, "num_to_collect must be 1 or more, is ", most);
      PF_TRY(in.want_dtype(1, DType::kInt32));
      PF_TRY(in.want_rank(1, 0));
      const Shape &ring = in.shape(0), &x = in.shape(2);
      PF_CHECK(x.rank() >= 1, shape, "data must have a dimension of rows");
      if (ring.size()) {
        PF_TRY(in.want_dtype(2, in.dtype(0)));
        bool same = ring.rank() == x.rank();
        for (int d = 1; d < x.rank() && same; ++d) same = ring[d] == x[d];
        PF_CHECK(same, shape, "rows of ", x, " cannot join those of ", ring);
      }
      PF_CHECK(in.outputs() < 3 || in.inputs() == 5, argument, "num_visited needs the fifth input");
      return in.unknown();
    })
    .refuse_grad("what was collected before has no gradient")
    .cpu<LastNWindowCollector>();

}  // namespace
}  // namespace pf
