// SPDX-License-Identifier: Apache-2.0
// SpatialBNGradient on CUDA, in two passes: sums for each channel, then dX. The gradient of a Relu that followed, and
// the sum of two gradients that came back to it, are taken along.
#include "device/columns.h"
#include "device/cuda.h"
#include "device/matrix.h"

namespace pf {
namespace {

using columns::Pack;
using columns::set;
using columns::to_float;

// Where the Relu after the normalisation let something through: computed again from x, channel by channel.
struct Through {
  const float *scale, *bias, *mean, *inverse;  // bias null: it let everything through
  template <int V>
  struct At {
    float a[V], b[V];
    bool always;
    __device__ bool operator()(int v, float x) const { return always || a[v] * x + b[v] > 0.f; }
  };
  template <int V>
  __device__ At<V> at(int64_t channel) const {
    At<V> t{{}, {}, !bias};
    for (int v = 0; v < V && bias; ++v) {
      const int64_t c = channel + v;
      t.a[v] = scale[c] * inverse[c], t.b[v] = bias[c] - t.a[v] * mean[c];
    }
    return t;
  }
};

// Sums of dz and dz (x - mean). dz is dy, but 0 where the Relu let nothing through: where y is not above 0 (then dz is
// written), or where `through` says so.
template <class T>
struct GradientSums {
  const T *x, *dy, *y, *more;  // with `more` dy is the sum of both, the latter multiplied
  T* dz;
  float more_factor;
  Through through;
  int64_t channels;
  template <int V>
  struct At {
    const T *x, *dy, *y, *more;
    T* dz;
    float more_factor;
    int64_t channels;
    Through::At<V> through;
    float mean[V];
    struct Loaded {
      Pack<T, V> x, dy, more, y;
    };
    __device__ Loaded load(int64_t row) const {
      const int64_t at = row * channels;
      Loaded in;
      in.x = *reinterpret_cast<const Pack<T, V>*>(x + at);
      in.dy = *reinterpret_cast<const Pack<T, V>*>(dy + at);
      if (more) in.more = *reinterpret_cast<const Pack<T, V>*>(more + at);
      if (y) in.y = *reinterpret_cast<const Pack<T, V>*>(y + at);
      return in;
    }
    __device__ void add(int64_t row, const Loaded& in, float (*sums)[V]) const {
      Pack<T, V> g = in.dy;
      if (y) {
#pragma unroll
        for (int v = 0; v < V; ++v) {
          const float whole = more ? to_float(g.v[v]) + more_factor * to_float(in.more.v[v]) : to_float(g.v[v]);
          set(g.v[v], to_float(in.y.v[v]) > 0.f ? whole : 0.f);
        }
        *reinterpret_cast<Pack<T, V>*>(dz + row * channels) = g;
      }
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float e = to_float(in.x.v[v]), d = through(v, e) ? to_float(g.v[v]) : 0.f;
        sums[0][v] += d, sums[1][v] += d * (e - mean[v]);
      }
    }
  };
  template <int V>
  __device__ At<V> at(int64_t channel) const {
    auto from = [&](const T* p) { return p ? p + channel : nullptr; };
    At<V> a{from(x),
            from(dy),
            from(y),
            from(more),
            dz ? dz + channel : nullptr,
            more_factor,
            channels,
            through.at<V>(channel),
            {}};
    for (int v = 0; v < V; ++v) a.mean[v] = through.mean[channel + v];
    return a;
  }
};

// From the sums: dscale and dbias (what they stand for), and the coefficients of dx = a dz + b x + c (scaled as dz is).
struct GradientCoefficients {
  const float *scale, *mean, *inverse;
  float *dscale, *dbias, *a, *b, *c, factor, share;
  __device__ void operator()(int64_t i, const double* sums) const {
    store(i, float(sums[1]) * inverse[i], float(sums[0]));
    dscale[i] = float(sums[1]) * inverse[i] * factor, dbias[i] = float(sums[0]) * factor;
  }
  __device__ void store(int64_t i, float ds, float db) const {
    a[i] = scale[i] * inverse[i];
    b[i] = -a[i] * inverse[i] * ds * share;
    c[i] = -a[i] * db * share - b[i] * mean[i];
  }
};
struct GivenGradientSums {
  GradientCoefficients to;
  const float *scale_sums, *bias_sums;
  float batches;
  __device__ void operator()(int64_t i) const {
    const float ds = scale_sums[i] / batches, db = bias_sums[i] / batches;
    to.dscale[i] = ds, to.dbias[i] = db;
    to.store(i, ds / to.factor, db / to.factor);
  }
};

template <class T>
struct GradientApply {
  const T *x, *dz;
  const float *a, *b, *c;
  Through through;
  T* dx;
  int64_t channels;
  template <int V>
  struct At {
    const T *x, *dz;
    T* dx;
    int64_t channels;
    Through::At<V> through;
    float a[V], b[V], c[V];
    struct Loaded {
      Pack<T, V> x, dz;
    };
    __device__ Loaded load(int64_t row) const {
      const int64_t at = row * channels;
      return {*reinterpret_cast<const Pack<T, V>*>(x + at), *reinterpret_cast<const Pack<T, V>*>(dz + at)};
    }
    __device__ void apply(int64_t row, const Loaded& in) const {
      Pack<T, V> r;
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float e = to_float(in.x.v[v]), d = through(v, e) ? to_float(in.dz.v[v]) : 0.f;
        set(r.v[v], a[v] * d + (b[v] * e + c[v]));
      }
      *reinterpret_cast<Pack<T, V>*>(dx + row * channels) = r;
    }
  };
  template <int V>
  __device__ At<V> at(int64_t i) const {
    At<V> at{x + i, dz + i, dx + i, channels, through.at<V>(i), {}, {}, {}};
    for (int v = 0; v < V; ++v) at.a[v] = a[i + v], at.b[v] = b[i + v], at.c[v] = c[i + v];
    return at;
  }
};

