// SPDX-License-Identifier: Apache-2.0
// What replicas of a model do together: sums of gradients, and the parameters of one for all. On the CPU a replica
// whose turn it is leaves its part and is blocked; the last one does the work for all. On CUDA see replicas.cu.
#include "core/objects.h"
#include "device/replica_group.h"

namespace pf {
namespace {

class HostWorld final : public World {
 public:
  HostWorld(std::shared_ptr<ReplicaGroup> group, int replica) : group_(std::move(group)), replica_(replica) {
    worker = group_->first + replica, workers = group_->workers;
  }
  // What it has left for the others is gone with its workspace.
  ~HostWorld() override { group_->parts[size_t(replica_)] = {}; }
  Status sum(OpRun& op, int first) override { return together(op, first, "the sum of ", &HostWorld::sum_now); }
  Status broadcast(OpRun& op, int first) override {
    return together(op, first, "the broadcast of ", &HostWorld::broadcast_now);
  }
  Status wait(OpRun&) override { return {}; }

 private:
  using Work = Status (HostWorld::*)(const std::string& what);

  Status together(OpRun& op, int first, const char* kind, Work work) {
    const std::string what = kind + names_of(op, first);
    CommonRuns& common = common_runs();
    ReplicaGroup::Part& me = group_->parts[size_t(replica_)];
    if (me.run != common.runs) me.run = common.runs, me.waiting = me.done = false;
    if (me.done) return me.done = false, Status();
    if (!me.waiting) me.waiting = true, ++common.steps;
    me.what = kind;
    me.blobs.clear();
    for (int j = 0; j < op.outputs(); ++j) me.blobs.push_back(&op.out_blob(j));
    for (size_t i = 0; i < group_->parts.size(); ++i) {
      const ReplicaGroup::Part& other = group_->parts[i];
      PF_CHECK(other.waiting && other.run == common.runs, blocked, "replica ", replica_, " waits for replica ", i,
               " in ", what, "; the nets of replicas run together or not at all");
    }
    PF_TRY(fits());
    PF_TRY((this->*work)(what));
    for (ReplicaGroup::Part& one : group_->parts) one.waiting = false, one.done = &one != &me;
    return {};
  }

  Tensor& part(size_t member, size_t i) const { return group_->parts[member].blobs[i]->tensor; }
  size_t parts() const { return group_->parts[0].blobs.size(); }

  Status fits() const {
    for (size_t m = 1; m < group_->parts.size(); ++m) {
      const char *first = group_->parts[0].what, *other = group_->parts[m].what;
      PF_CHECK(first == other, net, "replica 0 is at ", first, "its tensors, replica ", m, " at ", other, "its own");
      PF_CHECK(group_->parts[m].blobs.size() == parts(), shape, "replica 0 brings ", parts(), " tensors, replica ", m,
               " ", group_->parts[m].blobs.size());
      for (size_t i = 0; i < parts(); ++i)
        PF_CHECK(part(m, i).type() == part(0, i).type(), shape, "\"", group_->parts[0].blobs[i]->name, "\" is ",
                 part(0, i).dtype(), " ", part(0, i).shape(), " in replica 0, and in replica ", m, " \"",
                 group_->parts[m].blobs[i]->name, "\" is ", part(m, i).dtype(), " ", part(m, i).shape());
    }
    return {};
  }

  // In the order of the replicas, then over the processes: the same result whoever came last.
  Status sum_now(const std::string& what) {
    constexpr int64_t kGrain = 16384;
    std::vector<Communicator::Part> sums;
    for (size_t i = 0; i < parts(); ++i) {
      const int64_t n = part(0, i).size();
      float* y = part(0, i).data<float>();
      for (size_t m = 1; m < group_->parts.size(); ++m) {
        const float* x = part(m, i).data<float>();
        parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
          for (int64_t k = begin; k < end; ++k) y[k] += x[k];
        });
      }
      if (n) sums.push_back({y, n});
    }
    if (group_->others) PF_TRY(group_->others->sum(sums.data(), sums.size(), DType::kFloat, what));
    hand_out();
    return {};
  }

  Status broadcast_now(const std::string& what) {
    for (size_t i = 0; i < parts() && group_->others; ++i)
      PF_TRY(group_->others->broadcast(0, part(0, i).data<uint8_t>(), part(0, i).byte_size(), what));
    hand_out();
    return {};
  }

