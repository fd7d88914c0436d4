// SPDX-License-Identifier: Apache-2.0
// ReservoirSampling (Vitter, "Random sampling with a reservoir", 1985): of all rows seen so far each is kept with the
// same chance.
#include "core/mutex.h"
#include "core/number_map.h"
#include "core/objects.h"
#include "math/record_tree.h"

namespace pf {
namespace {

struct ReservoirSampling {
  enum In { kReservoir, kVisited, kData, kMutex, kIds, kPlaces, kKept };  // outputs: 0, 1 and of the last two 2, 3

  Status run(OpRun& op) {
    const bool by_id = op.inputs() > kIds;
    PF_CHECK(op.inputs() == (by_id ? 7 : 4) && op.outputs() == (by_id ? 4 : 2), argument,
             "takes 4 inputs and 2 outputs, or with ids 7 and 4; found ", op.inputs(), " and ", op.outputs());
    Mutex* mutex;
    NumberMap* places = nullptr;
    PF_TRY(object_of(op.in_blob(kMutex), "CreateMutex", &mutex));
    MutexLock lock(*mutex);
    PF_TRY(check(op, by_id));
    if (by_id) PF_TRY(object_of(op.in_blob(kPlaces), "CreateMap", &places));
    const bool fresh = op.in(kReservoir).size() == 0;
    if (fresh) {
      // Begun anew: the reservoir was emptied.
      PF_TRY(copy_rows(op, op.in(kData), 0, 0, 0));
      op.out(1).data<int64_t>()[0] = 0;
      if (by_id) {
        places->clear();
        PF_TRY(op.resize(3, Shape{0}, DType::kInt64));
      }
    }
    PF_CHECK(op.out(1).data<int64_t>()[0] >= 0, value, "the number of rows seen is below 0");
    PF_CHECK(!by_id || op.in(kKept).size() == op.in(kReservoir).dim(0), value, "there are ", op.in(kKept).size(),
             " ids for ", op.in(kReservoir).dim(0), " rows");
    for (int64_t i = 0; i < op.in(kData).dim(0); ++i) PF_TRY(visit(op, places, i));
    return {};
  }

 private:
  static Status check(OpRun& op, bool by_id) {
    PF_CHECK(op.args.i("num_to_collect") > 0, argument, "num_to_collect must be 1 or more, is ",
             op.args.i("num_to_collect"));
    for (auto [i, j] : {std::pair{0, 0}, {1, 1}, {5, 2}, {6, 3}})
      PF_CHECK(j >= op.outputs() || op.in_place(i, j), argument, "output ", j, " must be the blob of input ", i);
    PF_CHECK(op.in(kVisited).dtype() == DType::kInt64 && op.in(kVisited).size() == 1, type,
             "the number of rows seen must be one int64, is ", op.in(kVisited).dtype(), " ", op.in(kVisited).shape());
    PF_CHECK(op.in(kReservoir).defined() && op.in(kData).defined(), no_blob, "there is no reservoir or no data");
    PF_CHECK(&op.in(kData) != &op.in(kReservoir), argument, "the data cannot be the reservoir");
    PF_TRY(want_rows_alike(op.in(kReservoir), op.in(kData)));
    if (!by_id) return {};
    for (int i : {int(kIds), int(kKept)})
      PF_CHECK(op.in(i).dtype() == DType::kInt64 || (i == kKept && op.in(i).size() == 0), type, "ids must be int64, \"",
               op.in_blob(i).name, "\" is ", op.in(i).dtype());
    PF_CHECK(op.in(kIds).rank() == 1 && op.in(kIds).size() == op.in(kData).dim(0), shape,
             "there must be one id for each row; data and ids are ", op.in(kData).shape(), " and ",
             op.in(kIds).shape());
    return {};
  }

  static Status visit(OpRun& op, NumberMap* places, int64_t i) {
    const int64_t most = op.args.i("num_to_collect");
    int64_t& visited = op.out(1).data<int64_t>()[0];
    const int64_t id = places ? op.in(kIds).data<int64_t>()[i] : 0;
    if (places && places->find(id)) return {};
    const int64_t place = visited < most ? visited : int64_t(op.random.below(uint64_t(visited) + 1));
    ++visited;
    if (place >= most) return {};
    Tensor row;
    PF_TRY(copy_rows(op.in(kData), i, 1, &row));
    Tensor& kept = op.out(0);
    PF_CHECK(place <= kept.dim(0), value, "the reservoir has ", kept.dim(0), " rows, ", visited - 1, " were seen");
    if (place == kept.dim(0)) {
      PF_TRY(append_rows(row, &kept));
      if (places) {
        Tensor one;
        PF_TRY(one.resize(Shape{1}, DType::kInt64));
        one.data<int64_t>()[0] = id;
        PF_TRY(append_rows(one, &op.out(3)));
      }
    } else {
      const int64_t size = kept.shape().from(1);
      if (kept.dtype() == DType::kString)
        for (int64_t k = 0; k < size; ++k) kept.data<std::string>()[place * size + k] = row.data<std::string>()[k];
      else if (size)
        __builtin_memcpy(kept.data<uint8_t>() + size_t(place) * row.byte_size(), row.data<uint8_t>(), row.byte_size());
      if (places) {
        places->erase(op.out(3).data<int64_t>()[place]);
        op.out(3).data<int64_t>()[place] = id;
      }
    }
    if (places) places->set(id, place);
    return {};
  }
};

PF_OP(ReservoirSampling)
    .doc("Keeps a random sample of the rows it sees, each with the same chance; with ids, at most one row of each.")
    .required_arg("num_to_collect", ArgType::kInt, "How many rows to keep.")
    .any_inputs("inputs",
                "The reservoir (empty at first), int64 [1] the number of rows seen (0 at first), the rows, a mutex; "
                "with ids also int64 [rows] the ids, a map from CreateMap and int64 [0].")
    .any_outputs("outputs", "The reservoir and the number, with ids also the map and the last input: the same blobs.")
    .any_inplace()
    .shape_unknown("it grows from run to run")
    .refuse_grad("collecting has no gradient")
    .cpu<ReservoirSampling>();

}  // namespace
}  // namespace pf
