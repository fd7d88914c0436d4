// SPDX-License-Identifier: Apache-2.0
// Print: a tensor as one line on standard output.
#include "core/print.h"

#include "core/op.h"

namespace pf {
namespace {

template <class T>
void append_elements(std::string& line, const Tensor& x, int64_t count) {
  const T* data = x.data<T>();
  for (int64_t i = 0; i < count; ++i) append(line, i ? "," : "", data[i]);
}

void append_elements(std::string& line, const Tensor& x, int64_t count) {
  switch (x.dtype()) {
    case DType::kFloat:
      return append_elements<float>(line, x, count);
    case DType::kDouble:
      return append_elements<double>(line, x, count);
    case DType::kString:
      return append_elements<std::string>(line, x, count);
    case DType::kInt64:
      return append_elements<int64_t>(line, x, count);
    case DType::kInt32:
      return append_elements<int32_t>(line, x, count);
    case DType::kInt16:
      return append_elements<int16_t>(line, x, count);
    case DType::kUint16:
      return append_elements<uint16_t>(line, x, count);
    case DType::kInt8:
      return append_elements<int8_t>(line, x, count);
    case DType::kUint8:
    case DType::kBool:
      return append_elements<uint8_t>(line, x, count);
    default:
      line += "…";
  }
}

struct Print {
  int64_t limit, every, turn = 0;
  explicit Print(const Args& args) : limit(args.i("limit")), every(args.i("every_n")) {
    if (limit <= 0) limit = 1000;
  }
  Status run(OpRun& op) {
    if (turn++ % every != 0) return {};
    const Tensor& x = op.in(0);
    std::string line = text("Tensor ", op.in_blob(0).name, " of type ", x.dtype(), ". Dims: (");
    for (int64_t d : x.shape()) append(line, d, ",");
    line += "): ";
    append_elements(line, x, x.size() < limit ? x.size() : limit);
    print_line(line);
    return {};
  }
};

Status print_shape(Infer& in) {
  PF_CHECK(in.args.i("every_n") >= 1, argument, "every_n must be 1 or more, is ", in.args.i("every_n"));
  return {};
}

PF_OP(Print)
    .doc("Writes name, type, dimensions and the first elements of X as one line on standard output.")
    .arg("limit", 0, "How many elements; 0 for 1000.")
    .arg("every_n", 1, "Print on the first of so many runs only.")
    .arg("to_file", false, "Ignored: where output goes is for the host to say.")
    .input("X", "Any type and shape.")
    .shape(print_shape)
    .refuse_grad("nothing depends on what was printed")
    .cpu<Print>();

}  // namespace
}  // namespace pf
