// SPDX-License-Identifier: Apache-2.0
// LSTMUnit and GRUUnit: from the gates of one step to the states after it, for rows of different lengths.
// build: loops
#include "core/op.h"
#include "math/vector_math.h"

namespace pf {
namespace {

// Where the inputs are: the lengths may be left out, and what follows them then moves up.
struct Layout {
  bool lengths;
  int timestep, after;  // the inputs of a gradient behind the timestep
  Layout(const Args& args, int states_and_gates) : lengths(args.b("sequence_lengths")) {
    timestep = states_and_gates + lengths;
    after = timestep + 1;
  }
};

// The rows of one step: which are still within their sequence.
struct Rows {
  int64_t count, width;  // width of a state
  const int32_t* lengths;
  int32_t step;

  Rows(OpRun& op, const Layout& at) {
    const Shape& state = op.in(0).shape();
    count = state[1], width = state[2];
    lengths = at.lengths ? op.in(at.timestep - 1).data<int32_t>() : nullptr;
    step = *op.in(at.timestep).data<int32_t>();
  }
  bool valid(int64_t row) const { return !lengths || step < lengths[row]; }

  // f(row, column, left) for columns 0, 4, 8, … of the rows that are valid; past(row) for the others.
  template <class F, class Past>
  void each(F f, Past past) const {
    if (!width) return;
    parallel_for(count, 1 + 1024 / (width + 1), [=, this](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        if (!valid(row)) {
          past(row);
          continue;
        }
        for (int64_t column = 0; column < width; column += 4) f(row, column, width - column);
      }
    });
  }
};

// Four floats of which `left` are there; memory may always be read a little further.
inline void store(f32x4 v, float* to, int64_t left) {
  if (left >= 4) return v.store(to);
  float lanes[4];
  v.store(lanes);
  std::memcpy(to, lanes, size_t(left) * sizeof(float));
}

// A row that has ended: its state goes on as it was, or is dropped.
inline void carry(float* to, const float* from, int64_t count, bool drop) {
  if (drop)
    std::memset(to, 0, size_t(count) * sizeof(float));
  else
    std::memcpy(to, from, size_t(count) * sizeof(float));
}

inline f32x4 load(const float* p) { return f32x4::load(p); }
inline f32x4 one() { return f32x4::splat(1.f); }

struct LstmUnit {
  Layout at;
  bool drop;
  float forget_bias;
  explicit LstmUnit(const Args& args) : at(args, 3), drop(args.b("drop_states")), forget_bias(args.f("forget_bias")) {}

  Status run(OpRun& op) {
    const Rows rows(op, at);
    const int64_t d = rows.width;
    const float *h_prev = op.in(0).data<float>(), *c_prev = op.in(1).data<float>(), *gates = op.in(2).data<float>();
    float *h = op.out(0).data<float>(), *c = op.out(1).data<float>();
    const f32x4 bias = f32x4::splat(forget_bias);
    const bool drop_them = drop;
    rows.each(
        [=](int64_t row, int64_t column, int64_t left) {
          const float* x = gates + row * 4 * d + column;
          const int64_t k = row * d + column;
          const f32x4 i = sigmoid(load(x)), f = sigmoid(load(x + d) + bias), o = sigmoid(load(x + 2 * d));
          const f32x4 cell = f * load(c_prev + k) + i * tanh(load(x + 3 * d));
          store(cell, c + k, left);
          store(o * tanh(cell), h + k, left);
        },
        [=](int64_t row) {
          carry(h + row * d, h_prev + row * d, d, drop_them);
          carry(c + row * d, c_prev + row * d, d, drop_them);
        });
    return {};
  }
};

struct LstmUnitGradient {
  Layout at;
  bool drop;
  float forget_bias;
  explicit LstmUnitGradient(const Args& args)
      : at(args, 3), drop(args.b("drop_states")), forget_bias(args.f("forget_bias")) {}

