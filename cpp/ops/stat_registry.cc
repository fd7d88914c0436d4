// SPDX-License-Identifier: Apache-2.0
// Named statistics: StatRegistryCreate, StatRegistryUpdate, StatRegistryExport, CpuUtilizationReport. Without a
// registry of its own an operator uses that of its workspace.
#include "core/clock.h"
#include "core/objects.h"

namespace pf {
namespace {

struct StatRegistry final : Object {
  static constexpr const char* kKind = "registry of statistics";
  const char* kind() const override { return kKind; }

  struct Entry {
    std::string key;
    int64_t value;
  };
  std::vector<Entry> entries;  // oldest first

  void add(const std::string& key, int64_t more) {
    for (Entry& entry : entries)
      if (entry.key == key) return void(entry.value = int64_t(uint64_t(entry.value) + uint64_t(more)));
    entries.push_back({key, more});
  }
};

// The blob of the workspace's own registry.
constexpr const char kOwn[] = "__stat_registry__";

Status registry_of(Blob& blob, StatRegistry** out) { return object_of(blob, "StatRegistryCreate", out); }

struct OwnRegistry {
  Blob* own = nullptr;
  Status bind(Scope& scope) {
    own = &scope.blob(kOwn);
    if (own->empty()) make_object<StatRegistry>(*own);
    return {};
  }
  // Input i, where there is one.
  Status find(OpRun& op, int i, StatRegistry** out) {
    if (i < op.inputs()) return registry_of(op.in_blob(i), out);
    if (own->empty()) make_object<StatRegistry>(*own);
    return registry_of(*own, out);
  }
};

struct StatRegistryCreate {
  Status run(OpRun& op) { return make_object<StatRegistry>(op.out_blob(0)), Status(); }
};

struct StatRegistryUpdate : OwnRegistry {
  Status run(OpRun& op) {
    StatRegistry* registry;
    PF_TRY(find(op, 2, &registry));
    const Tensor &keys = op.in(0), &values = op.in(1);
    for (int64_t i = 0; i < keys.size(); ++i) registry->add(keys.data<std::string>()[i], values.data<int64_t>()[i]);
    return {};
  }
};

struct StatRegistryExport : OwnRegistry {
  Status run(OpRun& op) {
    StatRegistry* registry;
    PF_TRY(find(op, 0, &registry));
    const int64_t count = int64_t(registry->entries.size());
    PF_TRY(op.resize(0, Shape{count}, DType::kString));
    PF_TRY(op.resize(1, Shape{count}, DType::kInt64));
    PF_TRY(op.resize(2, Shape{count}, DType::kInt64));
    const int64_t now = int64_t(now_ms() * 1e6);
    for (int64_t i = 0; i < count; ++i) {
      StatRegistry::Entry& entry = registry->entries[size_t(count - 1 - i)];
      op.out(0).data<std::string>()[i] = entry.key;
      op.out(1).data<int64_t>()[i] = entry.value;
      op.out(2).data<int64_t>()[i] = now;
      if (op.args.b("reset")) entry.value = 0;
    }
    return {};
  }
};

struct CpuUtilizationReport : OwnRegistry {
  Status run(OpRun& op) {
    StatRegistry* registry;
    PF_TRY(find(op, op.inputs(), &registry));
    const float percent = op.in(0).data<float>()[0];
    PF_CHECK(percent > -2e7f && percent < 2e7f, value, "the utilization is ", percent);
    registry->add(text(op.args.s("stats_name"), "/cpu_utilization"), int64_t(percent * 100));
    return {};
  }
};

PF_OP(StatRegistryCreate)
    .doc("Makes a registry of statistics.")
    .object_output("registry", "The registry, empty.")
    .shape(no_tensor)
    .refuse_grad("statistics have no gradient")
    .cpu<StatRegistryCreate>();

PF_OP(StatRegistryUpdate)
    .doc("Adds numbers to statistics; those that are not there yet begin at 0.")
    .input("keys", "string: the names.")
    .input("values", "int64, as many: what to add.")
    .optional_any_input("registry", "From StatRegistryCreate; without it that of the workspace.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kString));
      PF_TRY(in.want_dtype(1, DType::kInt64));
      PF_CHECK(in.shape(0).size() == in.shape(1).size(), shape, "there must be as many keys as values, found ",
               in.shape(0), " and ", in.shape(1));
      return {};
    })
    .refuse_grad("statistics have no gradient")
    .cpu<StatRegistryUpdate>();

PF_OP(StatRegistryExport)
    .doc("The statistics of a registry, the newest name first.")
    .arg("reset", true, "Set them back to 0.")
    .optional_any_input("registry", "From StatRegistryCreate; without it that of the workspace.")
    .output("keys", "string: the names.")
    .output("values", "int64.")
    .output("timestamps", "int64: now, in nanoseconds of the clock.")
    .shape(no_tensor)
    .shape_unknown("it depends on what the registry holds")
    .refuse_grad("statistics have no gradient")
    .cpu<StatRegistryExport>();

PF_OP(CpuUtilizationReport)
    .doc("Adds 100 times a percentage to the statistic `stats_name/cpu_utilization` of the workspace.")
    .arg("stats_name", "utilization", "First part of its name.")
    .input("utilization", "float; the first element counts.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_CHECK(in.shape(0).size() >= 1, shape, "there is no number, the shape is ", in.shape(0));
      return {};
    })
    .refuse_grad("statistics have no gradient")
    .cpu<CpuUtilizationReport>();

}  // namespace
}  // namespace pf
