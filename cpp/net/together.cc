// SPDX-License-Identifier: Apache-2.0
#include "net/together.h"

#ifdef PF_BASE  // no operator of such a build waits for another replica

namespace pf {

Status run_together(std::string_view, FindNet, int) {
  return fail(Code::no_operator, "this build has no replicas; open the backend with { operators: 'all' }");
}

}  // namespace pf

#else

#include <atomic>
#include <cstring>

#include "core/world.h"
#ifndef __wasm__
#include <thread>
#endif

namespace pf {
namespace {

Status find_all(std::string_view handles, FindNet find, std::vector<Net*>* out) {
  PF_CHECK(!handles.empty() && handles.size() % sizeof(uint32_t) == 0, parse, "nets that run together are named by ",
           sizeof(uint32_t), " bytes each, found ", handles.size(), " bytes");
  for (; !handles.empty(); handles.remove_prefix(sizeof(uint32_t))) {
    uint32_t handle;
    std::memcpy(&handle, handles.data(), sizeof handle);
    out->emplace_back();
    PF_TRY(find(handle, &out->back()));
  }
  return {};
}

Status of_replica(Status s, const std::vector<Net*>& nets, size_t i) {
  return nets.size() > 1 ? std::move(s).at("replica ", i) : std::move(s);
}

Status run_in_turns(const std::vector<Net*>& nets) {
  ++common_runs().runs;
  std::vector<bool> done(nets.size());
  size_t left = nets.size();
  for (bool go_on = false;; go_on = true) {
    const uint64_t before = common_runs().steps + nets.size() - left;
    Status waits;
    for (size_t i = 0; i < nets.size(); ++i) {
      if (done[i]) continue;
      Status s = nets[i]->start(go_on);
      if (s.ok())
        done[i] = true, --left;
      else if (s.code() != Code::blocked)
        return of_replica(std::move(s), nets, i);
      else
        waits = of_replica(std::move(s), nets, i);
    }
    if (!left) return {};
    if (common_runs().steps + nets.size() - left == before) return waits;
  }
}

#ifdef __wasm__

Status run_in_threads(const std::vector<Net*>& nets) { return run_in_turns(nets); }

#else

// What one that has failed leaves of collectives can never be completed.
void give_up(const std::vector<Net*>& nets) {
  for (Net* net : nets)
    net->workspace().each_object([](Object& object) {
      if (object.kind() == World::kKind) static_cast<World&>(object).give_up();
    });
}

Status run_in_threads(const std::vector<Net*>& nets) {
  std::vector<Status> results(nets.size());
  std::atomic<bool> failed{false};
  const auto run = [&](size_t i) {
    const Turn turn;
    if (failed.load()) return;
    results[i] = nets[i]->start(false);
    // Once, by the first: it also frees those that wait for it.
    if (!results[i].ok() && !failed.exchange(true)) give_up(nets);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < nets.size(); ++i) threads.emplace_back(run, i);
  run(0);
  for (std::thread& thread : threads) thread.join();
  if (failed.load()) give_up(nets);  // those too that recorded meanwhile
  // The first that failed tells why; that others were given up follows from it.
  size_t worst = nets.size();
  for (size_t i = 0; i < nets.size(); ++i)
    if (!results[i].ok() && (worst == nets.size() || results[worst].code() == Code::lost)) worst = i;
  return worst == nets.size() ? Status() : of_replica(std::move(results[worst]), nets, worst);
}

#endif

}  // namespace

Status run_together(std::string_view handles, FindNet find, int times) {
  std::vector<Net*> nets;
  PF_TRY(find_all(handles, find, &nets));
  bool on_devices = kHasAccelerators && nets.size() > 1;
  for (size_t i = 0; i < nets.size(); ++i) {
    on_devices = on_devices && nets[i]->workspace().accelerator();
    for (size_t k = 0; k < i; ++k)
      PF_CHECK(&nets[k]->workspace() != &nets[i]->workspace(), argument, "nets ", k, " and ", i,
               " are of one workspace; nets that run together have one each");
  }
  // No replica is a run ahead: on a GPU it would wait for others that have not been told theirs.
  for (int k = 0; k < times; ++k) PF_TRY(on_devices ? run_in_threads(nets) : run_in_turns(nets));
  return {};
}

}  // namespace pf

#endif