  Status run(OpRun& op) {
    const Rows rows(op, at);
    const int64_t d = rows.width;
    const float *c_prev = op.in(1).data<float>(), *gates = op.in(2).data<float>(),
                *c = op.in(at.after + 1).data<float>();
    const float *dh = op.in(at.after + 2).data<float>(), *dc = op.in(at.after + 3).data<float>();
    float *dh_prev = op.out(0).data<float>(), *dc_prev = op.out(1).data<float>(), *dgates = op.out(2).data<float>();
    const f32x4 bias = f32x4::splat(forget_bias);
    const bool drop_them = drop;
    rows.each(
        [=](int64_t row, int64_t column, int64_t left) {
          const float* x = gates + row * 4 * d + column;
          float* dx = dgates + row * 4 * d + column;
          const int64_t k = row * d + column;
          const f32x4 i = sigmoid(load(x)), f = sigmoid(load(x + d) + bias), o = sigmoid(load(x + 2 * d));
          const f32x4 g = tanh(load(x + 3 * d)), t = tanh(load(c + k)), to_h = load(dh + k);
          const f32x4 to_c = load(dc + k) + to_h * o * (one() - t * t);
          store(to_c * f, dc_prev + k, left);
          store(f32x4::zero(), dh_prev + k, left);  // it goes back through the gates
          store(to_c * g * i * (one() - i), dx, left);
          store(to_c * load(c_prev + k) * f * (one() - f), dx + d, left);
          store(to_h * t * o * (one() - o), dx + 2 * d, left);
          store(to_c * i * (one() - g * g), dx + 3 * d, left);
        },
        [=](int64_t row) {
          carry(dh_prev + row * d, dh + row * d, d, drop_them);
          carry(dc_prev + row * d, dc + row * d, d, drop_them);
          carry(dgates + row * 4 * d, nullptr, 4 * d, true);
        });
    return {};
  }
};

struct GruUnit {
  Layout at;
  bool drop;
  explicit GruUnit(const Args& args) : at(args, 2), drop(args.b("drop_states")) {}

  Status run(OpRun& op) {
    const Rows rows(op, at);
    const int64_t d = rows.width;
    const float *h_prev = op.in(0).data<float>(), *gates = op.in(1).data<float>();
    float* h = op.out(0).data<float>();
    const bool drop_them = drop;
    rows.each(
        [=](int64_t row, int64_t column, int64_t left) {
          const float* x = gates + row * 3 * d + column;
          const int64_t k = row * d + column;
          const f32x4 u = sigmoid(load(x + d));
          store(load(h_prev + k) * u + tanh(load(x + 2 * d)) * (one() - u), h + k, left);
        },
        [=](int64_t row) { carry(h + row * d, h_prev + row * d, d, drop_them); });
    return {};
  }
};

struct GruUnitGradient {
  Layout at;
  bool drop;
  explicit GruUnitGradient(const Args& args) : at(args, 2), drop(args.b("drop_states")) {}

