// SPDX-License-Identifier: Apache-2.0
// Time: WallClockTime; TimerBegin, TimerGet, TimerEnd, TimerGetAndEnd.
#include "core/clock.h"
#include "core/op.h"

namespace pf {
namespace {

// Since 1970.
int64_t wall_nanoseconds() {
#ifdef __wasm__
  int64_t ns = 0;
  pf_wasi_clock(0, 1000, &ns);
  return ns;
#else
  using std::chrono::duration_cast, std::chrono::nanoseconds;
  return duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
#endif
}

struct Timer final : Object {
  static constexpr char kKind[] = "timer";
  const char* kind() const override { return kKind; }
  double begun = now_ms();
};

struct WallClockTime {
  Status run(OpRun& op) {
    op.out(0).data<int64_t>()[0] = wall_nanoseconds();
    return {};
  }
};

struct TimerBegin {
  Status run(OpRun& op) {
    Blob& blob = op.out_blob(0);
    blob.clear();
    blob.object.reset(new Timer);
    return {};
  }
};

// A timer that ended is gone. Get: output 0 is the time since its begin.
template <bool kGet, bool kEnd>
struct ReadTimer {
  Status run(OpRun& op) {
    Blob& blob = op.in_blob(0);
    Timer* timer = blob.get<Timer>();
    PF_CHECK(timer, no_blob, "\"", blob.name, "\" is no timer that runs; TimerBegin makes one");
    if (kGet) op.out(0).data<int64_t>()[0] = int64_t((now_ms() - timer->begun) * 1e6);
    if (kEnd) blob.object.reset();
    return {};
  }
};

Status one_number(Infer& in) {
  in.set(0, Shape{1}, DType::kInt64);
  return {};
}

constexpr const char* kTime = "time has no gradient";

PF_OP(WallClockTime)
    .doc("The time: nanoseconds since 1970.")
    .output("time", "int64 scalar.")
    .shape([](Infer& in) -> Status {
      in.set(0, Shape{}, DType::kInt64);
      return {};
    })
    .refuse_grad(kTime)
    .cpu<WallClockTime>();

PF_OP(TimerBegin)
    .doc("Starts a timer.")
    .arg("counter_name", "", "Ignored: times are read by TimerGet.")
    .object_output("timer", "The timer, running.")
    .shape(no_tensor)
    .refuse_grad(kTime)
    .cpu<TimerBegin>();
PF_OP(TimerEnd)
    .doc("Ends a timer.")
    .object_input("timer", "From TimerBegin.")
    .shape(no_tensor)
    .refuse_grad(kTime)
    .cpu<ReadTimer<false, true>>();
PF_OP(TimerGet)
    .doc("How long a timer runs.")
    .object_input("timer", "From TimerBegin.")
    .output("time", "int64 [1]: nanoseconds.")
    .shape(one_number)
    .refuse_grad(kTime)
    .cpu<ReadTimer<true, false>>();
PF_OP(TimerGetAndEnd)
    .doc("How long a timer ran, and ends it.")
    .object_input("timer", "From TimerBegin.")
    .output("time", "int64 [1]: nanoseconds.")
    .shape(one_number)
    .refuse_grad(kTime)
    .cpu<ReadTimer<true, true>>();

}  // namespace
}  // namespace pf