  void hand_out() const {
    for (size_t i = 0; i < parts(); ++i)
      for (size_t m = 0; m < group_->parts.size(); ++m) {
        const size_t bytes = part(0, i).byte_size();
        if (m && bytes) std::memcpy(part(m, i).data<uint8_t>(), part(0, i).data<uint8_t>(), bytes);
        part(m, i).touch();
      }
  }

  std::shared_ptr<ReplicaGroup> group_;
  int replica_;
};

struct CreateReplicaWorld {
  Status run(OpRun& op) {
    WorldOptions options;
    PF_TRY(read_options(op.args, &options));
    std::shared_ptr<ReplicaGroup> group;
    PF_TRY(ReplicaGroup::join(options, &group));
    make_object<HostWorld>(op.out_blob(0), std::move(group), options.replica);
    return {};
  }
};

template <Status (World::*kWork)(OpRun&, int)>
struct InWorld {
  Status run(OpRun& op) {
    World* world = nullptr;
    PF_TRY(object_of(op.in_blob(0), "CreateReplicaWorld", &world));
    for (int j = 0; j < op.outputs(); ++j)
      PF_CHECK(op.in_place(j + 1, j), argument, "works in place: output ", j, " must be \"", op.in_blob(j + 1).name,
               "\", is \"", op.out_blob(j).name, "\"");
    return (world->*kWork)(op, 1);
  }
};

struct ReplicaWait {
  Status run(OpRun& op) {
    World* world = nullptr;
    PF_TRY(object_of(op.in_blob(0), "CreateReplicaWorld", &world));
    return world->wait(op);
  }
};

Status as_they_are(Infer& in) {
  PF_CHECK(in.outputs() == in.inputs() - 1, argument, "has ", in.inputs() - 1, " tensors and ", in.outputs(),
           " outputs; it works in place on each");
  for (int j = 0; j < in.outputs(); ++j) in.set(j, in.shape(j + 1), in.dtype(j + 1));
  return {};
}

Status floats_as_they_are(Infer& in) {
  for (int i = 1; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  return as_they_are(in);
}

Status bytes_as_they_are(Infer& in) {
  for (int i = 1; i < in.inputs(); ++i)
    PF_CHECK(dtype_size(in.dtype(i)), type, "tensor ", i - 1, " holds strings, which cannot be broadcast");
  return as_they_are(in);
}

constexpr const char* kOurs = "what replicas do together has no gradient";

PF_OP(CreateReplicaWorld)
    .doc(
        "Makes a replica known to the others of its group, with which its collectives work: those of this process, and "
        "those of the other processes that mpirun started. In a workspace on a GPU it opens NCCL.")
    .arg("group", 0, "Number of the group in this process.")
    .arg("replica", 0, "This replica's number in this process.")
    .arg("replicas", 1, "How many this process has.")
    .arg("processes", false, "Whether other processes have replicas of the group; all make it at the same time.")
    .object_output("world", "For the collectives.")
    .shape(no_tensor)
    .refuse_grad(kOurs)
    .cpu<CreateReplicaWorld>();

PF_OP(ReplicaAllreduce)
    .doc(
        "Makes each tensor the sum of that tensor in all replicas. On a GPU it is queued beside what follows; "
        "ReplicaWait "
        "waits for it.")
    .object_input("world", "From CreateReplicaWorld.")
    .variadic_input("tensors", "float, of any shapes, which are the same in all replicas.")
    .variadic_output("sums", "The same blobs.")
    .any_inplace()
    .shape(floats_as_they_are)
    .refuse_grad(kOurs)
    .cpu<InWorld<&World::sum>>();

PF_OP(ReplicaWait)
    .doc("Waits for the collectives of this replica that are under way: operators after it see their results.")
    .object_input("world", "From CreateReplicaWorld.")
    .variadic_input("tensors", "What collectives work on.")
    .variadic_output("same", "The same blobs.")
    .any_inplace()
    .shape(as_they_are)
    .refuse_grad(kOurs)
    .cpu<ReplicaWait>();

PF_OP(ReplicaBroadcast)
    .doc("Gives the tensors of worker 0, the first replica of the first process, to all. On a GPU as ReplicaAllreduce.")
    .object_input("world", "From CreateReplicaWorld.")
    .variadic_input("tensors", "Of any fixed-size type; types and shapes are the same in all replicas.")
    .variadic_output("same", "The same blobs.")
    .any_inplace()
    .shape(bytes_as_they_are)
    .refuse_grad(kOurs)
    .cpu<InWorld<&World::broadcast>>();

}  // namespace
}  // namespace pf
