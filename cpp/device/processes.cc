// SPDX-License-Identifier: Apache-2.0
#include "device/processes.h"

#include "core/json.h"

#ifdef __wasm__

namespace pf {
namespace {

Status none() {
  return fail(Code::no_operator, "the WebAssembly core knows no other processes; open the backend 'native'");
}

}  // namespace

Status join_processes(Processes*) { return none(); }
Status processes(uint32_t, std::string*) { return none(); }
Status Communicator::open(std::unique_ptr<Communicator>*) { return none(); }
Communicator::~Communicator() {}
Status Communicator::sum(const Part*, size_t, DType, const std::string&) { return none(); }
Status Communicator::sum_at(int, const void*, void*, int64_t, DType, const std::string&) { return none(); }
Status Communicator::broadcast(int, void*, size_t, const std::string&) { return none(); }
Status Communicator::gather(const void*, void*, size_t, const std::string&) { return none(); }
Status Communicator::send(int, int, const void*, size_t, const std::string&) { return none(); }
Status Communicator::receive(int*, int*, void*, size_t, const std::string&) { return none(); }
void note_waiting(const char*) {}

}  // namespace pf

#else

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/clock.h"
#include "core/file.h"
#include "device/mpi_api.h"

namespace pf {
namespace {

using namespace mpi_api;

constexpr int64_t kMostAtOnce = int64_t{1} << 28;  // elements: MPI counts in 32 bits
constexpr double kDefaultPatience = 600;           // seconds

Processes here;
bool joined = false;
// After an operation that was not waited for to its end MPI may still write where its memory was: it is called no more.
bool broken = false;

void* constant(const char* name) { return mpi().symbol(name); }
Comm world() { return constant("ompi_mpi_comm_world"); }

std::string library_version() {
  char text[kLongestText * 4] = "";
  int length = 0;
  if (Get_library_version) Get_library_version(text, &length);
  return std::string(text, strcspn(text, "\n,"));
}

Status checked(Result result, const char* doing) {
  if (result == 0) return {};
  char text[kLongestText * 4] = "";
  int length = 0;
  Error_string(result, text, &length);
  return fail(Code::lost, "MPI: ", text, " in ", doing);
}
#define PF_MPI_TRY(call) PF_TRY(checked((call), #call))

double patience() {
  const char* told = std::getenv("PORTAFILTER_MPI_TIMEOUT");
  const double seconds = told ? std::strtod(told, nullptr) : 0;
  return seconds > 0 ? seconds : kDefaultPatience;
}

// What the handler below prints is written beforehand, but for the seconds: it may do little itself.
struct LastWords {
  char head[700], tail[300];
  volatile sig_atomic_t head_size, tail_size;  // no tail: nothing is waited for
  volatile double since;
};
LastWords last_words;
struct sigaction before_ours;

size_t copy_text(const std::string& text, char* to, size_t room) {
  const size_t size = text.size() < room ? text.size() : room;
  std::memcpy(to, text.data(), size);
  return size;
}

void say(const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(2, text, size);
    if (written <= 0) return;
    text += written, size -= size_t(written);
  }
}

void say_seconds(double seconds) {
  char digits[20];
  size_t at = sizeof digits;
  auto left = uint64_t(seconds > 0 ? seconds : 0);
  do digits[--at] = char('0' + left % 10);
  while (left /= 10);
  say(digits + at, sizeof digits - at);
}

void on_terminate(int) {
  say(last_words.head, size_t(last_words.head_size));
  if (last_words.tail_size > 0) {
    say_seconds((now_ms() - last_words.since) / 1000);
    say(last_words.tail, size_t(last_words.tail_size));
  }
  // What was to happen without us, such as the engine's tidying of the terminal.
  sigaction(SIGTERM, &before_ours, nullptr);
  raise(SIGTERM);
}

// mpirun tells all processes to stop when one of them dies.
void watch_for_end() {
  struct sigaction ours = {};
  ours.sa_handler = on_terminate;
  sigaction(SIGTERM, &ours, &before_ours);
}

bool started() {
  const char* wish = std::getenv("PORTAFILTER_MPI");
  return std::getenv("OMPI_COMM_WORLD_SIZE") || (wish && std::strcmp(wish, "1") == 0);
}

Type type_of(DType type) {
  switch (type) {
    case DType::kFloat:
      return constant("ompi_mpi_float");
    case DType::kDouble:
      return constant("ompi_mpi_double");
    case DType::kInt32:
      return constant("ompi_mpi_int32_t");
    case DType::kInt64:
      return constant("ompi_mpi_int64_t");
    default:
      return nullptr;
  }
}

Status usable() {
  PF_CHECK(joined, lost, "this process has left the others");
  PF_CHECK(!broken, lost, "process ", here.rank, " of ", here.size,
           " has given up on the others after an operation that did not end; start all again from the last checkpoint");
  return {};
}

Status waited_too_long(double seconds, const std::string& what) {
  return fail(Code::lost, "process ", here.rank, " of ", here.size, " has waited ", int64_t(seconds),
              " s for the others in ", what,
              "; one of them has stopped or does something else. Start all again from the "
              "last checkpoint, or let them wait for longer: PORTAFILTER_MPI_TIMEOUT is the most seconds");
}

// Waits for an operation, a sleeper after a while: with more processes than cores the others need them.
Status wait_for(Request request, const std::string& what, Answer* answer = nullptr) {
  note_waiting(what.c_str());
  const double start = now_ms(), most = patience() * 1000;
  Status status;
  for (int done = 0;;) {
    Answer ignored;
    status = checked(Test(&request, &done, answer ? answer : &ignored), what.c_str());
    if (!status.ok() || done) break;
    const double waited = now_ms() - start;
    if (waited > most) status = waited_too_long(waited / 1000, what);
    if (take_abort()) status = fail(Code::aborted, "the run was stopped while it waited for other processes in ", what);
    if (!status.ok()) break;
    waited < 1 ? void(sched_yield()) : void(usleep(waited < 20 ? 20 : 200));
  }
  note_waiting(nullptr);
  broken = broken || !status.ok();
  return status;
}

// f(offset, count) for parts that MPI can count.
template <class F>
Status in_parts(int64_t count, F f) {
  for (int64_t at = 0; at < count; at += kMostAtOnce)
    PF_TRY(f(at, int(count - at < kMostAtOnce ? count - at : kMostAtOnce)));
  return {};
}

Status start_mpi() {
  PF_TRY(mpi().open());
  const std::string version = library_version();
  PF_CHECK(version.rfind("Open MPI", 0) == 0 && world(), argument, mpi().path(), " is ",
           version.empty() ? "no MPI" : version,
           "; Open MPI 4 or 5 is needed, whose mpirun starts the processes. Name its folder in PORTAFILTER_MPI_PATH");
  int running = 0;
  PF_MPI_TRY(Initialized(&running));
  if (running) return {};
  // Its own handlers of faults would come before those of the engine, which lives with some.
  setenv("OMPI_MCA_opal_signal", "6", 0);
  int level = 0;
  PF_MPI_TRY(Init_thread(nullptr, nullptr, kSerialized, &level));
  return {};
}

}  // namespace

