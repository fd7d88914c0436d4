// SPDX-License-Identifier: Apache-2.0
// Rows dealt out by a number modulo the count of partitions, and brought together again: Partition, LengthsPartition,
// GatherByKey. KeySplit lists the places of each number.
#include "math/copy.h"
#include "math/indices.h"
#include "math/segments.h"

namespace pf {
namespace {

// The remainder that is not negative.
int64_t part_of(int64_t key, int64_t parts) {
  const int64_t rest = key % parts;
  return rest < 0 ? rest + parts : rest;
}

// How the inputs are dealt out: `keys` is the input with the numbers, all after it go along.
struct Deal {
  int keys, inputs;
  int64_t parts;
  Deal(const Args& args, int inputs, int outputs)
      : keys(args.schema.name[0] == 'L'), inputs(inputs), parts(outputs / (inputs ? inputs : 1)) {}
  int out(int input, int64_t part) const { return int(part * inputs + input); }
};

Status deal_shape(Infer& in) {
  const Deal deal(in.args, in.inputs(), in.outputs());
  PF_CHECK(in.outputs() % in.inputs() == 0, argument, "there must be equally many outputs for each of the ",
           in.inputs(), " inputs, found ", in.outputs());
  PF_CHECK(in.inputs() > deal.keys, argument, "the input with the numbers is missing");
  PF_TRY(want_indices(in, deal.keys));
  const Shape& keys = in.shape(deal.keys);
  PF_CHECK(keys.rank() >= 1, shape, "the numbers must have 1 dimension or more, found a scalar");
  for (int i = deal.keys + 1; i < in.inputs(); ++i) {
    const Shape& x = in.shape(i);
    bool begins = x.rank() >= keys.rank();
    for (int d = 0; begins && d < keys.rank(); ++d) begins = x[d] == keys[d];
    PF_CHECK(begins, shape, "the shape of \"", in.args.def.input[size_t(i)], "\", ", x, ", must begin with that of \"",
             in.args.def.input[size_t(deal.keys)], "\", ", keys);
  }
  if (deal.keys) {
    PF_TRY(in.want_dtype(0, DType::kInt32));
    PF_TRY(in.want_rank(0, 1));
    for (int64_t part = 0; part < deal.parts; ++part) in.set(deal.out(0, part), in.shape(0), DType::kInt32);
  }
  return in.unknown();
}

struct Partition {
  Status run(OpRun& op) {
    const Deal deal(op.args, op.inputs(), op.outputs());
    const Tensor& keys = op.in(deal.keys);
    int64_t* next = nullptr;
    PF_TRY(op.scratch(deal.parts, &next));
    if (deal.keys) PF_TRY(count_lengths(op, deal, keys));
    for (int64_t part = 0; part < deal.parts; ++part) next[part] = 0;
    for (int64_t i = 0; i < keys.size(); ++i) ++next[part_of(index_at(keys, i), deal.parts)];
    for (int i = deal.keys; i < deal.inputs; ++i) {
      const Tensor& x = op.in(i);
      for (int64_t part = 0; part < deal.parts; ++part) {
        Shape y{next[part]};
        for (int d = keys.rank(); d < x.rank(); ++d) y.push_back(x.dim(d));
        PF_TRY(op.resize(deal.out(i, part), y, x.dtype()));
      }
    }
    for (int i = deal.keys; i < deal.inputs; ++i) {
      const Tensor& x = op.in(i);
      const Elements elements(x.dtype());
      const int64_t row = x.shape().from(keys.rank());
      for (int64_t part = 0; part < deal.parts; ++part) next[part] = 0;
      for (int64_t p = 0; p < keys.size(); ++p) {
        const int64_t part = part_of(index_at(keys, p), deal.parts), at = next[part]++;
        elements.copy(elements.at(op.out(deal.out(i, part)).data<uint8_t>(), at * row),
                      elements.at(x.data<uint8_t>(), p * row), row);
      }
    }
    if (op.args.b("pack_first_input")) pack(op, deal);
    return {};
  }

  // Each segment's length is split into how many of its rows go to each part.
  static Status count_lengths(OpRun& op, const Deal& deal, const Tensor& keys) {
    const Tensor& lengths = op.in(0);
    int64_t total = 0, at = 0;
    PF_TRY(sum_of_lengths(lengths, &total));
    PF_CHECK(total == keys.size(), value, "the lengths make ", total, " together, but there are ", keys.size(),
             " numbers");
    for (int64_t part = 0; part < deal.parts; ++part)
      for (int64_t k = 0; k < lengths.size(); ++k) op.out(deal.out(0, part)).data<int32_t>()[k] = 0;
    for (int64_t k = 0; k < lengths.size(); ++k)
      for (int64_t i = index_at(lengths, k); i > 0; --i)
        ++op.out(deal.out(0, part_of(index_at(keys, at++), deal.parts))).data<int32_t>()[k];
    return {};
  }

