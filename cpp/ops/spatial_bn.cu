// SPDX-License-Identifier: Apache-2.0
// SpatialBN on CUDA: rows by channels, 16 bytes at a time. A Relu, or a Sum and a Relu, that follow are done in the
// same pass.
#include "device/columns.h"
#include "device/cuda.h"
#include "device/matrix.h"

namespace pf {
namespace {

using columns::Pack;
using columns::set;
using columns::to_float;

// Sums of x - k and its square, with k the channel's first element: close enough to the mean for the difference of the
// two to be exact.
template <class T>
struct Moments {
  const T* x;
  int64_t channels;
  template <int V>
  struct At {
    const T* x;
    int64_t channels;
    float k[V];
    using Loaded = Pack<T, V>;
    __device__ Loaded load(int64_t row) const { return *reinterpret_cast<const Loaded*>(x + row * channels); }
    __device__ void add(int64_t, const Loaded& p, float (*sums)[V]) const {
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float d = to_float(p.v[v]) - k[v];
        sums[0][v] += d, sums[1][v] += d * d;
      }
    }
  };
  template <int V>
  __device__ At<V> at(int64_t channel) const {
    At<V> a{x + channel, channels, {}};
    for (int v = 0; v < V; ++v) a.k[v] = to_float(x[channel + v]);
    return a;
  }
};

// From the sums: saved and running moments, and the coefficients of y = a x + b.
template <class T>
struct Statistics {
  const T* x;
  const float *scale, *bias;
  float *running_mean, *running_variance, *saved_mean, *saved_inverse, *a, *b;
  float epsilon, momentum;
  bool mean_there, variance_there;
  double share;
  __device__ void operator()(int64_t c, const double* sums) const {
    const double d = sums[0] * share, variance = sums[1] * share - d * d;
    store(c, to_float(x[c]) + d, variance > 0 ? variance : 0);
  }
  __device__ void store(int64_t c, double mean, double variance) const {
    running_mean[c] = (mean_there ? running_mean[c] * momentum : 0.f) + float(mean) * (1.f - momentum);
    running_variance[c] = (variance_there ? running_variance[c] * momentum : 0.f) + float(variance) * (1.f - momentum);
    const float inverse = float(1 / sqrt(variance + double(epsilon)));
    saved_mean[c] = float(mean), saved_inverse[c] = inverse;
    a[c] = scale[c] * inverse, b[c] = bias[c] - a[c] * float(mean);
  }
};

// Moments of several batches, whose sums are inputs.
template <class T>
struct GivenSums {
  Statistics<T> to;
  const float *sums, *squares;
  __device__ void operator()(int64_t c) const {
    const double mean = sums[c] * to.share;
    to.store(c, mean, squares[c] * to.share - mean * mean);
  }
};

struct TestCoefficients {
  const float *scale, *bias, *mean, *variance;
  float epsilon, *a, *b;
  __device__ void operator()(int64_t c) const {
    a[c] = scale[c] * rsqrtf(variance[c] + epsilon), b[c] = bias[c] - a[c] * mean[c];
  }
};

// y = a x + b (+ z), where `relu` no less than 0.
template <class T>
struct Normalise {
  const T *x, *z;
  const float *a, *b;
  T* y;
  int64_t channels;
  bool relu;
  template <int V>
  struct At {
    const T *x, *z;
    T* y;
    int64_t channels;
    bool relu;
    float a[V], b[V];
    struct Loaded {
      Pack<T, V> x, z;
    };
    __device__ Loaded load(int64_t row) const {
      Loaded in;
      in.x = *reinterpret_cast<const Pack<T, V>*>(x + row * channels);
      if (z) in.z = *reinterpret_cast<const Pack<T, V>*>(z + row * channels);
      return in;
    }
    __device__ void apply(int64_t row, const Loaded& in) const {
      Pack<T, V> r;
#pragma unroll
      for (int v = 0; v < V; ++v) {
        float s = a[v] * to_float(in.x.v[v]) + b[v];
        if (z) s += to_float(in.z.v[v]);
        set(r.v[v], relu && s < 0.f ? 0.f : s);
      }
      *reinterpret_cast<Pack<T, V>*>(y + row * channels) = r;
    }
  };
  template <int V>
  __device__ At<V> at(int64_t channel) const {
    At<V> at{x + channel, z ? z + channel : nullptr, y + channel, channels, relu, {}, {}};
    for (int v = 0; v < V; ++v) at.a[v] = a[channel + v], at.b[v] = b[channel + v];
    return at;
  }
};

struct SpatialBN {
  static constexpr bool kPicksForms = true;
  bool test, channels_last, relu = false;
  float epsilon, momentum;
  int add = -1;
  explicit SpatialBN(const Args& args)
      : test(args.b("is_test")),
        channels_last(args.s("order") == "NHWC"),
        epsilon(args.f("epsilon")),
        momentum(args.f("momentum")) {}

