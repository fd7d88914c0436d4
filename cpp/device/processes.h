// SPDX-License-Identifier: Apache-2.0
// The processes that mpirun started together, through MPI. Nobody waits for ever: an operation that the others do not
// join fails after PORTAFILTER_MPI_TIMEOUT seconds (600 unless told), and a process that mpirun ends while it waits,
// because another one has died, says what it waited for.
#pragma once
#include <memory>
#include <string>

#include "core/tensor.h"

namespace pf {

struct Processes {
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;  // among those of this host
};

// Joins the others, the first time. All processes call it. Nobody joins by accident: mpirun has started this process,
// or PORTAFILTER_MPI=1 says that another launcher has.
Status join_processes(Processes* out);
// What pf.h answers: after joining, after leaving them when all have got there (who ends without it makes mpirun stop
// the others), or as it is: JSON {started, joined, rank, size, localRank, localSize, library}.
constexpr uint32_t kAskProcesses = 0, kJoinProcesses = 1, kLeaveProcesses = 2;
Status processes(uint32_t action, std::string* json);

// Processes that work together apart from others that they may have to do with. All make it at the same time.
class Communicator {
 public:
  static Status open(std::unique_ptr<Communicator>* out);
  ~Communicator();
  Communicator(const Communicator&) = delete;
  int rank() const { return rank_; }
  int size() const { return size_; }

  // On memory of the host; `what` is what an error or a dying process says of it. Sums are of float32, float64, int32
  // or int64, and the same everywhere to the last bit.
  struct Part {
    void* data;
    int64_t count;
  };
  Status sum(const Part* parts, size_t count, DType type, const std::string& what);
  Status sum_at(int root, const void* from, void* to, int64_t count, DType type, const std::string& what);
  Status broadcast(int root, void* data, size_t bytes, const std::string& what);
  Status gather(const void* from, void* to, size_t bytes, const std::string& what);  // everybody's, everywhere
  Status send(int to, int tag, const void* data, size_t bytes, const std::string& what);
  Status receive(int* from, int* tag, void* data, size_t bytes, const std::string& what);

 private:
  Communicator() = default;
  [[maybe_unused]] void* comm_ = nullptr;
  int rank_ = 0, size_ = 1;
};

// What this process waits for, for the message with which it ends if mpirun stops it meanwhile. Null: nothing.
void note_waiting(const char* what);

}  // namespace pf
