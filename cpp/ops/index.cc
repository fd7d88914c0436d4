// SPDX-License-Identifier: Apache-2.0
// Indices number keys from 1 on in the order they are seen: IntIndexCreate, LongIndexCreate, StringIndexCreate,
// IndexGet, IndexFreeze, IndexLoad, IndexStore, IndexSize.
#include <unordered_map>

#include "core/objects.h"

namespace pf {
namespace {

struct Index final : Object {
  static constexpr const char* kKind = "index";
  const char* kind() const override { return kKind; }
  Index(DType type, int64_t most) : type(type), most(most) {}

  const DType type;  // of the keys: int32, int64 or string
  const int64_t most;
  int64_t next = 1;
  bool frozen = false;
  std::unordered_map<int64_t, int64_t> numbers;
  std::unordered_map<std::string, int64_t> words;
};

Status index_of(OpRun& op, Index** out) { return object_of(op.in_blob(0), "IntIndexCreate", out); }

Status want_keys(const Index& index, const Tensor& keys) {
  PF_CHECK(keys.dtype() == index.type, type, "the index has keys of type ", index.type, ", found ", keys.dtype());
  return {};
}

template <DType kType>
struct CreateIndex {
  Status run(OpRun& op) {
    const int64_t most = op.args.i("max_elements");
    PF_CHECK(most >= 0, argument, "max_elements must be 0 or more, is ", most);
    make_object<Index>(op.out_blob(0), kType, most);
    return {};
  }
};

// f(table of this index, its keys in the tensor).
template <class F>
Status with_keys(Index& index, const Tensor& keys, F f) {
  if (index.type == DType::kString) return f(index.words, keys.data<std::string>());
  if (index.type == DType::kInt64) return f(index.numbers, keys.data<int64_t>());
  return f(index.numbers, keys.data<int32_t>());
}

struct IndexGet {
  Status run(OpRun& op) {
    Index* index;
    PF_TRY(index_of(op, &index));
    const Tensor& keys = op.in(1);
    PF_TRY(want_keys(*index, keys));
    int64_t* y = op.out(0).data<int64_t>();
    return with_keys(*index, keys, [&](auto& table, const auto* key) -> Status {
      for (int64_t i = 0; i < keys.size(); ++i) {
        auto at = table.find(key[i]);
        if (at == table.end() && !index->frozen) {
          PF_CHECK(index->next < index->most, value, "the index is full: max_elements is ", index->most);
          at = table.emplace(key[i], index->next++).first;
        }
        y[i] = at == table.end() ? 0 : at->second;
      }
      return {};
    });
  }
};

struct IndexFreeze {
  Status run(OpRun& op) {
    Index* index;
    PF_TRY(index_of(op, &index));
    index->frozen = true;
    return {};
  }
};

struct IndexLoad {
  Status run(OpRun& op) {
    Index* index;
    PF_TRY(index_of(op, &index));
    const Tensor& keys = op.in(1);
    PF_TRY(want_keys(*index, keys));
    const int64_t skip = op.args.b("skip_first_entry");
    const int64_t count = keys.size() - skip;
    PF_CHECK(count >= 0, value, "there is no first entry to skip");
    PF_CHECK(count <= index->most, value, "cannot load ", count, " keys: max_elements is ", index->most);
    return with_keys(*index, keys, [&](auto& table, const auto* key) -> Status {
      std::decay_t<decltype(table)> loaded;
      for (int64_t i = 0; i < count; ++i)
        PF_CHECK(loaded.emplace(key[skip + i], i + 1).second, value, "key ", i, " is there twice; keys must differ");
      table.swap(loaded);
      index->next = count + 1;
      return {};
    });
  }
};

struct IndexStore {
  Status run(OpRun& op) {
    Index* index;
    PF_TRY(index_of(op, &index));
    Tensor& y = op.out(0);
    const size_t count = index->type == DType::kString ? index->words.size() : index->numbers.size();
    PF_TRY(op.resize(0, Shape{int64_t(count)}, index->type));
    if (index->type == DType::kString)
      for (auto& [key, place] : index->words) y.data<std::string>()[place - 1] = key;
    else if (index->type == DType::kInt64)
      for (auto& [key, place] : index->numbers) y.data<int64_t>()[place - 1] = key;
    else
      for (auto& [key, place] : index->numbers) y.data<int32_t>()[place - 1] = int32_t(key);
    return {};
  }
};

struct IndexSize {
  Status run(OpRun& op) {
    Index* index;
    PF_TRY(index_of(op, &index));
    op.out(0).data<int64_t>()[0] = index->next;
    return {};
  }
};

constexpr auto kCreate = [](auto& op) {
  op.arg("max_elements", 2147483647, "Numbers that are given out stay below it.")
      .object_output("index", "The index, empty.")
      .shape(no_tensor)
      .no_grad();
};
constexpr auto kIndex = [](auto& op) {
  op.object_input("index", "From IntIndexCreate, LongIndexCreate or StringIndexCreate.")
      .refuse_grad("an index has no gradient");
};

PF_OP(IntIndexCreate).doc("Makes an index of int32 keys.").with(kCreate).cpu<CreateIndex<DType::kInt32>>();

PF_OP(LongIndexCreate).doc("Makes an index of int64 keys.").with(kCreate).cpu<CreateIndex<DType::kInt64>>();

PF_OP(StringIndexCreate).doc("Makes an index of strings.").with(kCreate).cpu<CreateIndex<DType::kString>>();

PF_OP(IndexGet)
    .doc("The numbers of keys. A new key gets the next number, or 0 when the index is frozen.")
    .with(kIndex)
    .input("keys", "Any shape, type of the index.")
    .output("numbers", "int64, shape of keys.")
    .shape([](Infer& in) -> Status { return in.set(0, in.shape(1), DType::kInt64), Status(); })
    .cpu<IndexGet>();

PF_OP(IndexFreeze)
    .doc("From now on new keys get the number 0 and are not entered.")
    .with(kIndex)
    .object_output("index", "The same blob.")
    .must_inplace(0, 0)
    .shape(no_tensor)
    .cpu<IndexFreeze>();

PF_OP(IndexLoad)
    .doc("Fills an index with keys, which get the numbers 1, 2, … What it held before is gone.")
    .arg("skip_first_entry", false, "Leave out the first key, which stands for all unknown ones.")
    .with(kIndex)
    .input("keys", "All different, type of the index.")
    .object_output("index", "The same blob.")
    .must_inplace(0, 0)
    .shape(no_tensor)
    .cpu<IndexLoad>();

PF_OP(IndexStore)
    .doc("The keys of an index in the order of their numbers.")
    .with(kIndex)
    .output("keys", "One dimension, type of the index.")
    .shape(no_tensor)
    .shape_unknown("it depends on what the index holds")
    .cpu<IndexStore>();

PF_OP(IndexSize)
    .doc("The number that the next new key will get: one more than there are keys.")
    .with(kIndex)
    .output("size", "int64 scalar.")
    .shape([](Infer& in) -> Status { return in.set(0, Shape{}, DType::kInt64), Status(); })
    .cpu<IndexSize>();

}  // namespace
}  // namespace pf
