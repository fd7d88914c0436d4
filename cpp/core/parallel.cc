// SPDX-License-Identifier: Apache-2.0
// A job is a range cut into chunks. Each thread has a share of them that lie side by side and takes the first that is
// left; one that has none left takes the last of another's share. So a thread finds in its caches what it has written
// in the job before: from another core's cache it comes slowly. What is left of a share stands in one 64-bit word with
// the generation of its job, so that a thread which comes late can never take a chunk of a job that is over, and the
// caller waits for chunks, not for threads: a job ends even if no thread of the pool wakes up in time.
#include "core/parallel.h"

#if defined(PF_SINGLE_THREAD)

namespace pf {

void parallel_run(int64_t n, int64_t, ParallelBody body, void* context) {
  if (n > 0) body(context, 0, n);
}
int thread_count() { return 1; }
int thread_index() { return 0; }
int set_thread_count(int) { return 1; }
void stop_threads() {}

}  // namespace pf

#else

#include <atomic>
#if !defined(__wasm__)
#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <thread>
#endif

namespace pf {
namespace {

// Enough for balance when threads run at different speeds, few enough that handing out costs nothing.
constexpr int64_t kChunksPerThread = 4;
using Word = std::atomic<int32_t>;

struct Job {
  ParallelBody body;
  void* context;
  int64_t n;
  int64_t grain;
  int32_t chunks;
  uint32_t pages;  // of memory when it was given out
  // Chunks are whole grains, as many as go in evenly, so that threads have equal shares.
  int64_t begin(int64_t i) const {
    const int64_t at = i * ((n - 1) / grain + 1) / chunks * grain;
    return at < n ? at : n;
  }
};

// generation << 32 | end << 16 | begin of the chunks that nobody has taken yet.
struct alignas(64) Share {
  std::atomic<uint64_t> left{0};
};
static_assert(kMaxThreads * kChunksPerThread < 1 << 16);

struct Pool {
  // Holding a chunk keeps `job` unchanged until it is given to `done`.
  Share shares[kMaxThreads];
  alignas(64) Word done{0};  // chunks of the job that are finished
  Word caller_sleeps{0};
  alignas(64) Word signal{0};  // changes with every job and every change of `limit`
  Word sleepers{0};
  Word limit{1};     // threads that may work, the caller included
  Word ending{0};    // tells all threads to leave their loop
  Word settings{0};  // changes with `limit` and `ending`; threads beyond the limit sleep on it
  Word available{kMaxThreads};
  Word oversubscribed{0};
  Word caller_may_wait{1};
  Word failed{0};  // a thread has trapped: its chunks will never be done
  alignas(64) Job job{};
  Word busy{0};
};
constinit Pool pool;
thread_local int index_of_thread = 0;

#if defined(__wasm__)

void sleep_on(Word& word, int32_t seen) { futex_wait(reinterpret_cast<int32_t*>(&word), seen); }
void wake(Word& word, int32_t count) { futex_wake(reinterpret_cast<int32_t*>(&word), static_cast<uint32_t>(count)); }

// No clock is cheap enough here; one turn takes 1-3 ns in optimised code, so this is 20-50 us.
constexpr int kSpinTurns = 16384;
template <class Done>
bool spin(Done done) {
  for (int turn = 0; turn < kSpinTurns; ++turn) {
    if (done()) return true;
  }
  return false;
}

void start_threads() {}

// An engine tells a thread that the shared memory has grown at the thread's next turn of a loop. Until then it bounds
// memory.fill and memory.copy by the old size (V8 does), and traps in memory that the caller has just allocated.
uint32_t memory_pages() { return static_cast<uint32_t>(__builtin_wasm_memory_size(0)); }
__attribute__((noinline)) void see_memory(uint32_t pages) {
  while (memory_pages() < pages) asm volatile("" ::: "memory");  // or the compiler may ask once, or never
}

#else

uint32_t memory_pages() { return 0; }
void see_memory(uint32_t) {}

void sleep_on(Word& word, int32_t seen) { word.wait(seen); }
void wake(Word& word, int32_t count) { count == 1 ? word.notify_one() : word.notify_all(); }

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Done>
bool spin(Done done) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(40);
  do {
    for (int turn = 0; turn < 32; ++turn) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return false;
}

#endif

// Sleeps at once when threads exceed cores: a spinning thread would only keep the working one from its core.
template <class Done>
bool spin_if_cores_suffice(Done done) {
  return pool.oversubscribed.load(std::memory_order_relaxed) ? done() : spin(done);
}

// A chunk of thread `owner`'s share, or -1.
int32_t take_from(int owner) {
  std::atomic<uint64_t>& left = pool.shares[owner].left;
  uint64_t seen = left.load(std::memory_order_acquire);
  for (;;) {
    const auto begin = static_cast<uint16_t>(seen), end = static_cast<uint16_t>(seen >> 16);
    if (begin >= end) return -1;
    const bool own = owner == index_of_thread;
    const uint64_t rest = own ? seen + 1 : seen - (1 << 16);
    if (left.compare_exchange_weak(seen, rest, std::memory_order_acquire)) return own ? begin : end - 1;
  }
}

int32_t take_chunk() {
  const int limit = pool.limit.load(std::memory_order_relaxed);
  int32_t chunk = -1;
  for (int i = index_of_thread, end = i < limit ? i + limit : 0; i < end && chunk < 0; ++i)
    chunk = take_from(i < limit ? i : i - limit);
  return chunk;
}

// Takes chunks until none is left and reports them in one go.
void work() {
  Job job{};
  int32_t finished = 0;
  for (int32_t chunk = take_chunk(); chunk >= 0; chunk = take_chunk()) {
    if (finished++ == 0) {
      job = pool.job;
      see_memory(job.pages);
    }
    job.body(job.context, job.begin(chunk), job.begin(chunk + 1));
  }
  if (finished == 0) return;
  if (pool.done.fetch_add(finished) + finished == job.chunks && pool.caller_sleeps.load()) wake(pool.done, 1);
}

void announce(int32_t threads) {
  pool.signal.fetch_add(1);
  if (pool.sleepers.load() > 0) wake(pool.signal, threads);
}

void wait_for_job(int32_t seen) {
  const auto changed = [seen] { return pool.signal.load(std::memory_order_acquire) != seen; };
  if (spin_if_cores_suffice(changed)) return;
  pool.sleepers.fetch_add(1);
  while (!changed()) sleep_on(pool.signal, seen);
  pool.sleepers.fetch_sub(1);
}

void wait_until_done(int32_t chunks) {
  const auto finished = [chunks] {
    return pool.done.load(std::memory_order_acquire) == chunks || pool.failed.load(std::memory_order_relaxed);
  };
  if (spin_if_cores_suffice(finished)) return;
  if (!pool.caller_may_wait.load(std::memory_order_relaxed)) {
    while (!finished()) {
    }
    return;
  }
  pool.caller_sleeps.store(1);
  for (int32_t seen = pool.done.load(); !finished(); seen = pool.done.load()) sleep_on(pool.done, seen);
  pool.caller_sleeps.store(0);
}

void apply_settings() {
  pool.settings.fetch_add(1);
  pool.signal.fetch_add(1);
  wake(pool.settings, kMaxThreads);
  wake(pool.signal, kMaxThreads);
}

void change_limit(int32_t limit) {
  if (pool.limit.exchange(limit) != limit) apply_settings();
}

void loop(int index) {
  index_of_thread = index;
  for (;;) {
    const int32_t seen = pool.signal.load(std::memory_order_acquire);
    const int32_t settings = pool.settings.load();
    if (pool.ending.load()) return;
    if (index >= pool.limit.load()) {
      sleep_on(pool.settings, settings);
      continue;
    }
    work();
    wait_for_job(seen);
  }
}

#if !defined(__wasm__)

pthread_t threads[kMaxThreads];
int started = 0;  // belongs to whoever holds `busy`
Word exiting{0};

// Fewer threads than wished for, should the system refuse one: the job gets done all the same.
void start_threads() {
  const int wanted = pool.limit.load() - 1;
  if (started >= wanted || exiting.load()) return;
  for (; started < wanted; ++started) {
    const auto main = [](void* index) -> void* {
      loop(static_cast<int>(reinterpret_cast<intptr_t>(index)));
      return nullptr;
    };
    if (pthread_create(&threads[started], nullptr, main, reinterpret_cast<void*>(intptr_t{started} + 1)) != 0) {
      change_limit(started + 1);
      return;
    }
  }
}

void join_threads() {
  pool.ending.store(1);
  apply_settings();
  for (; started > 0; --started) pthread_join(threads[started - 1], nullptr);
  pool.ending.store(0);
}

// Threads outlive neither the process nor the library they run in.
struct AtExit {
  AtExit() { set_thread_count(0); }
  ~AtExit() {
    exiting.store(1);
    stop_threads();
  }
} at_exit;

#endif

}  // namespace

void parallel_run(int64_t n, int64_t grain, ParallelBody body, void* context) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  const int64_t limit = thread_count();
  if (limit == 1 || n <= grain || pool.busy.exchange(1, std::memory_order_acquire)) return body(context, 0, n);
  start_threads();
  const int64_t grains = (n - 1) / grain + 1, most = limit * kChunksPerThread;
  const auto chunks = static_cast<int32_t>(grains < most ? grains : most);
  pool.job = {body, context, n, grain, chunks, memory_pages()};
  pool.done.store(0, std::memory_order_relaxed);
  const uint64_t generation = (pool.shares[0].left.load(std::memory_order_relaxed) >> 32) + 1;
  uint64_t end = 0;
  for (int64_t i = 0; i < limit; ++i) {
    const uint64_t begin = end;
    end = static_cast<uint64_t>(((i + 1) * chunks - 1) / limit + 1);
    pool.shares[i].left.store(generation << 32 | end << 16 | begin, std::memory_order_release);
  }
  announce((chunks < limit ? chunks : static_cast<int32_t>(limit)) - 1);
  work();
  wait_until_done(chunks);
  if (pool.failed.load(std::memory_order_relaxed)) __builtin_trap();
  pool.busy.store(0, std::memory_order_release);
}

