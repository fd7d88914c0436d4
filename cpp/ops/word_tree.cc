// SPDX-License-Identifier: Apache-2.0
// Trees of words: HSoftmaxSearch finds the likeliest words below a trained hierarchical softmax, HuffmanTreeHierarchy
// makes a tree from how often words occur.
#include <cmath>

#include "core/op.h"
#include "core/wire.h"
#include "math/reduce.h"
#include "math/vector_math.h"

namespace pf {
namespace {

constexpr int kMostLevels = 100;  // protobuf readers take no deeper messages

// NodeProto {children = 1, word_ids = 2, offset = 3, name = 4, scores = 5}; TreeProto {root_node = 1}.
struct Node {
  std::vector<Node> children;
  std::vector<int32_t> words;
  int64_t offset = -1;
  std::string name;
  bool named = false;
  int64_t length() const { return int64_t(children.size() + words.size()); }
};

bool read_node(std::string_view bytes, int level, Node* out) {
  if (level > kMostLevels) return false;
  WireReader r(bytes);
  bool ok = true;
  while (ok && r.next()) {
    switch (r.field) {
      case 1:
        out->children.emplace_back();
        ok = read_node(r.bytes(), level + 1, &out->children.back());
        break;
      case 2:
        r.repeated_integer([&](uint64_t id) { out->words.push_back(int32_t(id)); });
        break;
      case 3:
        out->offset = int32_t(r.integer());
        break;
      case 4:
        out->name = std::string(r.bytes()), out->named = true;
        break;
      default:
        r.skip();
    }
  }
  return ok && r.ok();
}

Status check_node(const Node& node, int64_t rows) {
  PF_CHECK(node.named, argument, "every node of the tree must have a name");
  PF_CHECK(node.offset >= 0 && node.offset + node.length() <= rows, argument, "the node \"", node.name,
           "\" of the tree takes ", node.length(), " rows from ", node.offset, "; there are ", rows,
           " rows of weights");
  for (const Node& child : node.children) PF_TRY(check_node(child, rows));
  return {};
}

int64_t widest(const Node& node) {
  int64_t most = node.length();
  for (const Node& child : node.children) {
    const int64_t n = widest(child);
    if (n > most) most = n;
  }
  return most;
}

struct Found {
  const Node* node;  // or, null, a word
  int32_t word;
  float score;
};

class HSoftmaxSearch {
 public:
  explicit HSoftmaxSearch(const Args& args) : beam_(args.f("beam")) {
    WireReader r(args.s("tree"));
    bool root = false;
    while (r.next()) {
      if (r.field == 1)
        root = read_node(r.bytes(), 1, &root_);
      else
        r.skip();
    }
    ok_ = root && r.ok();
  }

  Status run(OpRun& op) {
    PF_CHECK(ok_, argument, "the argument tree must be a TreeProto with a root node");
    PF_TRY(check_node(root_, op.in(1).dim(0)));
    const int64_t samples = op.out(0).dim(0), top = op.out(0).dim(1);
    const int64_t width = op.in(1).shape().from(1);
    std::vector<float> room(size_t(2 * widest(root_)));
    for (int64_t i = 0; i < samples; ++i) {
      found_.clear();
      search({op.in(0).data<float>() + i * width, op.in(1).data<float>(), op.in(2).data<float>(), width, room.data()},
             root_, 0);
      for (int64_t k = 0; k < top; ++k) {
        std::string& name = op.out(0).data<std::string>()[i * top + k];
        float& score = op.out(1).data<float>()[i * top + k];
        name.clear(), score = 0;
        if (Found* best = take_best()) {
          name = best->node ? best->node->name : text(best->word);
          score = best->score;
          best->score = HUGE_VALF;
        }
      }
    }
    return {};
  }

 private:
  struct Weights {
    const float *x, *w, *b;
    int64_t width;
    float* room;
  };

  // What is likely enough below `node`: first its own children and words, then what is below them.
  void search(const Weights& in, const Node& node, float score) {
    const int64_t n = node.length();
    float *product = in.room, *p = in.room + n;
    if (n == 0) return;
    for (int64_t j = 0; j < n; ++j)
      product[j] = in.b[node.offset + j] + dot(in.width, in.x, in.w + (node.offset + j) * in.width);
    softmax_row(n, product, p);
    const size_t first = found_.size(), children = node.children.size();
    for (int64_t j = 0; j < n; ++j) {
      const float share = p[j], cost = score - std::log(share > 1e-20f ? share : 1e-20f);
      if (!(cost < score + beam_)) continue;
      if (size_t(j) < children)
        found_.push_back({&node.children[size_t(j)], 0, cost});
      else
        found_.push_back({nullptr, node.words[size_t(j) - children], cost});
    }
    const size_t end = found_.size();
    for (size_t k = first; k < end; ++k)
      if (const Node* child = found_[k].node) search(in, *child, found_[k].score);
  }
  // The first of those with the lowest score that were not taken yet.
  Found* take_best() {
    Found* best = nullptr;
    for (Found& f : found_)
      if (f.score < (best ? best->score : HUGE_VALF)) best = &f;
    return best;
  }

  float beam_;
  Node root_;
  bool ok_;
  std::vector<Found> found_;
};

// A heap whose smallest count is on top. Which of equal counts comes first is part of the result: this one moves
// elements as the heap of the C++ library does that Caffe2 was built with.
struct Leaf {
  int32_t label, left, right;  // label -1: a node of two
  int64_t count;
};

class Heap {
 public:
  bool empty() const { return items_.empty(); }
  void push(const Leaf& leaf) {
    items_.push_back(leaf);
    rise(items_.size() - 1, leaf);
  }
  // The hole left by the top sinks to the bottom, always to the smaller child; there the last element comes in.
  Leaf pop() {
    const Leaf top = items_[0], last = items_.back();
    items_.pop_back();
    const size_t n = items_.size();
    if (n == 0) return top;
    size_t hole = 0, child = 0;
    while (2 * child + 2 < n) {
      child = 2 * child + 2;
      if (items_[child].count > items_[child - 1].count) --child;
      items_[hole] = items_[child], hole = child;
    }
    if (2 * child + 2 == n) items_[hole] = items_[2 * child + 1], hole = 2 * child + 1;
    rise(hole, last);
    return top;
  }

