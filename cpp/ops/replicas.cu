// SPDX-License-Identifier: Apache-2.0
// What replicas on GPUs do together, by NCCL: queued beside what the replica computes, so that sums of gradients go on
// while the backward pass does; part of the recording where the net is recorded.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/objects.h"
#include "device/forms.h"
#include "device/nccl_api.h"
#include "device/replica_group.h"

namespace pf {
namespace {

using namespace nccl_api;

constexpr int kMostWait = 1000;  // milliseconds, for a call of NCCL that another thread is in

Status checked(Result result, Comm comm, const std::string& doing) {
  if (result == 0) return {};
  const char* more = GetLastError ? GetLastError(comm) : nullptr;
  return fail(Code::lost, "NCCL: ", GetErrorString(result), " in ", doing, more && *more ? ": " : "", more ? more : "");
}

Status open_nccl() {
  // Buffers that a recording registers would have to be registered by all replicas at the same time, but one of them
  // alone may have to record anew.
  setenv("NCCL_GRAPH_REGISTER", "0", 0);
  PF_TRY(nccl().open());
  int version = 0;
  PF_CHECK(GetVersion && GetVersion(&version) == 0 && CommAbort && GetUniqueId, argument, nccl().path(),
           " is no NCCL 2; name the folder of one in PORTAFILTER_CUDA_PATH");
  PF_CHECK(version >= kOldest && version < 30000, argument, nccl().path(), " is NCCL ", version / 10000, ".",
           version / 100 % 100, "; NCCL 2.14 or newer is needed");
  return {};
}

// The number by which NCCL knows the group: made by the first process, told by MPI. It serves each replica once.
Status agree(ReplicaGroup& group, UniqueId* id) {
  if (group.token.empty()) {
    if (!group.others || group.others->rank() == 0) PF_TRY(checked(GetUniqueId(id), nullptr, "ncclGetUniqueId"));
    if (group.others) PF_TRY(group.others->broadcast(0, id, sizeof *id, "the beginning of NCCL"));
    group.token.assign(id->bytes, sizeof id->bytes);
  }
  std::memcpy(id->bytes, group.token.data(), sizeof id->bytes);
  if (++group.met == group.replicas) group.met = 0, group.token.clear();
  return {};
}

class NcclWorld final : public World {
 public:
  static Status open(OpRun& op, const WorldOptions& options, std::unique_ptr<NcclWorld>* out) {
    std::shared_ptr<ReplicaGroup> group;
    PF_TRY(open_nccl());
    PF_TRY(ReplicaGroup::join(options, &group));
    PF_CHECK(group->replicas == 1 || has_turn(), blocked,
             "a replica alone would wait for ever for the others; the nets of replicas run together or not at all");
    UniqueId id = {};
    PF_TRY(agree(*group, &id));
    std::unique_ptr<NcclWorld> made(new NcclWorld(device_of(op), group));
    made->worker = group->first + options.replica, made->workers = group->workers;
    note_waiting("the beginning of NCCL");
    Result result;
    {
      const LetOthersRun others;
      result = CommInitRank(&made->comm_, made->workers, id, made->worker);
    }
    if (result != 0) made->comm_ = nullptr;  // NCCL has freed what it had begun with
    note_waiting("sums of gradients on GPUs");
    PF_TRY(checked(result, nullptr,
                   text("ncclCommInitRank of worker ", made->worker, " of ", made->workers, " on GPU ",
                        device_of(op).options.index)));
    *out = std::move(made);
    return {};
  }

  ~NcclWorld() override {
    if (!comm_) return;
    if (device_.finish().ok()) {
      device_.drop_recordings(this);
      CommDestroy(comm_);
    } else {
      abort();
    }
    note_waiting(nullptr);
  }

  Status sum(OpRun& op, int first) override {
    std::vector<Buffer> buffers;
    for (int j = 0; j < op.outputs(); ++j) {
      View x;
      void* y;
      PF_TRY(read_any(op, first + j, &x));
      PF_TRY(write_form(op, j, x.form, &y));
      PF_CHECK(y == x.data, internal, "\"", op.out_blob(j).name, "\" has moved while it was read");
      buffers.push_back({y, size_t(op.out(j).size()), x.form.half ? kFloat16 : kFloat32});
    }
    return queue(buffers, text("the sum of ", names_of(op, first)),
                 [](const Buffer& b, Comm comm, cudaStream_t stream) {
                   return AllReduce(b.data, b.data, b.count, b.type, kSum, comm, stream);
                 });
  }

  Status broadcast(OpRun& op, int first) override {
    std::vector<Buffer> buffers;
    for (int j = 0; j < op.outputs(); ++j)
      buffers.push_back({op.out(j).data<uint8_t>(), op.out(j).byte_size(), kUint8});
    return queue(buffers, text("the broadcast of ", names_of(op, first)),
                 [](const Buffer& b, Comm comm, cudaStream_t stream) {
                   return Broadcast(b.data, b.data, b.count, b.type, 0, comm, stream);
                 });
  }

