// SPDX-License-Identifier: Apache-2.0
// Over arrays with vectors of four; x86 has wider ones in vector_math_x86.cc.
#include "math/vector_math.h"

#if !defined(__x86_64__)
namespace pf {
namespace four {
#include "math/vector_over_arrays.h"
}  // namespace four

void exp_array(int64_t n, const float* x, float* y) { four::map_exp(n, x, y); }
void log_array(int64_t n, const float* x, float* y) { four::map_log(n, x, y); }
void tanh_array(int64_t n, const float* x, float* y) { four::map_tanh(n, x, y); }
void sigmoid_array(int64_t n, const float* x, float* y) { four::map_sigmoid(n, x, y); }
SoftmaxRow softmax_row(int64_t n, const float* x, float* y) { return four::softmax_array(n, x, y); }

}  // namespace pf
#endif