struct SpatialBNGradient {
  static constexpr bool kPicksForms = true;
  bool channels_last;
  int mask = -1, kept = -1;  // of an absorbed ReluGradient: Y or the bias, and where its result is written
  int more = -1;             // the other term of an absorbed sum, of which dY is one
  bool mask_is_bias = false;
  explicit SpatialBNGradient(const Args& args) : channels_last(args.s("order") == "NHWC") {}

  bool absorb_before(const Args& before, int mask_input, bool is_bias, int kept_output) {
    if (before.def.type == "Sum") {
      const bool can = mask >= 0 && !mask_is_bias && more < 0;
      if (can) more = mask_input;
      return can;
    }
    if (mask >= 0) return false;
    mask = mask_input, mask_is_bias = is_bias, kept = kept_output;
    return true;
  }

  struct Tensors {
    View x, dy, y, more;
    void *dz = nullptr, *dx = nullptr;
  };

  template <class T>
  Status run_typed(OpRun& op, const Matrix& m, const Tensors& t) {
    Through through{};
    float *dscale, *dbias, *a, *b, *c;
    PF_TRY(read_plain(op, 1, &through.scale));
    PF_TRY(read_plain(op, 3, &through.mean));
    PF_TRY(read_plain(op, 4, &through.inverse));
    if (mask >= 0 && mask_is_bias) PF_TRY(read_plain(op, mask, &through.bias));
    const int64_t batches = op.args.i("num_batches");
    GivenGradientSums given{};
    if (batches > 1) {
      PF_TRY(read_plain(op, 5, &given.scale_sums));
      PF_TRY(read_plain(op, 6, &given.bias_sums));
    }
    PF_TRY(write_plain(op, 1, &dscale));
    PF_TRY(write_plain(op, 2, &dbias));
    for (float** block : {&a, &b, &c}) PF_TRY(op.scratch(m.channels, block));
    GradientCoefficients to;
    to.scale = through.scale, to.mean = through.mean, to.inverse = through.inverse;
    to.dscale = dscale, to.dbias = dbias, to.a = a, to.b = b, to.c = c;
    to.factor = t.dy.factor(), to.share = m.rows ? 1.f / float(m.rows) : 0.f;
    const T *x = static_cast<const T*>(t.x.data), *dz = static_cast<const T*>(t.dy.data);
    if (batches > 1 && m.rows) {
      given.to = to, given.batches = float(batches);
      Cuda::each(op, m.channels, given);
    } else {
      GradientSums<T> sums{};
      sums.x = x, sums.dy = dz, sums.y = static_cast<const T*>(t.y.data),
      sums.more = static_cast<const T*>(t.more.data);
      sums.dz = static_cast<T*>(t.dz), sums.more_factor = ldexpf(1.f, t.dy.form.scale - t.more.form.scale);
      sums.through = through, sums.channels = m.channels;
      PF_TRY(columns::with_width<T>(
          m.channels, [&](auto width) { return columns::sum_rows<width(), 2>(op, m.rows, m.channels, sums, to); }));
      if (t.dz) dz = static_cast<const T*>(t.dz);
    }
    const GradientApply<T> apply{x, dz, a, b, c, through, static_cast<T*>(t.dx), m.channels};
    return columns::with_width<T>(
        m.channels, [&](auto width) { return columns::map_rows<width()>(op, m.rows, m.channels, apply), Status(); });
  }

  Status run(OpRun& op) {
    const Shape shape = op.in(0).shape();
    Form form = preferred(op, shape, channels_last);
    Tensors t;
    PF_TRY(read_form(op, 0, form, &t.x));
    if (mask >= 0 && !mask_is_bias) PF_TRY(read_form(op, mask, form, &t.y));
    form.scale = int8_t(device_of(op).options.loss_scale);
    PF_TRY(read_form(op, 2, form, &t.dy));
    if (more >= 0) {
      PF_CHECK(op.in(more).shape() == shape, shape, "the sum of ", shape, " and ", op.in(more).shape(),
               " does not exist");
      PF_TRY(read_form(op, more, form, &t.more));
    }
    form.scale = t.dy.form.scale;
    if (kept >= 0) {
      op.out(kept).set_type(shape, DType::kFloat);
      PF_TRY(write_form(op, kept, form, &t.dz));
    }
    PF_TRY(write_form(op, 0, form, &t.dx));
    if (t.y.data && !t.dz) t.dz = t.dx;  // each element of it is read before dX is written there
    const Matrix m = matrix_of(shape, channels_last);
    return with_element(form, [&](auto e) { return run_typed<decltype(e)>(op, m, t); });
  }
};

PF_CUDA_OP(SpatialBNGradient, SpatialBNGradient);

}  // namespace
}  // namespace pf