  Status run(OpRun& op) {
    const Rows rows(op, at);
    const int64_t d = rows.width;
    const float *h_prev = op.in(0).data<float>(), *gates = op.in(1).data<float>(),
                *dh = op.in(at.after + 1).data<float>();
    float *dh_prev = op.out(0).data<float>(), *dgates = op.out(1).data<float>();
    const bool drop_them = drop;
    rows.each(
        [=](int64_t row, int64_t column, int64_t left) {
          const float* x = gates + row * 3 * d + column;
          float* dx = dgates + row * 3 * d + column;
          const int64_t k = row * d + column;
          const f32x4 u = sigmoid(load(x + d)), o = tanh(load(x + 2 * d)), to_h = load(dh + k);
          store(to_h * u, dh_prev + k, left);
          store(f32x4::zero(), dx, left);  // the reset gate acts before this operator
          store(to_h * (load(h_prev + k) - o) * u * (one() - u), dx + d, left);
          store(to_h * (one() - u) * (one() - o * o), dx + 2 * d, left);
        },
        [=](int64_t row) {
          carry(dh_prev + row * d, dh + row * d, d, drop_them);
          carry(dgates + row * 3 * d, nullptr, 3 * d, true);
        });
    return {};
  }
};

// States (1, N, D), gates (1, N, gates * D), lengths (N), timestep, then more states.
Status unit_shape(Infer& in, int states, int gates, int further, bool gradient) {
  const Layout at(in.args, states + 1);
  PF_CHECK_EQ(in.inputs(), at.after + further, argument,
              at.lengths ? "with sequence_lengths the operator takes one input more"
                         : "without sequence_lengths the operator takes one input less");
  const Shape& state = in.shape(0);
  for (int i = 0; i < in.inputs(); ++i) {
    const bool number = at.lengths && i == at.timestep - 1;
    if (number || i == at.timestep) {
      PF_TRY(in.want_dtype(i, DType::kInt32));
      const int64_t count = number ? state[1] : 1;
      PF_CHECK(in.shape(i).size() == count, shape, "\"", in.args.def.input[size_t(i)], "\" must have ", count,
               " elements; its shape is ", in.shape(i));
      continue;
    }
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_TRY(in.want_rank(i, 3));
    if (i != states) PF_TRY(in.want_same_shape(0, i));
  }
  const Shape& x = in.shape(states);
  PF_CHECK(state[0] == 1 && x[0] == 1 && x[1] == state[1] && x[2] % gates == 0 && x[2] / gates == state[2], shape,
           "the states ", state, " must be (1, N, D) and the gates ", x, " (1, N, ", gates, " D)");
  for (int i = 0; i < states; ++i) in.set(i, state, DType::kFloat);
  if (gradient) in.set(states, x, DType::kFloat);
  return {};
}

// I(0) to the timestep, the outputs, their gradients; to the states and the gates.
void unit_gradient(Gradient& g, const char* type, int states) {
  const int inputs = states + 2 + g.args.b("sequence_lengths");
  std::vector<std::string> in, out;
  for (int i = 0; i < inputs && i < g.inputs(); ++i) in.push_back(g.I(i));
  for (int j = 0; j < states; ++j) in.push_back(g.O(j));
  for (int j = 0; j < states; ++j) in.push_back(g.GO(j));
  for (int i = 0; i <= states; ++i) out.push_back(g.GI(i));
  g.op(type, std::move(in), std::move(out));
}

constexpr auto kUnit = [](auto& op) {
  op.arg("drop_states", false, "Rows past their length get states of zeros; otherwise they keep theirs.")
      .arg("sequence_lengths", true,
           "Whether the input seq_lengths is there; without it all rows are valid at each step.");
};

PF_OP(LSTMUnit)
    .doc(
        "One step of an LSTM from its gates `i, f, o, g` (in this order along the last dimension, before their "
        "functions): "
        "`C = sigmoid(f + forget_bias) C_prev + sigmoid(i) tanh(g)`, `H = sigmoid(o) tanh(C)`.")
    .arg("forget_bias", 0.f, "Added to the forget gate.")
    .with(kUnit)
    .input("H_prev", "float (1, N, D).")
    .input("C_prev", "float (1, N, D).")
    .input("gates", "float (1, N, 4 D).")
    .input("seq_lengths", "int32 (N): row n is valid at steps below its length. With sequence_lengths=0 left out.")
    .optional_input("timestep", "int32, one number.")
    .output("H", "float (1, N, D).")
    .output("C", "float (1, N, D).")
    .shape([](Infer& in) { return unit_shape(in, 2, 4, 0, false); })
    .grad([](Gradient& g) { unit_gradient(g, "LSTMUnitGradient", 2); })
    .cpu<LstmUnit>();

PF_OP(LSTMUnitGradient)
    .doc("Gradient of LSTMUnit. That of H_prev is zero where a row is valid: it goes back through the gates.")
    .arg("forget_bias", 0.f, "As in LSTMUnit.")
    .with(kUnit)
    .input("H_prev", "float (1, N, D).")
    .input("C_prev", "float (1, N, D).")
    .input("gates", "float (1, N, 4 D).")
    .input("seq_lengths", "int32 (N); with sequence_lengths=0 left out.")
    .input("timestep", "int32, one number.")
    .input("H", "From LSTMUnit.")
    .input("C", "From LSTMUnit.")
    .input("dH", "float (1, N, D).")
    .optional_input("dC", "float (1, N, D).")
    .output("dH_prev", "float (1, N, D).")
    .output("dC_prev", "float (1, N, D).")
    .output("dgates", "float (1, N, 4 D).")
    .shape([](Infer& in) { return unit_shape(in, 2, 4, 4, true); })
    .no_grad()
    .cpu<LstmUnitGradient>();

PF_OP(GRUUnit)
    .doc(
        "One step of a GRU from its gates `reset, update, output` (in this order along the last dimension, before "
        "their "
        "functions; the reset gate has done its work before): `u = sigmoid(update)`, `H = u H_prev + (1 - u) "
        "tanh(output)`.")
    .with(kUnit)
    .input("H_prev", "float (1, N, D).")
    .input("gates", "float (1, N, 3 D).")
    .input("seq_lengths", "int32 (N): row n is valid at steps below its length. With sequence_lengths=0 left out.")
    .optional_input("timestep", "int32, one number.")
    .output("H", "float (1, N, D).")
    .shape([](Infer& in) { return unit_shape(in, 1, 3, 0, false); })
    .grad([](Gradient& g) { unit_gradient(g, "GRUUnitGradient", 1); })
    .cpu<GruUnit>();

PF_OP(GRUUnitGradient)
    .doc("Gradient of GRUUnit. That of the reset gate is zero: it acts before.")
    .with(kUnit)
    .input("H_prev", "float (1, N, D).")
    .input("gates", "float (1, N, 3 D).")
    .input("seq_lengths", "int32 (N); with sequence_lengths=0 left out.")
    .input("timestep", "int32, one number.")
    .input("H", "From GRUUnit.")
    .optional_input("dH", "float (1, N, D).")
    .output("dH_prev", "float (1, N, D).")
    .output("dgates", "float (1, N, 3 D).")
    .shape([](Infer& in) { return unit_shape(in, 1, 3, 2, true); })
    .no_grad()
    .cpu<GruUnitGradient>();

}  // namespace
}  // namespace pf
