// SPDX-License-Identifier: Apache-2.0
// Runs of a net on an accelerator. The first run queues operator by operator; from the second on, stretches of
// operators that run there are recorded once and repeated as a whole, as long as blobs lie where they lay and have the
// types that they had. Operators that run on the host, or that draw random numbers, stand between the stretches.
#pragma once
#include <memory>
#include <vector>

#include "net/plan.h"

namespace pf {

// Moves operators that run on the host forward past those of the accelerator that have nothing to do with them
// (counters and learning rates, usually), so that stretches are long.
void hoist_host_operators(Operators& ops, std::vector<int>& indices);

class Replay {
 public:
  // `timed`: what operators on the host take is noted in their profiles.
  Replay(Workspace& workspace, Operators& ops, bool timed) : workspace_(workspace), ops_(ops), timed_(timed) {}

  // Runs stretch number `k` from operator `*op` on, which becomes the one that failed or was to run next.
  Status run(size_t k, size_t* op);
  size_t stretches();
  size_t first_of(size_t k) const { return stretches_[k].begin; }
  size_t end_of(size_t k) const { return stretches_[k].end; }
  size_t recorded() const;  // operators that are repeated without being run one by one

 private:
  // What a recording relies on: where a blob's contents lie, and in which form they must be there.
  struct Relied {
    Blob* blob;
    TensorType type;
    std::shared_ptr<Memory> plain, packed;
    bool plain_fresh, packed_fresh;
  };
  struct Stretch {
    size_t begin, end;
    bool recordable;
    int failures = 0;
    std::vector<Blob*> changing;  // inputs that others have written between two runs
    std::vector<Relied> inputs, outputs;
    std::vector<std::shared_ptr<Memory>> scratch;
    std::shared_ptr<void> recording;
    std::vector<uint64_t> versions;  // of the inputs, after the last run
  };
  static Relied state_of(Blob* blob);
  void divide();
  void find_blobs(Stretch& s);
  Status each(const Stretch& s, size_t* op);
  Status record(Stretch& s, size_t* op);
  bool as_recorded(const Stretch& s) const;
  static bool note_changes(Stretch& s);
  static void remember(Stretch& s);

  Workspace& workspace_;
  Operators& ops_;
  std::vector<Stretch> stretches_;
  const bool timed_;
  bool warm_ = false;
};

}  // namespace pf
