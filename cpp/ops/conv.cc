// SPDX-License-Identifier: Apache-2.0
// Conv, Conv1D, Conv2D, Conv3D: Y[n, m, p] = b[m] + sum over c, t of W[m, c, t] * X[n, c, input of p under tap t].
#include "math/conv.h"

#include <cstring>

#include "core/op.h"
#include "math/fold.h"

namespace pf {
namespace {

struct KeptFilter final : Reordered {
  ConvShape shape;
  std::shared_ptr<Memory> bytes;
  float* data() const { return reinterpret_cast<float*>(bytes->bytes()); }
  void restore(float* to) const override { conv_unpack(shape, data(), to); }
};

// The filter packed for the product; made again when a tensor it came from has changed. One that a plan packs once and
// that can be had back is kept in this form alone.
class PackedFilter {
 public:
  // `inputs`: as many of op's as the filter is made from; they follow X.
  Status prepare(const ConvShape& s, const OpRun& op, int inputs, bool has_bias, const FoldedAffine& affine) {
    if (unchanged(s, op, inputs)) return {};
    PF_TRY(op.in(1).bring(nullptr));
    const bool first = versions_.empty();
    versions_.clear();
    const size_t channels = size_t(s.out_channels);
    factors_.assign(2 * channels, 0.f);
    float* const scale = factors_.data();
    if (has_bias) std::memcpy(scale + channels, op.in(2).data<float>(), channels * sizeof(float));
    if (!affine.empty()) PF_TRY(affine.compute(op, s.out_channels, scale, scale + channels));
    bias_ = has_bias || !affine.empty() ? scale + channels : nullptr;
    scale_ = !affine.empty() && conv_scales(s) ? scale : nullptr;
    const bool as_it_is = affine.empty() || scale_;
    if (first && s.filter_first && as_it_is)
      PF_TRY(pack_alone(s, op));
    else
      PF_TRY(pack(s, op, as_it_is ? nullptr : scale));
    versions_.assign(size_t(inputs), 0);
    for (int i = 1; i < inputs; ++i) versions_[size_t(i)] = op.in(i).version();
    return {};
  }
  float* data() const { return packed_->data(); }
  const float* bias() const { return bias_; }
  const float* scale() const { return scale_; }

 private:
  bool unchanged(const ConvShape& s, const OpRun& op, int inputs) const {
    if (versions_.empty() || !conv_packs_alike(s, packed_->shape) || versions_.size() != size_t(inputs)) return false;
    for (int i = 1; i < inputs; ++i)
      if (versions_[size_t(i)] != op.in(i).version()) return false;
    return true;
  }

  Status pack(const ConvShape& s, const OpRun& op, const float* scale) {
    const size_t bytes = size_t(conv_packed_size(s)) * sizeof(float);
    // Training changes the filter with each step: the same memory serves again, but not that of somebody's contents.
    if (packed_.use_count() != 1 || !packed_->bytes || packed_->bytes->size() != bytes) {
      packed_ = std::make_shared<KeptFilter>();
      PF_TRY(Memory::allocate(bytes, &packed_->bytes));
    }
    packed_->shape = s;
    conv_pack(s, op.in(1).data<float>(), scale, data());
    return {};
  }

  // So that the tensor's memory is free again, or is what the filter is packed in.
  Status pack_alone(const ConvShape& s, const OpRun& op) {
    if (conv_packed_size(s) == op.in(1).size()) {
      std::shared_ptr<Memory> spare;
      PF_TRY(Memory::allocate(size_t(conv_pack_scratch(s)) * sizeof(float), &spare));
      packed_ = std::make_shared<KeptFilter>();
      packed_->shape = s, packed_->bytes = op.leave(1, packed_);
      if (packed_->bytes) return conv_pack_in_place(s, data(), reinterpret_cast<float*>(spare->bytes())), Status();
    }
    PF_TRY(pack(s, op, nullptr));
    op.leave(1, packed_);
    return {};
  }

  std::shared_ptr<KeptFilter> packed_;
  std::vector<float> factors_;  // what the sums, or the filter, are multiplied by; what is added
  const float *bias_ = nullptr, *scale_ = nullptr;
  std::vector<uint64_t> versions_;
};

struct Conv {
  WindowArgs window;
  bool has_bias;
  FoldedAffine affine;
  FoldedClamp clamp;
  PackedFilter filter;
  int addend = 0;  // the input, its last, that is added before clamping, if not 0