int thread_count() { return pool.limit.load(std::memory_order_relaxed); }

int thread_index() { return index_of_thread; }

#if defined(__wasm__)

int set_thread_count(int n) {
  const int32_t available = pool.available.load();
  const int32_t limit = n < 1 || n > available ? available : n;
  change_limit(limit);
  return limit;
}

void stop_threads() {
  pool.ending.store(1);
  apply_settings();
}

void configure_threads(int available, bool oversubscribed, bool may_wait) {
  pool.available.store(available < 1 ? 1 : available > kMaxThreads ? kMaxThreads : available);
  pool.oversubscribed.store(oversubscribed);
  pool.caller_may_wait.store(may_wait);
  pool.ending.store(0);
  set_thread_count(available);
}

void thread_loop(int index) { loop(index); }
void fail_threads() {
  pool.failed.store(1);
  pool.done.fetch_add(1 << 24);
  wake(pool.done, 1);
}
bool caller_may_wait() { return index_of_thread != 0 || pool.caller_may_wait.load(std::memory_order_relaxed); }

// Node 20's baseline compiler spoils live locals around these instructions inside a loop. So they live in functions of
// their own, which neither the compiler nor wasm-opt (--no-inline) may inline.
__attribute__((noinline)) void futex_wait(int32_t* word, int32_t seen) {
  __builtin_wasm_memory_atomic_wait32(word, seen, -1);
}
__attribute__((noinline)) void futex_wake(int32_t* word, uint32_t count) {
  __builtin_wasm_memory_atomic_notify(word, count);
}

#else

int set_thread_count(int n) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  int limit = n < 1 ? cores : n;
  limit = limit < 1 ? 1 : limit > kMaxThreads ? kMaxThreads : limit;
  pool.oversubscribed.store(limit > cores);
  change_limit(limit);
  return limit;
}

void stop_threads() {
  // A job in progress ends by itself; one that never does (an exit from inside a body) must not hang the process.
  for (int tries = 0; pool.busy.exchange(1, std::memory_order_acquire); ++tries) {
    if (tries > 2000) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  join_threads();
  pool.busy.store(0, std::memory_order_release);
}

#endif

}  // namespace pf

#endif
