// SPDX-License-Identifier: Apache-2.0
// Convolution forward and backward over plain pointers, any number of spatial dimensions, groups, dilation.
// Y[n, m, p] = bias[m] + sum over c, t of W[m, c, t] * X[n, c, input of output p under tap t], clamped.
//
// Forward takes NCHW (filter M, C/g, taps) and NHWC (filter M, taps, C/g); the backward functions take NCHW, to which
// their callers transpose. Work is shared among threads by image when there are enough of them, else within the image.
// Every function comes with one that tells the floats of scratch it needs; nothing is allocated.
#pragma once

#include "math/conv_geometry.h"

namespace pf {

// What is added and clamped as the output is stored; each may be null.
struct ConvFinish {
  const float* bias = nullptr;
  const float* add = nullptr;    // another tensor of Y's shape; with channels last only
  const float* scale = nullptr;  // multiplies the sum, before the bias is added; where conv_scales() only
  float low = -__builtin_huge_valf(), high = __builtin_huge_valf();
};

// Whether conv_forward multiplies by a scale. Else conv_pack has to.
bool conv_scales(const ConvShape& s);

// The filter as conv_forward reads it, each output channel multiplied by its `scale` (null: 1). Pack once, run often.
int64_t conv_packed_size(const ConvShape& s);
void conv_pack(const ConvShape& s, const float* w, const float* scale, float* packed);
// The same, without scales, where a filter lies whose packed form is as large.
int64_t conv_pack_scratch(const ConvShape& s);
void conv_pack_in_place(const ConvShape& s, float* w, float* scratch);
// Whether one packed form serves both, which differ in the size of the image.
bool conv_packs_alike(const ConvShape& a, const ConvShape& b);
// The way back from what was packed without a scale, for a filter that comes first (kFilterFirst). It rounds nothing.
void conv_unpack(const ConvShape& s, const float* packed, float* w);

int64_t conv_forward_scratch(const ConvShape& s);
void conv_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                  float* scratch);
// The definition, summed in double; reads the filter as the net has it.
void conv_forward_plain(const ConvShape& s, const float* x, const float* w, const ConvFinish& finish, float* y);

int64_t conv_filter_gradient_scratch(const ConvShape& s);
void conv_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dw, float* scratch);

int64_t conv_input_gradient_scratch(const ConvShape& s);
void conv_input_gradient(const ConvShape& s, const float* w, const float* dy, float* dx, float* scratch);

// db[c] = sum of dy over images and pixels, NCHW.
void conv_bias_gradient(int64_t batch, int64_t channels, int64_t pixels, const float* dy, float* db);

// Each channel with a filter of its own; `packed` as conv_pack leaves it.
int64_t depthwise_scratch(const ConvShape& s);
void depthwise_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                       float* scratch);

// Hands out parts of a scratch block; over null it only counts.
struct Carver {
  float* at;
  int64_t total = 0;
  explicit Carver(float* block) : at(block) {}
  float* floats(int64_t n) {
    n = (n + 15) / 16 * 16;
    total += n;
    if (!at) return nullptr;
    at += n;
    return at - n;
  }
  int32_t* ints(int64_t n) { return reinterpret_cast<int32_t*>(floats(n)); }
};

}  // namespace pf
