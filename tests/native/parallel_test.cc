// SPDX-License-Identifier: Apache-2.0
// The fork-join pool, meant to run under the thread and the address sanitizer: see `make test`.
#include "core/parallel.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

int failures = 0;

void expect(bool truth, const char* what) {
  if (truth) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

void covers_every_index_once() {
  for (const int64_t n : {0, 1, 2, 7, 64, 1000, 4097, 100003}) {
    for (const int64_t grain : {0, 1, 3, 16, 1 << 20}) {
      std::vector<int> count(n);
      std::atomic<int> misaligned{0};
      pf::parallel_for(n, grain, [&](int64_t begin, int64_t end) {
        if (grain > 0 && begin % grain != 0) ++misaligned;
        for (int64_t i = begin; i < end; ++i) ++count[i];
      });
      bool once = true;
      for (const int c : count) once = once && c == 1;
      expect(once, "every index is visited exactly once");
      expect(misaligned == 0, "ranges begin at multiples of the grain");
    }
  }
}

void numbers_threads() {
  std::atomic<uint64_t> seen{0};
  std::atomic<int> beyond{0};
  std::atomic<int> inside[pf::kMaxThreads]{};
  for (int round = 0; round < 200; ++round) {
    pf::parallel_for(64, 1, [&](int64_t, int64_t) {
      const int index = pf::thread_index();
      if (index >= pf::thread_count()) ++beyond;
      if (inside[index].fetch_add(1) != 0) ++beyond;
      seen |= uint64_t{1} << index;
      inside[index].fetch_sub(1);
    });
  }
  expect(beyond == 0, "thread numbers are below thread_count and not shared");
  expect(seen.load() & 1, "the caller works too");
}

void runs_nested_calls_inline() {
  std::atomic<int> total{0};
  pf::parallel_for(8, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int outer = pf::thread_index();
      pf::parallel_for(100, 1, [&](int64_t b, int64_t e) {
        expect(pf::thread_index() == outer, "a nested body stays on its thread");
        total += static_cast<int>(e - b);
      });
    }
  });
  expect(total == 800, "nested calls cover their range");
}

void serves_two_callers() {
  std::atomic<int64_t> total{0};
  const auto caller = [&] {
    for (int round = 0; round < 500; ++round) {
      pf::parallel_for(256, 4, [&](int64_t begin, int64_t end) { total += end - begin; });
    }
  };
  std::thread a(caller), b(caller);
  caller();
  a.join();
  b.join();
  expect(total == 3 * 500 * 256, "calls of three threads at once are all complete");
}

void changes_thread_count() {
  for (int round = 0; round < 60; ++round) {
    const int wanted = 1 + round % 6;
    expect(pf::set_thread_count(wanted) == wanted, "the count asked for is in use");
    std::atomic<int64_t> total{0};
    std::atomic<int> beyond{0};
    for (int call = 0; call < 20; ++call) {
      pf::parallel_for(1000, 10, [&](int64_t begin, int64_t end) {
        total += end - begin;
        if (pf::thread_index() >= wanted) ++beyond;
      });
    }
    expect(total == 20000 && beyond == 0, "no thread beyond the limit takes part");
    if (round % 10 == 9) pf::stop_threads();
  }
  expect(pf::set_thread_count(10000) == pf::kMaxThreads, "the count is bounded");
  pf::set_thread_count(0);
}

void wakes_sleeping_threads() {
  std::atomic<int> total{0};
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    pf::parallel_for(32, 1, [&](int64_t begin, int64_t end) { total += static_cast<int>(end - begin); });
  }
  expect(total == 640, "a job after a pause is complete");
}

double microseconds_per_call(int calls) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) pf::parallel_for(pf::thread_count(), 1, [](int64_t, int64_t) {});
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / calls;
}

}  // namespace

int main() {
  for (const int threads : {1, 2, 3, 8}) {
    pf::set_thread_count(threads);
    covers_every_index_once();
    numbers_threads();
    runs_nested_calls_inline();
    serves_two_callers();
    wakes_sleeping_threads();
  }
  changes_thread_count();
  pf::set_thread_count(2);
  std::printf("fork-join with 2 threads: %.2f us\n", microseconds_per_call(20000));
  std::printf("%s\n", failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? 0 : 1;
}