  // The numbers of a part are told apart by their quotients alone.
  static void pack(OpRun& op, const Deal& deal) {
    for (int64_t part = 0; part < deal.parts; ++part) {
      Tensor& y = op.out(deal.out(deal.keys, part));
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t key = index_at(y, i), packed = key / deal.parts - (key % deal.parts < 0);
        if (y.dtype() == DType::kInt64)
          y.data<int64_t>()[i] = packed;
        else
          y.data<int32_t>()[i] = int32_t(packed);
      }
    }
  }
};

Status gather_shape(Infer& in) {
  PF_TRY(want_index_vector(in, 0));
  const Shape& first = in.shape(1);
  PF_CHECK(first.rank() >= 1, shape, "the parts must have rows, found a scalar");
  int64_t rows = 0;
  for (int i = 1; i < in.inputs(); ++i) {
    const Shape& x = in.shape(i);
    PF_TRY(in.want_dtype(i, in.dtype(1)));
    bool same = x.rank() == first.rank();
    for (int d = 1; same && d < x.rank(); ++d) same = x[d] == first[d];
    PF_CHECK(same, shape, "the parts ", first, " and ", x, " may differ in their first dimension only");
    rows += x[0];
  }
  PF_CHECK(rows == in.shape(0)[0], shape, "the parts have ", rows, " rows together, but there are ", in.shape(0)[0],
           " keys");
  Shape y = first;
  y[0] = rows;
  in.set(0, y, in.dtype(1));
  return {};
}

struct GatherByKey {
  Status run(OpRun& op) {
    const Tensor& keys = op.in(0);
    const int64_t parts = op.inputs() - 1, row = op.out(0).shape().from(1);
    const Elements elements(op.in(1).dtype());
    int64_t* next = nullptr;
    PF_TRY(op.scratch(parts, &next));
    for (int64_t part = 0; part < parts; ++part) next[part] = 0;
    for (int64_t i = 0; i < keys.size(); ++i) {
      const int64_t part = part_of(index_at(keys, i), parts);
      const Tensor& x = op.in(int(part) + 1);
      PF_CHECK(next[part] < x.dim(0), value, "key ", i, " belongs to part ", part, ", which has only ", x.dim(0),
               " rows");
      elements.copy(elements.at(op.out(0).data<uint8_t>(), i * row), elements.at(x.data<uint8_t>(), next[part]++ * row),
                    row);
    }
    return {};
  }
};

struct KeySplit {
  Status run(OpRun& op) {
    const Tensor& keys = op.in(0);
    const int64_t limit = op.outputs();
    int64_t* count = nullptr;
    PF_TRY(op.scratch(limit, &count));
    PF_TRY(check_indices(keys, limit));
    for (int64_t k = 0; k < limit; ++k) count[k] = 0;
    for (int64_t i = 0; i < keys.size(); ++i) ++count[index_at(keys, i)];
    for (int64_t k = 0; k < limit; ++k) {
      PF_TRY(op.resize(int(k), Shape{count[k]}, DType::kInt32));
      count[k] = 0;
    }
    for (int64_t i = 0; i < keys.size(); ++i) {
      const int64_t k = index_at(keys, i);
      op.out(int(k)).data<int32_t>()[count[k]++] = int32_t(i);
    }
    return {};
  }
};

constexpr auto kDeal = [](auto& op) {
  op.arg("pack_first_input", false, "The numbers are divided by the count of parts, rounded down.");
};

PF_OP(Partition)
    .doc(
        "Deals rows out by the numbers in input 0: row i goes to part `X_0[i] mod n`, in order. The other inputs are "
        "dealt out alike.")
    .with(kDeal)
    .variadic_input("X", "int32 or int64 numbers, then tensors whose shapes begin with theirs.")
    .variadic_output("Y", "Part 0 of each input, then part 1 of each, …")
    .shape_unknown("the keys tell how many go to each part")
    .shape(deal_shape)
    .no_grad()
    .cpu<Partition>();

PF_OP(LengthsPartition)
    .doc("Partition of segments: input 0 has their lengths, and each part gets lengths of its own.")
    .with(kDeal)
    .variadic_input("X", "int32 lengths, int32 or int64 numbers, then tensors whose shapes begin with theirs.")
    .variadic_output("Y", "Part 0 of each input, then part 1 of each, …")
    .shape_unknown("the keys tell how many go to each part")
    .shape(deal_shape)
    .no_grad()
    .cpu<Partition>();

PF_OP(GatherByKey)
    .doc("Takes back what Partition did: the next row of part `KEYS[i] mod n` becomes row i.")
    .input("KEYS", "int32 or int64: the numbers by which rows were dealt out.")
    .variadic_input("PARTS", "The parts, of one type.")
    .output("Y", "All rows again.")
    .shape(gather_shape)
    .refuse_grad("Caffe2 has no gradient of GatherByKey")
    .cpu<GatherByKey>();

PF_OP(KeySplit)
    .doc("Output k lists the places of number k in KEYS.")
    .arg("categorical_limit", 0, "The count of numbers and outputs.")
    .input("KEYS", "int64, 1-D, from 0 to categorical_limit - 1.")
    .variadic_output("Y", "int32, one for each number.")
    .shape_unknown("the keys tell how many go to each part")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_index_vector(in, 0));
      PF_CHECK(in.args.i("categorical_limit") == in.outputs(), argument, "categorical_limit is ",
               in.args.i("categorical_limit"), ", but there are ", in.outputs(), " outputs");
      return in.unknown();
    })
    .refuse_grad("made of integers, which have no gradient")
    .cpu<KeySplit>();

}  // namespace
}  // namespace pf
