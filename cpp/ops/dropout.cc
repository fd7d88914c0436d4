// SPDX-License-Identifier: Apache-2.0
// Dropout: y = x mask / (1 - ratio), mask random, 1 with probability 1 - ratio; and its gradient.
#include "core/op.h"

namespace pf {
namespace {

float scale_of(const Args& args) {
  const float ratio = args.f("ratio");
  return ratio < 1.f ? 1.f / (1.f - ratio) : 0.f;
}

// Element i is decided by word i % 4 of block i / 4 of a counter-based generator: threads need not agree on an order.
struct Forward {
  const float* x;
  float* y;
  bool* mask;
  uint64_t seed, keep;  // kept where a word of 32 bits is below `keep`
  float scale;
  int64_t size;
  PF_FN void operator()(int64_t block) const {
    const Philox words(seed, uint64_t(block));
    for (int64_t k = 0, i = block * 4; k < 4 && i < size; ++k, ++i) {
      const bool kept = words.word[k] < keep;
      mask[i] = kept;
      y[i] = kept ? x[i] * scale : 0.f;
    }
  }
};

struct Backward {
  float scale;
  PF_FN float operator()(float dy, bool mask) const { return mask ? dy * scale : 0.f; }
};

template <class Device>
struct Dropout {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Tensor& y = op.out(0);
    if (op.args.b("is_test")) return Device::copy(op, x.byte_size(), y.data<float>(), x.data<float>()), Status();
    const double keep = (1.0 - double(op.args.f("ratio"))) * 4294967296.0;
    const int64_t n = x.size();
    Device::each(op, (n + 3) / 4,
                 Forward{x.data<float>(), y.data<float>(), op.out(1).data<bool>(), op.random.next64(), uint64_t(keep),
                         scale_of(op.args), n});
    return {};
  }
};

template <class Device>
struct DropoutGrad {
  Status run(OpRun& op) {
    const Tensor& dy = op.in(0);
    Tensor& dx = op.out(0);
    if (op.args.b("is_test")) return Device::copy(op, dy.byte_size(), dx.data<float>(), dy.data<float>()), Status();
    Device::map(op, dy.size(), dx.data<float>(), Backward{scale_of(op.args)}, dy.data<float>(), op.in(1).data<bool>());
    return {};
  }
};

Status check_ratio(Infer& in) {
  const float ratio = in.args.f("ratio");
  PF_CHECK(ratio >= 0 && ratio <= 1, argument, "ratio must be from 0 to 1, found ", ratio);
  return in.want_dtype(0, DType::kFloat);
}

PF_OP(Dropout)
    .doc(
        "In training sets each element to 0 with probability `ratio` and scales the others: `Y = X mask / (1 "
        "- ratio)`. With is_test the identity.")
    .arg("ratio", 0.5f, "Probability of dropping an element, from 0 to 1.")
    .arg("is_test", false, "Pass X through unchanged; the mask is then not written.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .optional_output("mask", "bool, shape of X: which elements were kept. Training needs it.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape([](Infer& in) -> Status {
      PF_TRY(check_ratio(in));
      in.set(0, in.shape(0), DType::kFloat);
      if (in.args.b("is_test")) return {};
      PF_CHECK(in.outputs() == 2, argument, "needs the output mask in training; set is_test where it is not wanted");
      in.set(1, in.shape(0), DType::kBool);
      return {};
    })
    .grad([](Gradient& g) {
      if (g.args.b("is_test"))
        g.op("DropoutGrad", {g.GO(0)}, {g.GI(0)});
      else
        g.op("DropoutGrad", {g.GO(0), g.O(1)}, {g.GI(0)});
    })
    .kernel<Dropout>();

PF_OP(DropoutGrad)
    .doc("Gradient of Dropout: `dX = dY mask / (1 - ratio)`; with is_test `dX = dY`.")
    .arg("ratio", 0.5f, "As given to Dropout.")
    .arg("is_test", false, "As given to Dropout.")
    .input("dY", "Gradient of Y.")
    .optional_input("mask", "The mask from Dropout; not needed with is_test.")
    .output("dX", "Gradient of X, shape of dY.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(check_ratio(in));
      in.set(0, in.shape(0), DType::kFloat);
      if (in.args.b("is_test")) return {};
      PF_CHECK(in.inputs() == 2, argument, "needs the mask from Dropout, unless is_test is set");
      PF_TRY(in.want_dtype(1, DType::kBool));
      PF_CHECK(in.shape(1).size() == in.shape(0).size(), shape, "the mask must have the size of dY ", in.shape(0),
               ", found ", in.shape(1));
      return {};
    })
    .no_grad()
    .kernel<DropoutGrad>();

}  // namespace
}  // namespace pf
