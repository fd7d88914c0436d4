// SPDX-License-Identifier: Apache-2.0
// The ends of a style transfer net: packed BGRA bytes to float planes with a little noise, and back.
#include "core/op.h"

namespace pf {
namespace {

Status check_mean(Infer& in) {
  PF_TRY(in.want_rank(0, 4));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  PF_CHECK(in.shape(1).size() == 3, shape, "mean must have 3 elements (blue, green, red), found the shape ",
           in.shape(1));
  return {};
}

int64_t row_grain(int64_t width) { return 1 + 8192 / (width + 1); }

struct Preprocess {
  // Drawn once, so that it does not flicker from one frame of a video to the next.
  Tensor noise;
  Status run(OpRun& op) {
    const int64_t cycle = op.args.i("noise_size"), height = op.in(0).dim(1), width = op.in(0).dim(2),
                  plane = height * width;
    if (!noise.defined()) {
      PF_TRY(noise.resize(Shape{cycle}, DType::kFloat));
      const float deviation = op.args.f("noise_std");
      for (int64_t i = 0; i < cycle; ++i) noise.data<float>()[i] = op.random.normal() * deviation;
    }
    const uint8_t* x = op.in(0).data<uint8_t>();
    const float *mean = op.in(1).data<float>(), *added = noise.data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(op.in(0).dim(0) * height, row_grain(width), [=](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t first = r % height * width;
        const uint8_t* in = x + r * width * 4;
        float* out = y + r / height * 3 * plane + first;
        int64_t at = first * 3 % cycle;
        for (int64_t i = 0; i < width; ++i) {
          for (int64_t c = 0; c < 3; ++c) {
            out[c * plane + i] = float(in[i * 4 + c]) - mean[c] + added[at];
            if (++at == cycle) at = 0;
          }
        }
      }
    });
    return {};
  }
};

uint8_t to_byte(float v) { return v > 0.f ? v >= 255.f ? 255 : uint8_t(v) : 0; }  // a NaN becomes 0

struct Deprocess {
  Status run(OpRun& op) {
    const int64_t height = op.in(0).dim(2), width = op.in(0).dim(3), plane = height * width;
    const float *x = op.in(0).data<float>(), *mean = op.in(1).data<float>();
    uint8_t* y = op.out(0).data<uint8_t>();
    parallel_for(op.in(0).dim(0) * height, row_grain(width), [=](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* in = x + r / height * 3 * plane + r % height * width;
        uint8_t* out = y + r * width * 4;
        for (int64_t i = 0; i < width; ++i) {
          for (int64_t c = 0; c < 3; ++c) out[i * 4 + c] = to_byte(in[c * plane + i] + mean[c]);
          out[i * 4 + 3] = 255;
        }
      }
    });
    return {};
  }
};

PF_OP(PackedInt8BGRANHWCToNCHWCStylizerPreprocess)
    .doc(
        "Turns packed BGRA pixels into three float planes for a style transfer net: `Y = X - mean + noise`. "
        "The noise is normal, drawn once for each net and repeated every noise_size numbers; alpha is "
        "dropped.")
    .arg("noise_std", 10.f, "Standard deviation of the noise.")
    .arg("noise_size", 491, "Numbers of noise before it repeats; a prime leaves no pattern.")
    .input("X", "uint8 [N, H, W, 4], blue, green, red, alpha.")
    .input("mean", "float [3], subtracted from blue, green and red.")
    .output("Y", "float [N, 3, H, W].")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kUint8));
      PF_TRY(check_mean(in));
      const Shape& x = in.shape(0);
      PF_CHECK(x[3] == 4, shape, "X must have 4 channels (blue, green, red, alpha) last, found ", x);
      PF_CHECK(in.args.i("noise_size") > 0, argument, "noise_size must be positive, found ", in.args.i("noise_size"));
      in.set(0, Shape{x[0], 3, x[1], x[2]}, DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<Preprocess>();

PF_OP(BRGNCHWCToPackedInt8BGRAStylizerDeprocess)
    .doc(
        "Turns three float planes from a style transfer net into packed BGRA pixels: `Y = X + mean`, kept "
        "within 0 and 255 and cut to whole numbers; alpha is 255.")
    .input("X", "float [N, 3, H, W], blue, green, red.")
    .input("mean", "float [3], added to blue, green and red.")
    .output("Y", "uint8 [N, H, W, 4].")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(check_mean(in));
      const Shape& x = in.shape(0);
      PF_CHECK(x[1] == 3, shape, "X must have 3 channels (blue, green, red), found ", x);
      in.set(0, Shape{x[0], x[2], x[3], 4}, DType::kUint8);
      return {};
    })
    .no_grad()
    .cpu<Deprocess>();

}  // namespace
}  // namespace pf
