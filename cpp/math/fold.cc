// SPDX-License-Identifier: Apache-2.0
#include "math/fold.h"

namespace pf {

bool FoldedClamp::absorb(const Args& next) {
  if (used) return false;
  const std::string& type = next.def.type;
  if (type == "Relu")
    low = 0;
  else if (type == "Clip")
    low = next.f("min"), high = next.f("max");
  else
    return false;
  return used = low <= high;
}

bool FoldedAffine::absorb(const Args& next, int first_input, bool channels_last) {
  const std::string& type = next.def.type;
  if (type == "SpatialBN") {
    const bool same_order = (next.s("order") == "NHWC") == channels_last;
    if (!next.b("is_test") || !same_order || next.def.input.size() != 5) return false;
    steps_.push_back({Step::kNorm, first_input, next.f("epsilon")});
    return true;
  }
  if (type != "Mul" && type != "Add") return false;
  // axis -1 aligns the last dimensions, which for NHWC are the channels. By letter, "C" says the same.
  const bool by_letter = next.has("axis_str");
  const bool channels = by_letter          ? next.s("axis_str") == "C" && (next.s("order") == "NHWC") == channels_last
                        : next.has("axis") ? next.i("axis") == (channels_last ? 3 : 1)
                                           : channels_last;
  if (!next.b("broadcast") || !channels || next.def.input.size() != 2) return false;
  steps_.push_back({type == "Mul" ? Step::kMul : Step::kAdd, first_input, 0});
  return true;
}

namespace {

// One float per channel, or one for all.
Status per_channel(const OpRun& op, int input, int64_t channels, const float** data, int64_t* stride) {
  const Tensor& t = op.in(input);
  PF_CHECK(t.dtype() == DType::kFloat, type, "a following operator's input must be float32, is ", t.dtype());
  PF_CHECK(t.size() == channels || t.size() == 1, shape,
           "a following SpatialBN, Mul or Add was folded into this operator and "
           "needs one number for each of its ",
           channels, " channels; its input has the shape ", t.shape());
  *data = t.data<float>(), *stride = t.size() == 1 ? 0 : 1;
  return {};
}

}  // namespace

Status FoldedAffine::compute(const OpRun& op, int64_t channels, float* scale, float* shift) const {
  for (int64_t c = 0; c < channels; ++c) scale[c] = 1;
  for (const Step& step : steps_) {
    const float* p[4];
    int64_t s[4];
    for (int i = 0; i < (step.kind == Step::kNorm ? 4 : 1); ++i)
      PF_TRY(per_channel(op, step.input + i, channels, &p[i], &s[i]));
    for (int64_t c = 0; c < channels; ++c) {
      if (step.kind == Step::kNorm) {  // gamma (x - mean) / sqrt(variance + epsilon) + beta
        const float factor = p[0][c * s[0]] / __builtin_sqrtf(p[3][c * s[3]] + step.epsilon);
        scale[c] *= factor;
        shift[c] = (shift[c] - p[2][c * s[2]]) * factor + p[1][c * s[1]];
      } else if (step.kind == Step::kMul) {
        scale[c] *= p[0][c * s[0]], shift[c] *= p[0][c * s[0]];
      } else {
        shift[c] += p[0][c * s[0]];
      }
    }
  }
  return {};
}

}  // namespace pf