 private:
  void rise(size_t hole, const Leaf& leaf) {
    while (hole > 0 && items_[(hole - 1) / 2].count > leaf.count)
      items_[hole] = items_[(hole - 1) / 2], hole = (hole - 1) / 2;
    items_[hole] = leaf;
  }
  std::vector<Leaf> items_;
};

class HuffmanTree {
 public:
  explicit HuffmanTree(const std::vector<int64_t>& counts) {
    Heap heap;
    for (size_t i = 0; i < counts.size(); ++i) heap.push({int32_t(i), -1, -1, counts[i]});
    while (!heap.empty()) {
      leaves_.push_back(heap.pop());
      if (heap.empty()) break;
      leaves_.push_back(heap.pop());
      const int32_t right = int32_t(leaves_.size() - 1);
      heap.push({-1, right - 1, right, leaves_[size_t(right) - 1].count + leaves_[size_t(right)].count});
    }
  }
  Status serialize(std::string* out) {
    WireWriter root, tree;
    PF_TRY(write(leaves_.back(), 1, take_offset(), &root));
    tree.bytes(1, root.out);
    *out = std::move(tree.out);
    return {};
  }

 private:
  int64_t take_offset() { return offset_ += 2, offset_ - 2; }

  Status write(const Leaf& node, int level, int64_t offset, WireWriter* out) {
    PF_CHECK(level <= kMostLevels, value, "these labels make a tree of more than ", kMostLevels,
             " levels, which no reader takes");
    std::vector<int32_t> words;
    for (int32_t child : {node.left, node.right}) {
      if (child < 0) continue;
      const Leaf& below = leaves_[size_t(child)];
      if (below.label >= 0) {
        words.push_back(below.label);
        if (child == node.right) ++offset_;  // as Caffe2 counts
      } else {
        WireWriter inner;
        PF_TRY(write(below, level + 1, take_offset(), &inner));
        out->bytes(1, inner.out);
      }
    }
    for (int32_t word : words) out->integer(2, uint64_t(word));
    out->integer(3, uint64_t(offset));
    return {};
  }

  std::vector<Leaf> leaves_;
  int64_t offset_ = 0;
};

struct HuffmanTreeHierarchy {
  Status run(OpRun& op) {
    std::vector<int64_t> counts(size_t(op.args.i("num_classes")), 0);
    const int64_t* label = op.in(0).data<int64_t>();
    for (int64_t i = 0; i < op.in(0).size(); ++i) {
      PF_CHECK(label[i] >= 0 && label[i] < int64_t(counts.size()), value, "label ", i, " is ", label[i],
               ", expected 0 to ", counts.size() - 1);
      ++counts[size_t(label[i])];
    }
    return HuffmanTree(counts).serialize(&op.out(0).data<std::string>()[0]);
  }
};

PF_OP(HSoftmaxSearch)
    .doc(
        "The likeliest nodes and words of a tree whose weights HSoftmax trained: those whose cost `-sum log p` along "
        "the way exceeds that of the node above by less than the beam.")
    .arg("topN", 5, "How many to give.")
    .arg("beam", 0.01f, "How much one step down may cost.")
    .arg("tree", "", "A serialised TreeProto in which every node has a name and an offset.")
    .arg("hierarchy", "", "Not needed.")
    .input("X", "float [N, D].")
    .input("W", "float [R, D]: the rows of all nodes.")
    .input("b", "float [R].")
    .output("names", "strings [N, topN]: names of nodes and ids of words, best first; then empty.")
    .output("scores", "float [N, topN]: their costs; then 0.")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      const Shape &x = in.shape(0), &w = in.shape(1), &b = in.shape(2);
      const int64_t rows = x.rank() > 1 ? x[0] : 1, width = x.rank() > 1 ? x.from(1) : x.size();
      const int64_t top = in.args.i("topN");
      PF_CHECK(top > 0 && top < 1 << 24, argument, "topN must be positive, found ", top);
      PF_CHECK(w.rank() == 2 && w[1] == width, shape, "rows of W must be as long as those of X; W is ", w, ", X is ",
               x);
      PF_CHECK(b.rank() == 1 && b[0] == w[0], shape, "b must have one number for each row of W; b is ", b, ", W is ",
               w);
      in.set(0, Shape{rows, top}, DType::kString);
      in.set(1, Shape{rows, top}, DType::kFloat);
      return {};
    })
    .refuse_grad("a search has no gradient")
    .cpu<HSoftmaxSearch>();

PF_OP(HuffmanTreeHierarchy)
    .doc("A Huffman tree of classes by how often they occur.")
    .arg("num_classes", -1, "How many classes there are.")
    .input("labels", "int64 [N]: classes from 0 to num_classes - 1.")
    .output("tree", "string [1]: a serialised TreeProto.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kInt64));
      PF_TRY(in.want_rank(0, 1));
      const int64_t classes = in.args.i("num_classes");
      PF_CHECK(classes > 0 && classes < 1 << 24, argument, "num_classes must be positive, found ", classes);
      in.set(0, Shape{1}, DType::kString);
      return {};
    })
    .refuse_grad("labels have no gradient")
    .cpu<HuffmanTreeHierarchy>();

}  // namespace
}  // namespace pf