  Status wait(OpRun&) override {
    PF_TRY(device_.mark(CudaDevice::kWait, device_.queue()));
    PF_TRY(device_.join());
    return device_.mark(CudaDevice::kWait, device_.queue());
  }

  // Ends what is under way on the GPU too. Not in the middle of a recording, whose end NCCL would wait for: the replica
  // that records comes back to this, or whoever has waited for it.
  void give_up() override {
    given_up_ = true;
    if (comm_ && !device_.recording()) abort();
  }

 private:
  struct Buffer {
    void* data;
    size_t count;
    Type type;
  };
  NcclWorld(CudaDevice& device, std::shared_ptr<ReplicaGroup> group) : device_(device), group_(std::move(group)) {}

  void abort() {
    // The replica's thread may be in a call of NCCL. That ends soon, unless it waits for the one that has failed.
    for (int i = 0; i < kMostWait && calls_.load(); ++i) usleep(1000);
    // Both at once: a recording that is under way is dropped when its sums have been ended, and NCCL, which ends them
    // first, comes back when it is dropped.
    std::thread ending([comm = comm_] { CommAbort(comm); });
    device_.drop_recordings(this);
    ending.join();
    comm_ = nullptr;
  }

  Status still_together() {
    if (given_up_) give_up();
    PF_CHECK(!given_up_, lost, "the replicas of this group were given up when one of them failed; open new ones");
    return {};
  }

  template <class F>
  Status queue(const std::vector<Buffer>& buffers, const std::string& what, F add) {
    PF_TRY(still_together());
    PF_CHECK(group_->replicas == 1 || has_turn(), blocked, "a replica alone would wait for ever for the others in ",
             what, "; the nets of replicas run together or not at all");
    cudaStream_t beside;
    PF_TRY(device_.fork(&beside));
    PF_TRY(device_.mark(CudaDevice::kSum, beside));
    device_.recorded_for(this, group_->replicas > 1);
    const Comm comm = comm_;
    Result result;
    cudaError_t waited = cudaSuccess;
    calls_ = true;
    {
      // The first collective of a kind connects the GPUs, which takes all of them.
      const LetOthersRun others;
      result = GroupStart();
      for (const Buffer& b : buffers)
        if (result == 0 && b.count) result = add(b, comm, beside);
      const Result ended = GroupEnd();
      if (result == 0) result = ended;
      calls_ = false;
      // What is queued one by one waits here: later operators may need the whole device for themselves (to load a
      // kernel, to give memory back) while the other replicas have yet to come. A recording has none of that.
      if (result == 0 && !device_.recording()) waited = cudaStreamSynchronize(beside);
    }
    PF_TRY(still_together());
    PF_TRY(checked(result, comm, what));
    PF_TRY(cuda_status(waited, what.c_str()));
    return device_.mark(CudaDevice::kSum, beside);
  }

  CudaDevice& device_;
  std::shared_ptr<ReplicaGroup> group_;
  Comm comm_ = nullptr;
  bool given_up_ = false;
  std::atomic<bool> calls_{false};  // NCCL, and others have their turn meanwhile
};

Status world_of(OpRun& op, World** out) {
  PF_TRY(object_of(op.in_blob(0), "CreateReplicaWorld", out));
  for (int j = 0; j < op.outputs(); ++j)
    PF_CHECK(op.in_place(j + 1, j), argument, "works in place: output ", j, " must be \"", op.in_blob(j + 1).name,
             "\", is \"", op.out_blob(j).name, "\"");
  return {};
}

struct CreateReplicaWorld {
  Status run(OpRun& op) {
    WorldOptions options;
    PF_TRY(read_options(op.args, &options));
    std::unique_ptr<NcclWorld> world;
    PF_TRY(NcclWorld::open(op, options, &world));
    Blob& blob = op.out_blob(0);
    blob.clear();
    blob.object = std::move(world);
    return {};
  }
};

struct ReplicaAllreduce {
  static constexpr bool kPicksForms = true, kTakesObjects = true;
  Status run(OpRun& op) {
    World* world = nullptr;
    PF_TRY(world_of(op, &world));
    return world->sum(op, 1);
  }
};

struct ReplicaBroadcast {
  static constexpr bool kTakesObjects = true;
  Status run(OpRun& op) {
    World* world = nullptr;
    PF_TRY(world_of(op, &world));
    return world->broadcast(op, 1);
  }
};

struct ReplicaWait {
  static constexpr bool kPicksForms = true, kTakesObjects = true;
  Status run(OpRun& op) {
    World* world = nullptr;
    PF_TRY(world_of(op, &world));
    return world->wait(op);
  }
};

PF_CUDA_OP(CreateReplicaWorld, CreateReplicaWorld);
PF_CUDA_OP(ReplicaAllreduce, ReplicaAllreduce);
PF_CUDA_OP(ReplicaBroadcast, ReplicaBroadcast);
PF_CUDA_OP(ReplicaWait, ReplicaWait);

}  // namespace
}  // namespace pf
