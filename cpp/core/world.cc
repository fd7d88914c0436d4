// SPDX-License-Identifier: Apache-2.0
#include "core/world.h"

#ifndef __wasm__
#include <mutex>
#endif

namespace pf {

std::string names_of(const OpRun& op, int first) {
  std::string names = text("\"", op.in_blob(first).name, "\"");
  const int more = op.inputs() - first - 1;
  if (more > 0) append(names, " and ", more, " more");
  return names;
}

CommonRuns& common_runs() {
  static CommonRuns runs;
  return runs;
}

#ifdef __wasm__

Turn::Turn() {}
Turn::~Turn() {}
bool has_turn() { return false; }
LetOthersRun::LetOthersRun() : held_(false) {}
LetOthersRun::~LetOthersRun() {}

#else

namespace {
std::mutex turns;
thread_local bool taken = false;  // by this thread
}  // namespace

Turn::Turn() {
  turns.lock();
  taken = true;
}
Turn::~Turn() {
  taken = false;
  turns.unlock();
}
bool has_turn() { return taken; }
LetOthersRun::LetOthersRun() : held_(taken) {
  if (held_) turns.unlock();
}
LetOthersRun::~LetOthersRun() {
  if (held_) turns.lock();
}

#endif

}  // namespace pf
