// SPDX-License-Identifier: Apache-2.0
// TopK: the k largest elements along an axis, largest first, of equals the one with the lower index; and its gradient.
#include "core/op.h"

namespace pf {
namespace {

struct Entry {
  float value;
  int64_t index;
  bool before(const Entry& o) const { return value > o.value || (value == o.value && index < o.index); }
};

// A heap whose root comes last of all: children never come after their parent.
void sift_down(Entry* heap, int64_t n, int64_t i) {
  const Entry moved = heap[i];
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && heap[child].before(heap[child + 1])) ++child;
    if (!moved.before(heap[child])) break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

// The first `k` of the n elements x[i * stride], sorted, into heap.
void select(const float* x, int64_t n, int64_t stride, int64_t k, Entry* heap) {
  for (int64_t i = 0; i < k; ++i) heap[i] = {x[i * stride], i};
  for (int64_t i = k / 2; i-- > 0;) sift_down(heap, k, i);
  for (int64_t i = k; i < n; ++i) {
    if (!(x[i * stride] > heap[0].value)) continue;
    heap[0] = {x[i * stride], i};
    sift_down(heap, k, 0);
  }
  for (int64_t left = k - 1; left > 0; --left) {
    const Entry last = heap[0];
    heap[0] = heap[left], heap[left] = last;
    sift_down(heap, left, 0);
  }
}

// Lines along the axis: `outer` * `inner` of them, elements `inner` apart.
struct Lines {
  int64_t outer, length, inner;
};

Lines lines_of(const Shape& x, const Args& args) {
  const int axis = x.axis(args.i("axis"));
  return {x.upto(axis), x[axis], x.from(axis + 1)};
}

struct TopK {
  Status run(OpRun& op) {
    const Lines lines = lines_of(op.in(0).shape(), op.args);
    const int64_t k = op.args.i("k"), found = k < lines.length ? k : lines.length;
    const float* x = op.in(0).data<float>();
    float* values = op.out(0).data<float>();
    int64_t* indices = op.out(1).data<int64_t>();
    int64_t* flat = op.outputs() > 2 ? op.out(2).data<int64_t>() : nullptr;
    Entry* heaps = nullptr;
    PF_TRY(op.scratch(found * thread_count(), &heaps));
    parallel_for(lines.outer * lines.inner, 1 + 2048 / (lines.length + 1), [=](int64_t begin, int64_t end) {
      Entry* heap = heaps + found * thread_index();
      for (int64_t l = begin; l < end; ++l) {
        const int64_t in = l / lines.inner * lines.length * lines.inner + l % lines.inner;
        const int64_t out = l / lines.inner * k * lines.inner + l % lines.inner;
        select(x + in, lines.length, lines.inner, found, heap);
        for (int64_t i = 0; i < k; ++i) {
          const int64_t at = out + i * lines.inner;
          const bool there = i < found;
          values[at] = there ? heap[i].value : 0.f;
          indices[at] = there ? heap[i].index : -1;
          if (flat) flat[at] = there ? in + heap[i].index * lines.inner : -1;
        }
      }
    });
    return {};
  }
};

struct TopKGradient {
  Status run(OpRun& op) {
    const Lines lines = lines_of(op.in(2).shape(), op.args);
    const int64_t k = lines_of(op.in(0).shape(), op.args).length;
    const float* dvalues = op.in(0).data<float>();
    const int64_t* indices = op.in(1).data<int64_t>();
    float* dx = op.out(0).data<float>();
    for (int64_t i = 0; i < op.in(1).size(); ++i)
      PF_CHECK(indices[i] >= -1 && indices[i] < lines.length, value, "index ", i, " is ", indices[i],
               ", expected below ", lines.length);
    parallel_for(lines.outer * lines.inner, 1 + 2048 / (lines.length + 1), [=](int64_t begin, int64_t end) {
      for (int64_t l = begin; l < end; ++l) {
        const int64_t in = l / lines.inner * lines.length * lines.inner + l % lines.inner;
        const int64_t out = l / lines.inner * k * lines.inner + l % lines.inner;
        for (int64_t i = 0; i < lines.length; ++i) dx[in + i * lines.inner] = 0;
        for (int64_t i = 0; i < k; ++i) {
          const int64_t at = out + i * lines.inner;
          if (indices[at] >= 0) dx[in + indices[at] * lines.inner] = dvalues[at];
        }
      }
    });
    return {};
  }
};

Status check_axis(Infer& in, const Shape& x) {
  PF_CHECK(x.axis(in.args.i("axis")) >= 0, argument, "there is no axis ", in.args.i("axis"), " in the shape ", x);
  return {};
}

PF_OP(TopK)
    .doc(
        "The k largest elements along an axis, largest first; of equal ones the lower index comes first. "
        "Where the axis is shorter than k, the rest is 0 with index -1.")
    .required_arg("k", ArgType::kInt, "How many elements.")
    .arg("axis", -1, "Along which dimension; negative counts from the end.")
    .input("X", "float, at least 1 dimension.")
    .output("values", "X with k elements along the axis.")
    .output("indices", "int64, shape of values: where along the axis they were.")
    .optional_output("flat_indices", "int64 [size of values]: where in the whole of X they were.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(check_axis(in, in.shape(0)));
      PF_CHECK(in.args.i("k") > 0, argument, "k must be positive, found ", in.args.i("k"));
      Shape out = in.shape(0);
      out[out.axis(in.args.i("axis"))] = in.args.i("k");
      in.set(0, out, DType::kFloat);
      in.set(1, out, DType::kInt64);
      in.set(2, Shape{out.size()}, DType::kInt64);
      return {};
    })
    .grad([](Gradient& g) { g.op("TopKGradient", {g.GO(0), g.O(1), g.I(0)}, {g.GI(0)}); })
    .cpu<TopK>();

PF_OP(TopKGradient)
    .doc("Gradient of TopK: dX is the gradient of the value where an element was chosen, 0 elsewhere.")
    .arg("k", -1, "As given to TopK.")
    .arg("axis", -1, "As given to TopK.")
    .input("dvalues", "Gradient of the values.")
    .input("indices", "int64, the indices from TopK, shape of dvalues.")
    .input("X", "The tensor given to TopK; only its shape is used.")
    .output("dX", "Gradient of X, shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_dtype(1, DType::kInt64));
      PF_TRY(in.want_same_shape(0, 1));
      PF_TRY(check_axis(in, in.shape(2)));
      Shape expected = in.shape(2);
      const int axis = expected.axis(in.args.i("axis"));
      PF_CHECK(in.shape(0).rank() == expected.rank(), shape, "dvalues ", in.shape(0), " and X ", expected,
               " must have one rank");
      expected[axis] = in.shape(0)[axis];
      PF_CHECK(in.shape(0) == expected, shape, "dvalues must have the shape of X ", in.shape(2), " but along axis ",
               axis, ", found ", in.shape(0));
      in.set(0, in.shape(2), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<TopKGradient>();

}  // namespace
}  // namespace pf
