// SPDX-License-Identifier: Apache-2.0
// QuantDecode: numbers from codes by a table; and its gradient.
#include "core/op.h"

namespace pf {
namespace {

int64_t code_at(const Tensor& codes, int64_t i) {
  switch (codes.dtype()) {
    case DType::kUint8:
      return codes.data<uint8_t>()[i];
    case DType::kUint16:
      return codes.data<uint16_t>()[i];
    default:
      return codes.data<int32_t>()[i];
  }
}

// Calls f(i, code) for all codes once they are known to be in the table.
template <class F>
Status each_code(const Tensor& codes, int64_t table, F f) {
  for (int64_t i = 0; i < codes.size(); ++i) {
    const int64_t code = code_at(codes, i);
    PF_CHECK(code >= 0 && code < table, value, "code ", i, " is ", code, ", expected 0 to ", table - 1);
    f(i, code);
  }
  return {};
}

Status check_types(const Infer& in, int codes) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  for (int i = 1; i <= codes; ++i)
    PF_CHECK(in.dtype(i) == DType::kUint8 || in.dtype(i) == DType::kUint16 || in.dtype(i) == DType::kInt32, type,
             "codes must be uint8, uint16 or int32, found ", in.dtype(i));
  return {};
}

struct QuantDecode {
  Status run(OpRun& op) {
    const float* table = op.in(0).data<float>();
    for (int j = 0; j < op.outputs(); ++j) {
      float* y = op.out(j).data<float>();
      PF_TRY(each_code(op.in(j + 1), op.in(0).size(), [=](int64_t i, int64_t code) { y[i] = table[code]; }));
    }
    return {};
  }
};

struct QuantDecodeGradient {
  Status run(OpRun& op) {
    const int count = op.inputs() / 2;
    float* dtable = op.out(0).data<float>();
    Cpu::fill(op, op.out(0).size(), dtable, 0.f);
    for (int k = 1; k <= count; ++k) {
      const float* dy = op.in(k + count).data<float>();
      PF_TRY(each_code(op.in(k), op.in(0).size(), [=](int64_t i, int64_t code) { dtable[code] += dy[i]; }));
    }
    return {};
  }
};

PF_OP(QuantDecode)
    .doc("Looks codes up in a table: `Y_j[i] = codebook[codes_j[i]]` for each tensor of codes.")
    .input("codebook", "float: the table.")
    .variadic_input("codes", "uint8, uint16 or int32, any shape.")
    .variadic_output("Y", "float, one for each tensor of codes, of its shape.")
    .shape([](Infer& in) -> Status {
      PF_CHECK(in.inputs() == in.outputs() + 1, argument, "there must be one output for each tensor of codes, found ",
               in.outputs(), " for ", in.inputs() - 1);
      PF_TRY(check_types(in, in.outputs()));
      for (int j = 0; j < in.outputs(); ++j) in.set(j, in.shape(j + 1), DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      std::vector<std::string> in;
      for (int i = 0; i < g.inputs(); ++i) in.push_back(g.I(i));
      for (int j = 0; j < g.outputs(); ++j) in.push_back(g.GO(j));
      g.op("QuantDecodeGradient", std::move(in), {g.GI(0)});
    })
    .cpu<QuantDecode>();

PF_OP(QuantDecodeGradient)
    .doc("Gradient of QuantDecode: each entry of the table gets the gradients of the places that hold its code.")
    .input("codebook", "The table.")
    .variadic_input("codes_and_dY", "The tensors of codes, then as many gradients of the outputs.")
    .output("d_codebook", "Gradient of the table, its shape.")
    .shape([](Infer& in) -> Status {
      const int count = in.inputs() / 2;
      PF_CHECK(count > 0 && in.inputs() % 2 == 1, argument,
               "takes the table, tensors of codes and as many gradients; found ", in.inputs(), " inputs");
      PF_TRY(check_types(in, count));
      for (int k = 1; k <= count; ++k) {
        PF_TRY(in.want_dtype(k + count, DType::kFloat));
        PF_CHECK(in.shape(k).size() == in.shape(k + count).size(), shape,
                 "there must be one gradient for each code; codes are ", in.shape(k), ", gradients ",
                 in.shape(k + count));
      }
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<QuantDecodeGradient>();

}  // namespace
}  // namespace pf
