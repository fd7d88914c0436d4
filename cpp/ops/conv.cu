// SPDX-License-Identifier: Apache-2.0
// Conv and ConvGradient on CUDA: channels last, through cuDNN; a batch normalisation, an addition and a Relu that
// follow in a net planned for inference are done with the convolution.
#include "device/columns.h"
#include "device/cuda.h"
#include "math/convolution.h"
#include "math/few_channels.h"

namespace pf {
namespace {

// W' = a[m] W and b' = a[m] b + (bias - a[m] mean) with a = scale / sqrt(variance + epsilon), in the form of W.
template <class T>
struct FoldNorm {
  const T* w;
  const float *b, *scale, *bias, *mean, *variance;
  float epsilon;
  int64_t patch;
  T* folded;
  float* folded_bias;
  __device__ void operator()(int64_t i) const {
    const int64_t m = i / patch;
    const float a = scale[m] * rsqrtf(variance[m] + epsilon);
    columns::set(folded[i], a * columns::to_float(w[i]));
    if (i % patch == 0) folded_bias[m] = (b ? a * b[m] : 0.f) + bias[m] - a * mean[m];
  }
};

// The filter and bias with a normalisation folded in; kept until one of the tensors they come from changes.
struct FoldedFilter {
  int input = -1;  // of the normalisation's scale, its bias, mean and variance following
  float epsilon = 0;
  std::shared_ptr<Memory> memory;
  std::vector<uint64_t> versions;
  bool half = false;

  template <class T>
  Status make(OpRun& op, const View& w, const float* b, int64_t channels, int64_t patch) {
    const float* in[4];
    for (int k = 0; k < 4; ++k) PF_TRY(read_plain(op, input + k, &in[k]));
    auto* bias = reinterpret_cast<float*>(memory->bytes());
    Cuda::each(op, channels * patch,
               FoldNorm<T>{static_cast<const T*>(w.data), b, in[0], in[1], in[2], in[3], epsilon, patch,
                           reinterpret_cast<T*>(bias + aligned(channels)), bias});
    return {};
  }
  static int64_t aligned(int64_t channels) { return (channels + 63) / 64 * 64; }

  Status prepare(OpRun& op, const View& w, const float* b, int64_t channels, int64_t patch) {
    std::vector<uint64_t> now = {uint64_t(patch), op.in(1).version(), b ? op.in(2).version() : 0};
    for (int k = 0; k < 4; ++k) now.push_back(op.in(input + k).version());
    if (memory && now == versions && half == w.form.half) return {};
    const size_t bytes = size_t(aligned(channels)) * 4 + size_t(channels * patch) * 4;
    if (!memory || memory->size() != bytes) PF_TRY(Memory::allocate(bytes, op.accelerator, &memory));
    versions = std::move(now), half = w.form.half;
    return with_element(w.form, [&](auto e) { return make<decltype(e)>(op, w, b, channels, patch); });
  }
};

// The filter's form: its own order where it has the channels last, else turned.
Form filter_form(const OpRun& op, const ConvShape& s) { return preferred(op, op.in(1).shape(), s.channels_last); }

struct Conv {
  static constexpr bool kPicksForms = true;
  WindowArgs window;
  bool has_bias, relu = false;
  int add = -1;  // the input that is added
  FoldedFilter folded;
  explicit Conv(const Args& args) : window(args), has_bias(args.def.input.size() > 2) {}

