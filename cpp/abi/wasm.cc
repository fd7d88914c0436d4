// SPDX-License-Identifier: Apache-2.0
// What a WebAssembly build has instead of an operating system: heap, threads started from JavaScript, and short ends.
// Everything else goes through pf_call().
#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <new>

#include "abi/pf.h"
#include "core/parallel.h"

#define PF_EXPORT(name) extern "C" __attribute__((export_name(name)))

extern "C" {
extern unsigned char __heap_base;
void* __real_malloc(size_t size);
void* __real_calloc(size_t count, size_t size);
void* __real_realloc(void* old, size_t size);
void* __real_memalign(size_t alignment, size_t size);
void __real_free(void* old);
}

namespace {

// The C library's allocator knows no threads; --wrap leads every call to it through this lock.
#if defined(PF_SINGLE_THREAD)

struct HeapLock {
  HeapLock() {}
  ~HeapLock() {}
};

#else

// The word is 0 when free, 1 when held, 2 when held and somebody sleeps.
void lock(int32_t* word) {
  const auto take = [word] {
    int32_t free = 0;
    return __atomic_compare_exchange_n(word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
  };
  for (int turn = 0; turn < 200; ++turn) {
    if (take()) return;
  }
  while (!pf::caller_may_wait()) {
    if (take()) return;
  }
  while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) pf::futex_wait(word, 2);
}

void unlock(int32_t* word) {
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) pf::futex_wake(word, 1);
}

int32_t heap_lock = 0;
struct HeapLock {
  HeapLock() { lock(&heap_lock); }
  ~HeapLock() { unlock(&heap_lock); }
};

#endif

constexpr uint64_t kPage = 65536;
uintptr_t heap_end = 0;

// Grows by an eighth more than asked for, as long as the engine grants it: a grown memory costs JavaScript its views.
bool grow_to(uint64_t end) {
  const uint64_t size = uint64_t{__builtin_wasm_memory_size(0)} * kPage;
  if (end <= size) return true;
  const uint64_t pages = (end - size + kPage - 1) / kPage;
  const uint64_t spare = size / 8 / kPage < 512 ? size / 8 / kPage : 512;
  return __builtin_wasm_memory_grow(0, pages + spare) != SIZE_MAX || __builtin_wasm_memory_grow(0, pages) != SIZE_MAX;
}

}  // namespace

// The allocator asks for memory here, under the lock; it never gives any back.
extern "C" void* sbrk(intptr_t increment) {
  void* const refused = reinterpret_cast<void*>(-1);
  if (heap_end == 0) heap_end = reinterpret_cast<uintptr_t>(&__heap_base);
  const uintptr_t begin = heap_end;
  const uint64_t end = uint64_t{begin} + ((static_cast<uint64_t>(increment) + 15) & ~uint64_t{15});
  if (increment < 0 || end > UINT32_MAX - kPage || !grow_to(end)) return refused;
  heap_end = static_cast<uintptr_t>(end);
  return reinterpret_cast<void*>(begin);
}

PF_EXPORT("malloc") void* __wrap_malloc(size_t size) {
  HeapLock lock;
  return __real_malloc(size);
}
PF_EXPORT("free") void __wrap_free(void* old) {
  HeapLock lock;
  __real_free(old);
}
extern "C" void* __wrap_calloc(size_t count, size_t size) {
  HeapLock lock;
  return __real_calloc(count, size);
}
extern "C" void* __wrap_realloc(void* old, size_t size) {
  HeapLock lock;
  return __real_realloc(old, size);
}
extern "C" void* __wrap_memalign(size_t alignment, size_t size) {
  HeapLock lock;
  return __real_memalign(alignment, size);
}

// Tensor memory is asked for with malloc and its refusal is an error of the core; what comes here is small.
void* operator new(size_t size) {
  void* const memory = __wrap_malloc(size);
  if (memory == nullptr) __builtin_trap();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { __wrap_free(memory); }
void operator delete[](void* memory) noexcept { __wrap_free(memory); }
void operator delete(void* memory, size_t) noexcept { __wrap_free(memory); }
void operator delete[](void* memory, size_t) noexcept { __wrap_free(memory); }

// JavaScript turns a trap into an error that says where; the C library would bring its formatted printing along.
extern "C" {
void abort() { __builtin_trap(); }
void abort_message(const char*, ...) { __builtin_trap(); }
void __assert_fail(const char*, const char*, int, const char*) { __builtin_trap(); }
void __cxa_pure_virtual() { __builtin_trap(); }
// The C library calls this for copies worth an instruction of their own.
void* emscripten_memcpy_big(void* to, const void* from, size_t size) { return __builtin_memcpy(to, from, size); }
}

#if !defined(PF_SINGLE_THREAD)

// std::mutex: the C library of a build without its own threads has locks that lock nothing.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) {
  lock(reinterpret_cast<int32_t*>(mutex));
  return 0;
}
extern "C" int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  unlock(reinterpret_cast<int32_t*>(mutex));
  return 0;
}

// A thread of the pool calls this with its own stack pointer and thread-local block set; it returns when
// pf_threads_stop() says so, may then change what its instance knows (user operators), and come back.
PF_EXPORT("pf_thread_main") void pf_thread_main(int32_t index) { pf::thread_loop(index); }
PF_EXPORT("pf_thread_failed") void pf_thread_failed() { pf::fail_threads(); }
PF_EXPORT("pf_threads_stop") void pf_threads_stop() { pf::stop_threads(); }
PF_EXPORT("pf_threads_start") void pf_threads_start(int32_t threads, int32_t oversubscribed, int32_t caller_may_wait) {
  pf::configure_threads(threads, oversubscribed != 0, caller_may_wait != 0);
}

#endif
