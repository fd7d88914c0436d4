// SPDX-License-Identifier: Apache-2.0
// One fork-join pool for the whole process: the caller works too, ranges are handed out dynamically.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace pf {

// More threads than this are never used; fixed-size arrays indexed by thread_index() are safe with it.
inline constexpr int kMaxThreads = 64;

// Runs body(begin, end) over disjoint ranges that cover [0, n), on several threads at once, and returns when all are
// done. Every `begin` is a multiple of `grain`; no range but the last is shorter. `grain` is the work worth a hand-over
// of about a microsecond. The body must not fail and must not allocate. A call from inside a body, or while another
// thread uses the pool, runs its whole range on the calling thread.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& body);

// Threads that may take part in a parallel_for, the caller included; changes only between runs.
int thread_count();
// 0 for a caller, 1 .. thread_count() - 1 for threads of the pool: no two of one parallel_for have the same number.
int thread_index();
// Uses `n` threads from the next parallel_for on, bounded by kMaxThreads and by what the platform started; 0 asks for
// as many as the machine has. Returns the number in use.
int set_thread_count(int n);
// Ends the pool's threads, for good in a WebAssembly build; a native build joins them and starts new ones when needed.
void stop_threads();

using ParallelBody = void (*)(void* context, int64_t begin, int64_t end);
void parallel_run(int64_t n, int64_t grain, ParallelBody body, void* context);

template <class F>
void parallel_for(int64_t n, int64_t grain, F&& body) {
  using Body = std::remove_reference_t<F>;
  parallel_run(
      n, grain, [](void* context, int64_t begin, int64_t end) { (*static_cast<Body*>(context))(begin, end); },
      const_cast<std::remove_const_t<Body>*>(std::addressof(body)));
}

#if defined(__wasm__) && !defined(PF_SINGLE_THREAD)
// What the JavaScript side says of the threads it started (the caller included), and the loop each of them enters.
void configure_threads(int available, bool oversubscribed, bool caller_may_wait);
void thread_loop(int index);
// A thread has trapped and will not finish its part: the caller then traps too instead of waiting for ever.
void fail_threads();
// False on the main thread of a browser page, where a wait traps.
bool caller_may_wait();
void futex_wait(int32_t* word, int32_t seen);
void futex_wake(int32_t* word, uint32_t count);
#endif

}  // namespace pf