  bool absorb(const Args& next, int position, int first_input) {
    if (relu) return false;
    if (next.def.type == "Sum" && next.def.input.size() == 2 && add < 0) return add = first_input, true;
    if (position != 0) return false;
    if (next.def.type == "SpatialBN" && next.b("is_test") && folded.input < 0 && add < 0 &&
        (next.s("order") == "NHWC") == window.channels_last) {
      folded.input = first_input, folded.epsilon = next.f("epsilon");
      return true;
    }
    return relu = next.def.type == "Relu";
  }

  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(conv_shape(window, op.in(0).shape(), op.in(1).shape(), 0, &s));
    const Form form = preferred(op, op.out(0).shape(), s.channels_last);
    View x, w, plus;
    const float* bias = nullptr;
    const bool few = has_few_channels(op, s, form.half);
    PF_TRY(few ? read_any(op, 0, &x) : read_form(op, 0, preferred(op, op.in(0).shape(), s.channels_last), &x));
    PF_TRY(read_form(op, 1, filter_form(op, s), &w));
    if (has_bias) PF_TRY(read_plain(op, 2, &bias));
    if (add >= 0) {
      PF_CHECK(op.in(add).shape() == op.out(0).shape(), shape, "the sum of ", op.out(0).shape(), " and ",
               op.in(add).shape(), " does not exist");
      PF_TRY(read_form(op, add, form, &plus));
    }
    const void* filter = w.data;
    if (folded.input >= 0) {
      PF_TRY(folded.prepare(op, w, bias, s.out_channels, s.patch()));
      bias = reinterpret_cast<const float*>(folded.memory->bytes());
      filter = bias + FoldedFilter::aligned(s.out_channels);
    }
    ConvTensors t;
    PF_TRY(write_form(op, 0, form, &t.y));
    t.x = const_cast<void*>(x.data), t.w = const_cast<void*>(filter), t.bias = bias, t.add = plus.data;
    t.half = form.half, t.relu = relu;
    if (few) {
      const FewChannels arranged(s, form.half);
      PF_TRY(arranged.arrange_input(op, x, &t.x));
      PF_TRY(arranged.arrange_filter(op, filter, &t.w));
      return convolve(op, Pass::kForward, arranged.shape, t);
    }
    return convolve(op, Pass::kForward, s, t);
  }
};

struct ConvGradient {
  static constexpr bool kPicksForms = true;
  WindowArgs window;
  bool has_bias;
  explicit ConvGradient(const Args& args) : window(args), has_bias(!args.b("no_bias")) {}

  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(conv_shape(window, op.in(0).shape(), op.in(1).shape(), 0, &s));
    Form form_x = preferred(op, op.in(0).shape(), s.channels_last);
    Form form_y = preferred(op, op.in(2).shape(), s.channels_last);
    form_y.scale = int8_t(device_of(op).options.loss_scale);
    View x, w, dy;
    const int dx = has_bias ? 2 : 1;
    // Where the input's gradient is wanted too it stays as it is.
    const bool few = op.outputs() <= dx && has_few_channels(op, s, form_x.half);
    PF_TRY(few ? read_any(op, 0, &x) : read_form(op, 0, form_x, &x));
    PF_TRY(read_form(op, 1, filter_form(op, s), &w));
    PF_TRY(read_form(op, 2, form_y, &dy));

    ConvTensors t;
    t.half = form_x.half, t.y = const_cast<void*>(dy.data), t.x = const_cast<void*>(x.data);
    Form filter = filter_form(op, s);
    filter.scale = dy.form.scale;
    void* dw;
    PF_TRY(write_form(op, 0, filter, &dw));
    PF_TRY(few ? filter_of_few(op, FewChannels(s, form_x.half), x, t, dw)
               : (t.w = dw, convolve(op, Pass::kFilter, s, t)));
    if (has_bias) {
      float* db;
      PF_TRY(write_plain(op, 1, &db));
      PF_TRY(columns::column_sums(op, dy, s.batch * s.out_size, s.out_channels, db));
    }
    if (op.outputs() <= dx) return {};
    form_x.scale = dy.form.scale;
    t.w = const_cast<void*>(w.data);
    PF_TRY(write_form(op, dx, form_x, &t.x));
    return convolve(op, Pass::kInput, s, t);
  }

  static Status filter_of_few(OpRun& op, const FewChannels& arranged, const View& x, ConvTensors t, void* dw) {
    float* wide;  // large enough for halves too
    PF_TRY(op.scratch(arranged.filter_size(), &wide));
    PF_TRY(arranged.arrange_input(op, x, &t.x));
    t.w = wide;
    PF_TRY(convolve(op, Pass::kFilter, arranged.shape, t));
    return arranged.restore_filter(op, wide, dw);
  }
};

PF_CUDA_OP(Conv, Conv);
PF_CUDA_OP(Conv1D, Conv);
PF_CUDA_OP(Conv2D, Conv);
PF_CUDA_OP(Conv3D, Conv);
PF_CUDA_OP(ConvGradient, ConvGradient);
PF_CUDA_OP(Conv1DGradient, ConvGradient);
PF_CUDA_OP(Conv2DGradient, ConvGradient);
PF_CUDA_OP(Conv3DGradient, ConvGradient);

}  // namespace
}  // namespace pf
