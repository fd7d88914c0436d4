// SPDX-License-Identifier: Apache-2.0
#include "device/replica_group.h"

namespace pf {
namespace {

// Groups that are open; one that no replica holds any more is forgotten.
std::shared_ptr<ReplicaGroup>& place_of(int64_t id) {
  static std::vector<std::shared_ptr<ReplicaGroup>> all;
  for (size_t i = all.size(); i-- > 0;)
    if (all[i].use_count() <= 1) all.erase(all.begin() + ptrdiff_t(i));
  for (auto& group : all)
    if (group->id == id) return group;
  all.emplace_back();
  return all.back();
}

// How many replicas other processes have, and which number the first of ours has among all.
Status count_workers(ReplicaGroup& group) {
  Communicator& others = *group.others;
  std::vector<int32_t> counts(size_t(others.size()));
  const int32_t mine = group.replicas;
  PF_TRY(others.gather(&mine, counts.data(), sizeof mine, "the count of replicas"));
  group.workers = 0;
  for (int p = 0; p < others.size(); ++p) {
    if (p < others.rank()) group.first += counts[size_t(p)];
    group.workers += counts[size_t(p)];
  }
  return {};
}

}  // namespace

Status ReplicaGroup::join(const WorldOptions& options, std::shared_ptr<ReplicaGroup>* out) {
  auto& place = place_of(options.group);
  if (!place) {
    auto group = std::make_shared<ReplicaGroup>();
    group->id = options.group, group->replicas = group->workers = options.replicas;
    group->parts.resize(size_t(options.replicas));
    if (options.processes) {
      PF_TRY(Communicator::open(&group->others));
      PF_TRY(count_workers(*group));
    }
    place = group;
  }
  PF_CHECK(place->replicas == options.replicas, argument, "group ", options.group, " has ", place->replicas,
           " replicas in this process, this one says ", options.replicas);
  *out = place;
  return {};
}

Status read_options(const Args& args, WorldOptions* out) {
  constexpr int64_t kMost = 1024;
  const int64_t replica = args.i("replica"), replicas = args.i("replicas");
  PF_CHECK(replicas > 0 && replicas <= kMost, argument, "a process has 1 to ", kMost, " replicas, found ", replicas);
  PF_CHECK(replica >= 0 && replica < replicas, argument, "there is no replica ", replica, " of ", replicas);
  out->group = args.i("group"), out->replica = int(replica), out->replicas = int(replicas);
  out->processes = args.b("processes");
  return {};
}

}  // namespace pf