void note_waiting(const char* what) {
  LastWords& words = last_words;
  words.head_size = 0;
  words.tail_size = 0;
  if (!joined) return;
  std::string head = text("portafilter: process ", here.rank, " of ", here.size, " was told to stop (SIGTERM)");
  std::string tail =
      ". When one process dies mpirun stops them all, and says which it was. The last checkpoint is whole: start all "
      "again "
      "from it.\n";
  if (what)
    append(head, " while it waited for the others in ", what, ", for "), tail = " s" + tail;
  else
    head += tail, tail.clear();
  const auto head_size = sig_atomic_t(copy_text(head, words.head, sizeof words.head));
  const auto tail_size = sig_atomic_t(copy_text(tail, words.tail, sizeof words.tail));
  words.since = now_ms();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  words.head_size = head_size;
  words.tail_size = tail_size;
}

Status join_processes(Processes* out) {
  if (!joined) {
    PF_CHECK(
        started(), argument,
        "mpirun did not start this process, so there are no others to work with: mpirun -np 2 node script.js. Where "
        "another launcher of MPI has started it, set PORTAFILTER_MPI=1");
    PF_TRY(start_mpi());
    PF_MPI_TRY(Comm_set_errhandler(world(), constant("ompi_mpi_errors_return")));
    PF_MPI_TRY(Comm_rank(world(), &here.rank));
    PF_MPI_TRY(Comm_size(world(), &here.size));
    Comm host = nullptr;
    PF_MPI_TRY(Comm_split_type(world(), kSharedMemory, here.rank, constant("ompi_mpi_info_null"), &host));
    PF_MPI_TRY(Comm_rank(host, &here.local_rank));
    PF_MPI_TRY(Comm_size(host, &here.local_size));
    PF_MPI_TRY(Comm_free(&host));
    joined = true;
    watch_for_end();
    note_waiting(nullptr);
  }
  *out = here;
  return {};
}

namespace {

// After a failure the others might never come: without MPI_Finalize mpirun stops them.
Status leave() {
  int gone = 0;
  if (!joined || (Finalized(&gone) == 0 && gone)) return {};
  PF_TRY(usable());
  joined = false;
  note_waiting(nullptr);
  return checked(Finalize(), "MPI_Finalize");
}

std::string describe() {
  const bool there = mpi().open().ok();
  Json j;
  j.begin('{').key("started").boolean(started()).key("joined").boolean(joined);
  j.key("rank").number(here.rank).key("size").number(here.size);
  j.key("localRank").number(here.local_rank).key("localSize").number(here.local_size);
  j.key("library").begin('{').key("name").string(there ? library_version() : mpi().title()).key("found").boolean(there);
  j.key(there ? "path" : "lookedIn").string(there ? mpi().path() : mpi().looked_in()).end('}').end('}');
  return std::move(j.out);
}

}  // namespace

