// SPDX-License-Identifier: Apache-2.0
// Memory of tensors: ExtendTensor adds rows in place, UnsafeCoalesce puts tensors into one block.
#include "math/copy.h"
#include "math/indices.h"

namespace pf {
namespace {

struct ExtendTensor {
  Status run(OpRun& op) {
    Tensor& x = op.out(0);
    int64_t rows = x.dim(0);
    for (int64_t i = 0; i < op.in(1).size(); ++i) {
      const int64_t index = index_at(op.in(1), i);
      PF_CHECK(index >= 0 && index < INT64_MAX, value, "index ", i, " is ", index, ", expected 0 or more");
      rows = index >= rows ? index + 1 : rows;
    }
    if (rows == x.dim(0)) return {};
    Shape shape = x.shape();
    shape[0] = rows;
    Tensor grown;
    PF_TRY(grown.resize(shape, x.dtype()));
    const Elements elements(x.dtype());
    elements.copy(grown.data<uint8_t>(), x.data<uint8_t>(), x.size());
    if (!elements.strings) std::memset(grown.data<uint8_t>() + x.byte_size(), 0, grown.byte_size() - x.byte_size());
    x.share(grown);
    return {};
  }
};

Status extend_shape(Infer& in) {
  PF_CHECK(in.shape(0).rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
  PF_TRY(want_indices(in, 1));
  return in.unknown();
}

// Each tensor begins at a multiple of this many bytes.
constexpr size_t kAlignment = 32;
size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct UnsafeCoalesce {
  Status run(OpRun& op) {
    const int last = op.outputs() - 1;
    size_t total = 0;
    for (int i = 0; i < last; ++i) total += aligned(op.in(i).byte_size());
    std::shared_ptr<Memory> memory;
    PF_TRY(Memory::allocate(total ? total : 1, &memory));
    std::memset(memory->bytes(), 0, total);
    size_t offset = 0;
    for (int i = 0; i < last; ++i) {
      const size_t bytes = op.in(i).byte_size();
      const TensorType type = op.in(i).type();
      if (bytes) std::memcpy(memory->bytes() + offset, op.in(i).data<uint8_t>(), bytes);
      op.out(i).adopt(memory, offset, aligned(bytes));
      PF_TRY(op.resize(i, type.shape, type.dtype));
      offset += aligned(bytes);
    }
    op.out(last).adopt(memory, 0, total);
    return op.resize(last, Shape{int64_t(total)}, DType::kUint8);
  }
};

Status coalesce_shape(Infer& in) {
  PF_CHECK(in.outputs() == in.inputs() + 1, argument, "takes one output for each input and one for the block, found ",
           in.outputs(), " for ", in.inputs(), " inputs");
  const OpDef& def = in.args.def;
  for (int i = 0; i < in.inputs(); ++i) {
    PF_CHECK(in.dtype(i) != DType::kString, type, "strings cannot be put into one block");
    for (int j = 0; j < in.outputs(); ++j)
      PF_CHECK(i == j || def.input[size_t(i)] != def.output[size_t(j)], argument, "input ", i, " may be output ", i,
               " only, found it as output ", j);
  }
  return in.unknown();
}

PF_OP(ExtendTensor)
    .doc("Adds rows of zeros, in place, until X has one for each index.")
    .arg("growthPct", 40, "Of no effect.")
    .input("X", "Any type, [rows, ...].")
    .input("indices", "int32 or int64: rows that must be there.")
    .output("X", "The same blob.")
    .must_inplace(0, 0)
    .shape(extend_shape)
    .shape_unknown("it depends on the largest index")
    .refuse_grad("growing has no gradient")
    .cpu<ExtendTensor>();

PF_OP(UnsafeCoalesce)
    .doc(
        "Copies tensors into one block of memory, which the outputs then share: writing to the block changes them all. "
        "Each begins at a multiple of 32 bytes.")
    .variadic_input("X", "Any types but string.")
    .variadic_output("Y", "The tensors, then the block as uint8.")
    .any_inplace()
    .shape(coalesce_shape)
    .shape_unknown("the outputs share memory that no planner may lay out")
    .refuse_grad("it is about memory alone")
    .cpu<UnsafeCoalesce>();

}  // namespace
}  // namespace pf
