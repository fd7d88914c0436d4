// SPDX-License-Identifier: Apache-2.0
// HSoftmax: the probability of a word as the product of the decisions on the way to it in a tree, each a small softmax;
// and its gradient.
// build: loops
#include <cmath>

#include "core/op.h"
#include "core/wire.h"
#include "math/reduce.h"
#include "math/vector_math.h"

namespace pf {
namespace {

constexpr float kSmallest = 1e-20f;

// One decision: rows [index, index + length) of the weights, of which `target` leads on.
struct Node {
  int32_t index = 0, length = 0, target = 0;
};

// HierarchyProto {size = 1, paths = 2}, PathProto {word_id = 1, path_nodes = 2}, PathNodeProto {index, length, target}.
class Hierarchy {
 public:
  explicit Hierarchy(const Args& args) {
    WireReader r(args.s("hierarchy"));
    while (r.next()) {
      if (r.field == 2)
        read_path(r.bytes());
      else
        r.skip();
    }
    ok_ = ok_ && r.ok();
    size_t size = 2;
    while (size < 2 * paths_.size()) size *= 2;
    slots_.assign(size, -1);
    for (size_t k = 0; k < paths_.size(); ++k)
      if (int32_t& slot = slots_[slot_of(paths_[k].word)]; slot < 0) slot = int32_t(k);
  }

  // `rows` of the weights; every path must stay within.
  Status check(int64_t rows) const {
    PF_CHECK(ok_ && !paths_.empty(), argument, "the argument hierarchy must be a HierarchyProto with paths");
    for (const Node& n : nodes_)
      PF_CHECK(n.index >= 0 && n.length > 0 && int64_t(n.index) + n.length <= rows && n.target < n.length, argument,
               "a node of the hierarchy takes ", n.length, " rows from ", n.index, " and of them ", n.target,
               "; there are ", rows, " rows of weights");
    return {};
  }
  // The way to a word.
  Status find(int32_t word, const Node** begin, const Node** end) const {
    const int32_t path = slots_[slot_of(word)];
    PF_CHECK(path >= 0, value, "the hierarchy has no word ", word);
    *begin = nodes_.data() + paths_[size_t(path)].begin, *end = nodes_.data() + paths_[size_t(path)].end;
    return {};
  }

 private:
  struct Path {
    int32_t word;
    size_t begin, end;
  };

  // Where the word is in the table of slots, or would be.
  size_t slot_of(int32_t word) const {
    size_t at = uint32_t(word) * 2654435761u;
    for (;; ++at)
      if (const int32_t k = slots_[at &= slots_.size() - 1]; k < 0 || paths_[size_t(k)].word == word) return at;
  }

  void read_path(std::string_view bytes) {
    WireReader r(bytes);
    Path path{0, nodes_.size(), 0};
    while (r.next()) {
      if (r.field == 1)
        path.word = int32_t(r.integer());
      else if (r.field == 2)
        read_node(r.bytes());
      else
        r.skip();
    }
    ok_ = ok_ && r.ok();
    path.end = nodes_.size();
    paths_.push_back(path);
  }
  void read_node(std::string_view bytes) {
    WireReader r(bytes);
    Node node;
    while (r.next()) {
      if (r.field == 1)
        node.index = int32_t(r.integer());
      else if (r.field == 2)
        node.length = int32_t(r.integer());
      else if (r.field == 3)
        node.target = int32_t(r.integer());
      else
        r.skip();
    }
    ok_ = ok_ && r.ok();
    nodes_.push_back(node);
  }