Status processes(uint32_t action, std::string* json) {
  Processes all;
  PF_CHECK(action <= kLeaveProcesses, argument, "there is no action ", action, "; ", kAskProcesses, " asks, ",
           kJoinProcesses, " joins and ", kLeaveProcesses, " leaves");
  if (action == kJoinProcesses) PF_TRY(join_processes(&all));
  if (action == kLeaveProcesses) PF_TRY(leave());
  *json = describe();
  return {};
}

Status Communicator::open(std::unique_ptr<Communicator>* out) {
  Processes all;
  PF_TRY(join_processes(&all));
  PF_TRY(usable());
  std::unique_ptr<Communicator> made(new Communicator);
  Request request = nullptr;
  PF_MPI_TRY(Comm_idup(world(), &made->comm_, &request));
  PF_TRY(wait_for(request, "the beginning of their common work"));
  made->rank_ = all.rank, made->size_ = all.size;
  *out = std::move(made);
  return {};
}

// Freeing is for all at once: after a failure it would wait for those that are gone.
Communicator::~Communicator() {
  int gone = 0;
  if (comm_ && usable().ok() && Finalized(&gone) == 0 && !gone) Comm_free(&comm_);
}

// All parts are on their way at once.
Status Communicator::sum(const Part* parts, size_t count, DType type, const std::string& what) {
  PF_TRY(usable());
  std::vector<Request> requests;
  Status status;
  for (size_t i = 0; i < count && status.ok(); ++i) {
    status = in_parts(parts[i].count, [&](int64_t at, int n) -> Status {
      requests.push_back(nullptr);
      PF_MPI_TRY(Iallreduce(kInPlace, static_cast<uint8_t*>(parts[i].data) + size_t(at) * dtype_size(type), n,
                            type_of(type), constant("ompi_mpi_op_sum"), comm_, &requests.back()));
      return {};
    });
  }
  for (Request request : requests)
    if (status.ok()) status = wait_for(request, what);
  broken = broken || !status.ok();
  return status;
}

Status Communicator::sum_at(int root, const void* from, void* to, int64_t count, DType type, const std::string& what) {
  PF_TRY(usable());
  return in_parts(count, [&](int64_t at, int n) -> Status {
    const size_t offset = size_t(at) * dtype_size(type);
    Request request = nullptr;
    PF_MPI_TRY(Ireduce(static_cast<const uint8_t*>(from) + offset, static_cast<uint8_t*>(to) + offset, n, type_of(type),
                       constant("ompi_mpi_op_sum"), root, comm_, &request));
    return wait_for(request, what);
  });
}

Status Communicator::broadcast(int root, void* data, size_t bytes, const std::string& what) {
  PF_TRY(usable());
  return in_parts(int64_t(bytes), [&](int64_t at, int n) -> Status {
    Request request = nullptr;
    PF_MPI_TRY(Ibcast(static_cast<uint8_t*>(data) + at, n, constant("ompi_mpi_byte"), root, comm_, &request));
    return wait_for(request, what);
  });
}

Status Communicator::gather(const void* from, void* to, size_t bytes, const std::string& what) {
  PF_TRY(usable());
  PF_CHECK(int64_t(bytes) <= kMostAtOnce, argument, "cannot gather ", bytes, " bytes of each process, ", kMostAtOnce,
           " is the most");
  Request request = nullptr;
  PF_MPI_TRY(Iallgather(from, int(bytes), constant("ompi_mpi_byte"), to, int(bytes), constant("ompi_mpi_byte"), comm_,
                        &request));
  return wait_for(request, what);
}

Status Communicator::send(int to, int tag, const void* data, size_t bytes, const std::string& what) {
  PF_TRY(usable());
  PF_CHECK(int64_t(bytes) <= kMostAtOnce, argument, "cannot send ", bytes, " bytes at once, ", kMostAtOnce,
           " is the most");
  Request request = nullptr;
  PF_MPI_TRY(Isend(data, int(bytes), constant("ompi_mpi_byte"), to, tag, comm_, &request));
  return wait_for(request, what);
}

Status Communicator::receive(int* from, int* tag, void* data, size_t bytes, const std::string& what) {
  PF_TRY(usable());
  PF_CHECK(int64_t(bytes) <= kMostAtOnce, argument, "cannot receive ", bytes, " bytes at once, ", kMostAtOnce,
           " is the most");
  Request request = nullptr;
  Answer answer = {};
  PF_MPI_TRY(Irecv(data, int(bytes), constant("ompi_mpi_byte"), *from, *tag, comm_, &request));
  PF_TRY(wait_for(request, what, &answer));
  *from = answer.source, *tag = answer.tag;
  return {};
}

}  // namespace pf

#endif
