// SPDX-License-Identifier: Apache-2.0
// The object that CreateMutex makes, for operators that change a blob which several nets share.
#pragma once
#include <atomic>

#include "core/blob.h"

namespace pf {

// Held only for a few instructions, so waiting spins: a browser's main thread may not block.
class Mutex final : public Object {
 public:
  static constexpr char kKind[] = "mutex";
  const char* kind() const override { return kKind; }
  void lock() {
    while (held_.test_and_set(std::memory_order_acquire)) {
    }
  }
  void unlock() { held_.clear(std::memory_order_release); }

 private:
  std::atomic_flag held_ = ATOMIC_FLAG_INIT;
};

class MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace pf