  std::vector<Path> paths_;
  std::vector<Node> nodes_;
  std::vector<int32_t> slots_;  // indexes into paths_ by hash, -1 where free
  bool ok_ = true;
};

struct Rows {
  int64_t count, length;
  explicit Rows(const Shape& x) : count(x.rank() > 1 ? x[0] : 1), length(x.rank() > 1 ? x.from(1) : x.size()) {}
};

// Calls f(sample, begin, end) with the path of each label and counts the floats of the intermediate output: for each
// node on the way the products, then their softmax.
template <class F>
Status each_path(const Hierarchy& tree, const int32_t* label, int64_t count, int64_t* floats, F f) {
  *floats = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Node *begin = nullptr, *end = nullptr;
    PF_TRY(tree.find(label[i], &begin, &end));
    for (const Node* n = begin; n < end; ++n) *floats += 2 * int64_t(n->length);
    f(i, begin, end);
  }
  return {};
}

class HSoftmax {
 public:
  explicit HSoftmax(const Args& args) : tree_(args) {}
  Status run(OpRun& op) {
    const Rows rows(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>(), *b = op.in(2).data<float>();
    const int32_t* label = op.in(3).data<int32_t>();
    PF_TRY(tree_.check(op.in(2).size()));
    int64_t floats;
    PF_TRY(each_path(tree_, label, rows.count, &floats, [](int64_t, const Node*, const Node*) {}));
    PF_TRY(op.resize(1, Shape{floats}, DType::kFloat));
    float *y = op.out(0).data<float>(), *out = op.out(1).data<float>();
    return each_path(tree_, label, rows.count, &floats, [&](int64_t i, const Node* n, const Node* end) {
      y[i] = 0;
      for (; n < end; out += 2 * n->length, ++n) {
        float* p = out + n->length;
        for (int64_t j = 0; j < n->length; ++j)
          out[j] = b[n->index + j] + dot(rows.length, x + i * rows.length, w + (n->index + j) * rows.length);
        if (n->length) softmax_row(n->length, out, p);
        // Caffe2 counts -1 for a node without target.
        y[i] += n->target < 0 ? -1.f : -std::log(p[n->target] > kSmallest ? p[n->target] : kSmallest);
      }
    });
  }

 private:
  Hierarchy tree_;
};

class HSoftmaxGradient {
 public:
  explicit HSoftmaxGradient(const Args& args) : tree_(args) {}
  Status run(OpRun& op) {
    const Rows rows(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>();
    const int32_t* label = op.in(3).data<int32_t>();
    const float *p = op.in(4).data<float>(), *dy = op.in(5).data<float>();
    float *dx = op.out(0).data<float>(), *dw = op.out(1).data<float>(), *db = op.out(2).data<float>();
    float* dp = op.out(3).data<float>();
    PF_TRY(tree_.check(op.in(2).size()));
    int64_t floats;
    PF_TRY(each_path(tree_, label, rows.count, &floats, [](int64_t, const Node*, const Node*) {}));
    PF_CHECK(floats == op.in(4).size(), shape, "the intermediate output of these labels has ", floats,
             " elements, found ", op.in(4).size());
    for (int j = 0; j < 4; ++j) Cpu::fill(op, op.out(j).size(), op.out(j).data<float>(), 0.f);
    return each_path(tree_, label, rows.count, &floats, [&](int64_t i, const Node* n, const Node* end) {
      for (; n < end; p += 2 * n->length, dp += 2 * n->length, ++n) {
        if (n->target < 0) continue;
        const float* softmax = p + n->length;
        float *dsoftmax = dp + n->length, chosen = softmax[n->target];
        dsoftmax[n->target] = -dy[i] / (chosen > kSmallest ? chosen : kSmallest);
        const float common = chosen * dsoftmax[n->target];
        for (int64_t j = 0; j < n->length; ++j) {
          const float d = dp[j] = (dsoftmax[j] - common) * softmax[j];
          const int64_t row = n->index + j;
          db[row] += d;
          add_scaled(rows.length, d, x + i * rows.length, dw + row * rows.length);
          add_scaled(rows.length, d, w + row * rows.length, dx + i * rows.length);
        }
      }
    });
  }

 private:
  Hierarchy tree_;
};

Status check_inputs(Infer& in) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, i == 3 ? DType::kInt32 : DType::kFloat));
  const Rows rows(in.shape(0));
  const Shape &w = in.shape(1), &b = in.shape(2);
  PF_CHECK(w.rank() >= 2 && w.from(1) == rows.length, shape, "rows of W must be as long as those of X; W is ", w,
           ", X is ", in.shape(0));
  PF_CHECK(b.rank() == 1 && b[0] == w[0], shape, "b must have one number for each row of W; b is ", b, ", W is ", w);
  PF_CHECK(in.shape(3).size() == rows.count, shape, "there must be one label for each of the ", rows.count,
           " rows of X, found ", in.shape(3));
  return {};
}

PF_OP(HSoftmax)
    .doc(
        "Hierarchical softmax: the cross entropy of a word, `-sum log p` over the nodes on the way from the root to "
        "it. "
        "Each node is a softmax over `W X + b` with some rows of W.")
    .arg("hierarchy", "", "A serialised HierarchyProto: the words and their paths.")
    .input("X", "float [N, D].")
    .input("W", "float [R, D]: the rows of all nodes.")
    .input("b", "float [R].")
    .input("labels", "int32 [N]: ids of words.")
    .output("Y", "float [N].")
    .output("intermediate_output", "float: products and softmax of each node, for the gradient.")
    .shape_unknown("the labels tell how long the paths to their words are")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in));
      in.set(0, Shape{Rows(in.shape(0)).count}, DType::kFloat);
      return {};  // the labels tell the size of output 1
    })
    .grad([](Gradient& g) {
      g.op("HSoftmaxGradient", {g.I(0), g.I(1), g.I(2), g.I(3), g.O(1), g.GO(0)},
           {g.GI(0), g.GI(1), g.GI(2), g.has_GO(1) ? g.GO(1) : g.O(1) + "_grad"});
    })
    .cpu<HSoftmax>();

PF_OP(HSoftmaxGradient)
    .doc("Gradient of HSoftmax.")
    .arg("hierarchy", "", "As given to HSoftmax.")
    .input("X", "Input of HSoftmax.")
    .input("W", "Its weights.")
    .input("b", "Its bias.")
    .input("labels", "Its labels.")
    .input("intermediate_output", "Its second output.")
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .output("dW", "Gradient of W, its shape.")
    .output("db", "Gradient of b, its shape.")
    .output("d_intermediate", "Gradient of the intermediate output, its shape.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in));
      PF_CHECK(in.shape(5).size() == Rows(in.shape(0)).count, shape, "dY must have one number per row of X, found ",
               in.shape(5));
      for (int j = 0; j < 3; ++j) in.set(j, in.shape(j), DType::kFloat);
      in.set(3, in.shape(4), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<HSoftmaxGradient>();

}  // namespace
}  // namespace pf
