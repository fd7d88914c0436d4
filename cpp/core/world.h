// SPDX-License-Identifier: Apache-2.0
// Replicas of a model that work together: those of this process, each in a workspace of its own, and those of other
// processes. Each has an object of this class in a blob; operators (cpp/ops/replicas.cc) use it.
#pragma once
#include "core/op.h"

namespace pf {

struct WorldOptions {
  int64_t group = 0;              // names the replicas of this process that belong together
  int replica = 0, replicas = 1;  // this one's number, and how many this process has
  bool processes = false;         // with those of the other processes that mpirun started
};

class World : public Object {
 public:
  static constexpr char kKind[] = "common world";
  const char* kind() const override { return kKind; }

  // Outputs become the sums of the inputs over all replicas; input `first` belongs to output 0, and so on, in place. On
  // a device it is queued beside what the replica goes on with, until `wait`.
  virtual Status sum(OpRun& op, int first) = 0;
  virtual Status broadcast(OpRun& op, int first) = 0;  // from worker 0 to all
  virtual Status wait(OpRun& op) = 0;
  // One of the replicas has failed: the others must not wait for it for ever.
  virtual void give_up() {}

  int worker = 0, workers = 1;  // this replica's number among those of all processes, and how many there are
};

// The blobs of a collective, for messages: "fc_w_grad and 3 more".
std::string names_of(const OpRun& op, int first);

// Replicas that run at the same time are threads of which one runs at a time: what they share needs no other lock.
// Whoever waits for another replica lets the others run meanwhile.
class Turn {
 public:
  Turn();
  ~Turn();
  Turn(const Turn&) = delete;
};
bool has_turn();  // whether this thread runs one of several replicas
class LetOthersRun {
 public:
  LetOthersRun();
  ~LetOthersRun();
  LetOthersRun(const LetOthersRun&) = delete;

 private:
  [[maybe_unused]] bool held_;
};

// Counts runs of several nets in common: what is left of one that failed must not be taken for part of the next.
struct CommonRuns {
  uint64_t runs = 0;   // begun
  uint64_t steps = 0;  // collectives that replicas have come to
};
CommonRuns& common_runs();

}  // namespace pf
