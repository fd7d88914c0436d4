// SPDX-License-Identifier: Apache-2.0
// Maps between whole numbers: CreateMap, KeyValueToMap, MapToKeyValue.
#include "core/number_map.h"
#include "core/objects.h"
#include "math/indices.h"

namespace pf {
namespace {

Status type_of(const Args& args, const char* name, DType* out) {
  *out = DType(args.i(name));
  PF_CHECK(is_index(*out), argument, name, " must be 2 (int32) or 10 (int64), is ", args.i(name));
  return {};
}

struct CreateMap {
  Status run(OpRun& op) {
    DType keys, values;
    PF_TRY(type_of(op.args, "key_dtype", &keys));
    PF_TRY(type_of(op.args, "value_dtype", &values));
    make_object<NumberMap>(op.out_blob(0), keys, values);
    return {};
  }
};

struct KeyValueToMap {
  Status run(OpRun& op) {
    const Tensor &keys = op.in(0), &values = op.in(1);
    NumberMap& map = make_object<NumberMap>(op.out_blob(0), keys.dtype(), values.dtype());
    for (int64_t i = 0; i < keys.size(); ++i) map.set(index_at(keys, i), index_at(values, i));
    return {};
  }
};

void store(Tensor& t, int64_t i, int64_t value) {
  if (t.dtype() == DType::kInt64)
    t.data<int64_t>()[i] = value;
  else
    t.data<int32_t>()[i] = int32_t(value);
}

struct MapToKeyValue {
  Status run(OpRun& op) {
    NumberMap* map;
    PF_TRY(object_of(op.in_blob(0), "CreateMap", &map));
    const int64_t count = int64_t(map->size());
    PF_TRY(op.resize(0, Shape{count}, map->key_type));
    PF_TRY(op.resize(1, Shape{count}, map->value_type));
    for (int64_t i = 0; i < count; ++i) {
      const NumberMap::Entry& entry = map->entries[size_t(count - 1 - i)];
      store(op.out(0), i, entry.key), store(op.out(1), i, entry.value);
    }
    return {};
  }
};

PF_OP(CreateMap)
    .doc("Makes an empty map from whole numbers to whole numbers.")
    .arg("key_dtype", 2, "Type of the keys, 2 (int32) or 10 (int64).")
    .arg("value_dtype", 2, "Type of the values, 2 (int32) or 10 (int64).")
    .object_output("map", "The map.")
    .shape(no_tensor)
    .refuse_grad("a map has no gradient")
    .cpu<CreateMap>();

PF_OP(KeyValueToMap)
    .doc("Makes a map from tensors of keys and values. The last value of a key counts.")
    .input("keys", "int32 or int64.")
    .input("values", "int32 or int64, as many.")
    .object_output("map", "The map.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_indices(in, 0));
      PF_TRY(want_indices(in, 1));
      PF_CHECK(in.shape(0).size() == in.shape(1).size(), shape, "there must be as many keys as values, found ",
               in.shape(0), " and ", in.shape(1));
      return {};
    })
    .refuse_grad("a map has no gradient")
    .cpu<KeyValueToMap>();

PF_OP(MapToKeyValue)
    .doc("The keys and values of a map, the newest key first.")
    .object_input("map", "From CreateMap or KeyValueToMap.")
    .output("keys", "One dimension, type of the map's keys.")
    .output("values", "As many, type of the map's values.")
    .shape(no_tensor)
    .shape_unknown("it depends on what the map holds")
    .refuse_grad("a map has no gradient")
    .cpu<MapToKeyValue>();

}  // namespace
}  // namespace pf