  explicit Conv(const Args& args) : window(args), has_bias(args.def.input.size() > 2) {}

  bool absorb(const Args& next, int position, int first_input) {
    if (clamp.used) return false;
    if (window.channels_last && !addend && next.def.type == "Sum" && next.def.input.size() == 2)
      return (addend = first_input) > 0;
    if (position != 0) return false;
    return (!addend && affine.absorb(next, first_input, window.channels_last)) || clamp.absorb(next);
  }

  bool spreads() const { return window.channels_last && window.group == 1 && !addend; }

  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(conv_shape(window, op.in(0).shape(), op.in(1).shape(), 0, &s));
    PF_TRY(filter.prepare(s, op, addend ? addend : op.inputs(), has_bias, affine));
    s.pitch = op.out(0).pitch();
    float* scratch;
    PF_TRY(op.scratch(conv_forward_scratch(s), &scratch));
    ConvFinish finish{filter.bias(), nullptr, filter.scale(), clamp.low, clamp.high};
    if (addend) PF_TRY(read_addend(op, &finish.add));
    conv_forward(s, op.in(0).data<float>(), filter.data(), finish, op.out(0).data<float>(), scratch);
    return {};
  }

 private:
  Status read_addend(const OpRun& op, const float** out) const {
    const Tensor& t = op.in(addend);
    PF_CHECK(t.dtype() == DType::kFloat && t.shape() == op.out(0).shape(), shape,
             "the Sum after this convolution was folded into it and needs another float32 tensor of the shape ",
             op.out(0).shape(), "; it is ", t.dtype(), " ", t.shape());
    *out = t.data<float>();
    return {};
  }
};

Status shape(Infer& in) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  WindowArgs window;
  PF_TRY(window.read(in.args));
  ConvShape s;
  PF_TRY(conv_shape(window, in.shape(0), in.shape(1), rank_in_name(in.args), &s));
  if (in.inputs() > 2) {
    PF_CHECK(in.shape(2) == Shape{s.out_channels}, shape, "b needs the shape [", s.out_channels,
             "], one number per output channel of W; its shape is ", in.shape(2));
  }
  in.set(0, activation_shape(s.batch, s.out_channels, s.rank, s.out, s.channels_last), DType::kFloat);
  return {};
}

void gradient(Gradient& g) {
  const bool has_bias = g.inputs() > 2;
  std::vector<std::string> outputs = {g.GI(1)};
  if (has_bias) outputs.push_back(g.GI(2));
  if (!g.args.b("no_gradient_to_input")) outputs.push_back(g.GI(0));
  OpDef& op = g.op(g.args.def.type + "Gradient", {g.I(0), g.I(1), g.GO(0)}, outputs);
  if (!has_bias) op.set("no_bias", int64_t(1));
}

void declare(OpBuilder<Cpu>& op) {
  op.with(window_arguments)
      .with(dilation_arguments)
      .arg("group", 1, "Channels are cut into this many groups, each convolved alone.")
      .arg("no_gradient_to_input", false, "Training: the gradient of X is not computed.")
      .input("X", "float [N, C, H, W] or [N, H, W, C] by order, with one spatial dimension or several.")
      .input("W", "Filter [M, C / group, kernel…]; with NHWC [M, kernel…, C / group].")
      .optional_input("b", "[M], added to each output channel.")
      .output("Y", "[N, M, …] or [N, …, M], each spatial dimension (in + pads - window) / stride + 1, rounded down.")
      .shape(shape)
      .images(Images::kConv)
      .grad(gradient)
      .cpu<Conv>();
}

PF_OP(Conv).doc("Convolution with a filter bank, over one, two or more spatial dimensions.").with(declare);
PF_OP(Conv1D).doc("Conv that insists on one spatial dimension.").with(declare);
PF_OP(Conv2D).doc("Conv that insists on two spatial dimensions.").with(declare);
PF_OP(Conv3D).doc("Conv that insists on three spatial dimensions.").with(declare);

}  // namespace
}  // namespace pf
