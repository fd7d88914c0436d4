// SPDX-License-Identifier: Apache-2.0
#include "math/broadcast.h"

namespace pf {
namespace {

// Where B's dimensions begin in A.
Status legacy_axis(const Args& args, const Shape& a, const Shape& b, int64_t* out) {
  const std::string_view letter = args.s("axis_str"), order = args.s("order");
  int64_t axis = args.i("axis");
  PF_CHECK(axis == -1 || letter.empty(), argument, "axis and axis_str cannot both be given");
  if (!letter.empty()) {
    const size_t at = letter.size() == 1 ? order.find(letter) : order.npos;
    PF_CHECK(at != order.npos, argument, "axis_str must be one of the letters of order (", order, "), is \"", letter,
             "\"");
    axis = int64_t(at);
  }
  PF_CHECK(a.rank() >= b.rank(), shape, "only B may be repeated: A is ", a, ", B has more dimensions: ", b);
  if (axis == -1) axis = a.rank() - b.rank();
  PF_CHECK(axis >= 0 && axis <= a.rank() - b.rank(), shape, "B ", b, " does not fit into A ", a, " from axis ", axis,
           " on");
  *out = axis;
  return {};
}

Status plan_legacy(const Args& args, const Shape& a, const Shape& b, Broadcast* plan) {
  Blocks blocks;
  PF_TRY(legacy_blocks(args, a, b, &blocks));
  plan->push(blocks.pre, blocks.n * blocks.post, 0);
  plan->push(blocks.n, blocks.post, 1);
  plan->push(blocks.post, 1, 0);
  return {};
}

// Steps of dimension d of the result, aligned at the end.
int64_t step_of(const Shape& s, int rank, int d) {
  const int own = d - (rank - s.rank());
  return own < 0 || s[own] == 1 ? 0 : s.from(own + 1);
}

Status plan_numpy(const Shape& a, const Shape& b, Shape* shape, Broadcast* plan) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  shape->clear();
  for (int d = 0; d < rank; ++d) {
    const int in_a = d - (rank - a.rank()), in_b = d - (rank - b.rank());
    const int64_t of_a = in_a < 0 ? 1 : a[in_a], of_b = in_b < 0 ? 1 : b[in_b];
    PF_CHECK(of_a == of_b || of_a == 1 || of_b == 1, shape, "shapes ", a, " and ", b,
             " do not fit: dimensions must be equal or 1, counted from the end",
             "; broadcast=1 with axis repeats B along other dimensions");
    shape->push_back(of_a == 1 ? of_b : of_a);
  }
  for (int d = 0; d < rank; ++d) plan->push((*shape)[d], step_of(a, rank, d), step_of(b, rank, d));
  return {};
}

}  // namespace

Status legacy_blocks(const Args& args, const Shape& a, const Shape& b, Blocks* out) {
  if (b.size() == 1) {
    out->post = a.size();
    return {};
  }
  int64_t axis = 0;
  PF_TRY(legacy_axis(args, a, b, &axis));
  int begin = 0, end = b.rank();
  while (begin < end && b[begin] == 1) ++begin;
  while (end > begin && b[end - 1] == 1) --end;
  for (int d = begin; d < end; ++d) {
    PF_CHECK(a[int(axis) + d] == b[d], shape, "B ", b, " must have A's dimensions from axis ", axis, " on; A is ", a);
    out->n *= b[d];
  }
  out->pre = a.upto(int(axis) + begin), out->post = a.from(int(axis) + end);
  return {};
}

void Broadcast::push(int64_t dim, int64_t a_step, int64_t b_step) {
  size *= dim;
  if (dim == 1) return;
  if (rank > 0 && a[rank - 1] == a_step * dim && b[rank - 1] == b_step * dim) {
    dims[rank - 1] *= dim, a[rank - 1] = a_step, b[rank - 1] = b_step;
    return;
  }
  dims[rank] = dim, a[rank] = a_step, b[rank] = b_step;
  ++rank;
}

Status plan_broadcast(const Args& args, const Shape& a, const Shape& b, Shape* shape, Broadcast* plan) {
  *plan = Broadcast();
  if (args.b("broadcast")) {
    *shape = a;
    return plan_legacy(args, a, b, plan);
  }
  PF_CHECK(args.i("axis") == -1 && args.s("axis_str").empty(), argument, "axis and axis_str need broadcast=1");
  return plan_numpy(a, b, shape, plan);
}

Status broadcast_shape(Infer& in, DType result) {
  PF_CHECK_EQ(in.dtype(0), in.dtype(1), type, "A and B must have one type");
  Shape shape;
  Broadcast plan;
  PF_TRY(plan_broadcast(in.args, in.shape(0), in.shape(1), &shape, &plan));
  const OpDef& def = in.args.def;
  for (int i = 0; i < 2; ++i) {
    PF_CHECK(def.input[size_t(i)] != def.output[0] || in.shape(i) == shape, shape, "\"", def.output[0],
             "\" cannot hold the result ", shape, " in place of an input of shape ", in.shape(i),
             "; give the output a name of its own");
  }
  in.set(0, shape, result == DType::kNone ? in.dtype(0) : result);
  return {};
}

void broadcast_rows(const Broadcast& plan, const void* a, const void* b, void* y, size_t in_size, size_t out_size,
                    BroadcastRow row) {
  constexpr int64_t kGrain = 16384;
  const int last = plan.rank - 1;
  const int64_t inner = last < 0 ? 1 : plan.dims[last];
  const bool a_repeated = last >= 0 && plan.a[last] == 0, b_repeated = last >= 0 && plan.b[last] == 0;
  parallel_for(plan.size, kGrain, [=, &plan](int64_t begin, int64_t end) {
    int64_t coordinate[Shape::kMaxRank] = {}, at_a = 0, at_b = 0;
    int64_t rest = begin / inner;
    for (int d = last - 1; d >= 0; --d) {
      coordinate[d] = rest % plan.dims[d], rest /= plan.dims[d];
      at_a += coordinate[d] * plan.a[d], at_b += coordinate[d] * plan.b[d];
    }
    int64_t skip = begin % inner;  // a range may begin within a row
    for (int64_t i = begin; i < end;) {
      const int64_t n = inner - skip < end - i ? inner - skip : end - i;
      row(n, static_cast<const uint8_t*>(a) + size_t(at_a + (a_repeated ? 0 : skip)) * in_size, a_repeated,
          static_cast<const uint8_t*>(b) + size_t(at_b + (b_repeated ? 0 : skip)) * in_size, b_repeated,
          static_cast<uint8_t*>(y) + size_t(i) * out_size);
      i += n, skip = 0;
      for (int d = last - 1; d >= 0; --d) {
        at_a += plan.a[d], at_b += plan.b[d];
        if (++coordinate[d] < plan.dims[d]) break;
        at_a -= plan.a[d] * plan.dims[d], at_b -= plan.b[d] * plan.dims[d], coordinate[d] = 0;
      }
    }
  });
}

}  // namespace pf
