// SPDX-License-Identifier: Apache-2.0
// TT: a fully connected layer whose matrix is kept as a train of small tensors (Novikov et al., "Tensorizing neural
// networks", 2015).
// build: loops
#include "core/op.h"

namespace pf {
namespace {

// Core k is a matrix [inputs[k] ranks[k + 1], ranks[k] outputs[k]]; the last core comes first in memory.
struct Train {
  const std::vector<int64_t>&inputs, &outputs, &ranks;
  explicit Train(const Args& args)
      : inputs(args.ints("inp_sizes")), outputs(args.ints("out_sizes")), ranks(args.ints("tt_ranks")) {}

  size_t length() const { return inputs.size(); }
  int64_t rows(size_t k) const { return saturating_product(inputs[k], ranks[k + 1]); }
  int64_t columns(size_t k) const { return saturating_product(ranks[k], outputs[k]); }

  Status check() const {
    PF_CHECK(length() > 0 && outputs.size() == length() && ranks.size() == length() + 1, argument,
             "inp_sizes and out_sizes must have equally many numbers and tt_ranks one more; they have ", length(), ", ",
             outputs.size(), " and ", ranks.size());
    for (const std::vector<int64_t>* list : {&inputs, &outputs, &ranks})
      for (int64_t n : *list)
        PF_CHECK(n > 0 && n < 1 << 24, argument, "inp_sizes, out_sizes and tt_ranks must be positive, found ", n);
    PF_CHECK(ranks.front() == 1 && ranks.back() == 1, argument, "tt_ranks must begin and end with 1, found ",
             ranks.front(), " and ", ranks.back());
    return {};
  }
  static int64_t product(const std::vector<int64_t>& sizes) {
    int64_t n = 1;
    for (int64_t size : sizes) n = saturating_product(n, size);
    return n;
  }
  int64_t weights() const {
    int64_t sum = 0;
    for (size_t k = 0; k < length(); ++k) {
      const int64_t size = saturating_product(rows(k), columns(k));
      if (__builtin_add_overflow(sum, size, &sum)) return INT64_MAX;
    }
    return sum;
  }
  // The most elements between two cores, for one row of X.
  int64_t widest() const {
    int64_t size = product(inputs), most = size;
    for (size_t k = length(); k-- > 0;) {
      size = saturating_product(size / rows(k), columns(k));
      if (size > most) most = size;
    }
    return most;
  }
};

struct TT {
  Status run(OpRun& op) {
    const Train train(op.args);
    const int64_t batch = op.in(0).dim(0), outputs = op.in(1).size();
    const float *x = op.in(0).data<float>(), *bias = op.in(1).data<float>(), *core = op.in(2).data<float>();
    float *from, *to, *y = op.out(0).data<float>();
    const int64_t room = saturating_product(batch, train.widest());
    PF_TRY(op.scratch(room, &from));
    PF_TRY(op.scratch(room, &to));
    int64_t size = op.in(0).size();
    for (int64_t i = 0; i < size; ++i) from[i] = x[i];
    for (size_t k = train.length(); k-- > 0;) {
      const int64_t inner = train.rows(k), columns = train.columns(k), rows = size / inner, last = train.outputs[k];
      // The product, its last dimension (of out_sizes[k]) brought to the front.
      const int64_t blocks = rows * columns / last;
      parallel_for(rows, 1 + 16384 / (inner * columns + 1), [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          for (int64_t j = 0; j < columns; ++j) {
            float sum = 0;
            for (int64_t p = 0; p < inner; ++p) sum += from[i * inner + p] * core[p * columns + j];
            to[j % last * blocks + (i * columns + j) / last] = sum;
          }
        }
      });
      core += inner * columns, size = rows * columns;
      float* const swap = from;
      from = to, to = swap;
    }
    // The product is now [outputs, batch]. Caffe2 reads it as [batch, outputs] and transposes that, so rows of a batch
    // of several end up mixed; models were trained that way.
    for (int64_t i = 0; i < size; ++i) y[i] = from[i % batch * outputs + i / batch] + bias[i % outputs];
    return {};
  }
};

PF_OP(TT)
    .doc(
        "Fully connected layer `Y = X W + b` whose matrix W, inp_sizes multiplied by out_sizes multiplied, is the "
        "product of small cores.")
    .required_arg("inp_sizes", ArgType::kInts, "The factors that the length of a row of X falls into.")
    .required_arg("out_sizes", ArgType::kInts, "The factors of the length of a row of Y, as many.")
    .required_arg("tt_ranks", ArgType::kInts, "The dimensions between the cores, one more; first and last are 1.")
    .input("X", "float [N, ...].")
    .input("b", "float [product of out_sizes].")
    .input("cores", "float: all cores, the last first; core k has `ranks[k] inp[k] out[k] ranks[k + 1]` elements.")
    .output("Y", "float [N, product of out_sizes].")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      const Train train(in.args);
      PF_TRY(train.check());
      const Shape& x = in.shape(0);
      const int64_t inputs = Train::product(train.inputs), outputs = Train::product(train.outputs);
      PF_CHECK(x.rank() >= 2 && x.from(1) == inputs, shape, "rows of X must have the ", inputs,
               " elements that inp_sizes make; X is ", x);
      PF_CHECK(in.shape(1).rank() == 1 && in.shape(1)[0] == outputs, shape, "b must have the ", outputs,
               " elements that out_sizes make; its shape is ", in.shape(1));
      PF_CHECK(in.shape(2).size() == train.weights(), shape, "the cores must have ", train.weights(),
               " elements, their shape is ", in.shape(2));
      in.set(0, Shape{x[0], outputs}, DType::kFloat);
      return {};
    })
    .refuse_grad("Caffe2 never implemented it")
    .cpu<TT>();

// Caffe2 declared it, and every run of it failed.
struct TTLinearGradient {
  Status run(OpRun&) {
    return fail(Code::no_gradient,
                "Caffe2 never implemented the gradient of TT; use FC where a layer is to be trained");
  }
};

PF_OP(TTLinearGradient)
    .doc("Always fails, as in Caffe2, which never implemented the gradient of TT.")
    .any_inputs("inputs", "Anything.")
    .any_outputs("outputs", "Nothing is written.")
    .shape_unknown("it writes nothing")
    .no_grad()
    .cpu<TTLinearGradient>();

}  // namespace
}  // namespace pf