  bool absorb(const Args& next, int position, int first_input) {
    if (relu) return false;
    if (next.def.type == "Sum" && next.def.input.size() == 2 && add < 0) return add = first_input, true;
    if (position != 0) return false;
    return relu = next.def.type == "Relu";
  }

  template <class T>
  Status moments(OpRun& op, const Matrix& m, const T* x, const float* scale, const float* bias, float* a, float* b) {
    Statistics<T> s;
    s.x = x, s.scale = scale, s.bias = bias, s.a = a, s.b = b, s.epsilon = epsilon, s.momentum = momentum;
    s.mean_there = op.in_shape(3).size() == m.channels, s.variance_there = op.in_shape(4).size() == m.channels;
    if (s.mean_there) PF_TRY(op.in(3).bring(op.accelerator));
    if (s.variance_there) PF_TRY(op.in(4).bring(op.accelerator));
    PF_TRY(write_plain(op, 1, &s.running_mean));
    PF_TRY(write_plain(op, 2, &s.running_variance));
    PF_TRY(write_plain(op, 3, &s.saved_mean));
    PF_TRY(write_plain(op, 4, &s.saved_inverse));
    if (!m.rows) {
      Cuda::fill(op, m.channels, s.saved_mean, 0.f);
      Cuda::fill(op, m.channels, s.saved_inverse, 0.f);
      return {};
    }
    const int64_t batches = op.args.i("num_batches");
    s.share = 1.0 / (double(batches) * double(m.rows));
    if (batches > 1) {
      GivenSums<T> given{s, nullptr, nullptr};
      PF_TRY(read_plain(op, 5, &given.sums));
      PF_TRY(read_plain(op, 6, &given.squares));
      Cuda::each(op, m.channels, given);
      return {};
    }
    return columns::with_width<T>(m.channels, [&](auto width) {
      return columns::sum_rows<width(), 2>(op, m.rows, m.channels, Moments<T>{x, m.channels}, s);
    });
  }

  template <class T>
  Status run_typed(OpRun& op, const Matrix& m, const View& x, const View& z, void* y) {
    const float *scale, *bias;
    float *a, *b;
    PF_TRY(read_plain(op, 1, &scale));
    PF_TRY(read_plain(op, 2, &bias));
    PF_TRY(op.scratch(m.channels, &a));
    PF_TRY(op.scratch(m.channels, &b));
    const T* data = static_cast<const T*>(x.data);
    if (test) {
      const float *mean, *variance;
      PF_TRY(read_plain(op, 3, &mean));
      PF_TRY(read_plain(op, 4, &variance));
      Cuda::each(op, m.channels, TestCoefficients{scale, bias, mean, variance, epsilon, a, b});
    } else {
      PF_TRY(moments<T>(op, m, data, scale, bias, a, b));
    }
    const Normalise<T> n{data, static_cast<const T*>(z.data), a, b, static_cast<T*>(y), m.channels, relu};
    return columns::with_width<T>(
        m.channels, [&](auto width) { return columns::map_rows<width()>(op, m.rows, m.channels, n), Status(); });
  }

  Status run(OpRun& op) {
    const Shape shape = op.in(0).shape();
    const Form form = preferred(op, shape, channels_last);
    View x, z;
    PF_TRY(read_form(op, 0, form, &x));
    if (add >= 0) {
      PF_CHECK(op.in(add).shape() == shape, shape, "the sum of ", shape, " and ", op.in(add).shape(),
               " does not exist");
      PF_TRY(read_form(op, add, form, &z));
    }
    void* y;
    PF_TRY(write_form(op, 0, form, &y));
    const Matrix m = matrix_of(shape, channels_last);
    return with_element(form, [&](auto e) { return run_typed<decltype(e)>(op, m, x, z, y); });
  }
};

PF_CUDA_OP(SpatialBN, SpatialBN);

}  // namespace
}  // namespace pf
