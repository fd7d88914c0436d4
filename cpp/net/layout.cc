// SPDX-License-Identifier: Apache-2.0
#include "net/layout.h"

#include "core/names.h"
#include "core/schema.h"

namespace pf {
namespace {

// The names under which the present contents of a blob can be had in either order; empty: not in that order.
struct Forms {
  std::string first, last;
};

class LayoutPass {
 public:
  LayoutPass(const NetDef& def, const std::vector<std::string_view>& kept, Workspace& workspace)
      : def_(def), workspace_(workspace), answers_(kept.begin(), kept.end()) {
    for (std::string_view name : kept) kept_.add(name);
    for (const OpDef& op : def.op) keep_nested(op);
    for (const OpDef& op : def.op) {
      for (const std::string& name : op.input) {
        if (!written_.has(name)) kept_.add(name);  // comes from outside: others may read it too
        read_.add(name);
      }
      for (const std::string& name : op.output) written_.add(name);
    }
  }

  LaidOut run() {
    for (index_ = 0; index_ < int(def_.op.size()); ++index_) {
      const OpDef& op = def_.op[size_t(index_)];
      const Schema* schema = find_schema(op.type);
      OpDef mine = op;
      const bool last = schema && goes_last(op, *schema);
      if (last) set_order(*schema, &mine);
      for (size_t i = 0; i < op.input.size(); ++i)
        mine.input[i] = last && is_image(op, *schema, i) ? last_of(op.input[i]) : first_of(op.input[i]);
      for (size_t j = 0; j < mine.output.size(); ++j)
        mine.output[j] = write(op, mine, j, last && (schema->images != Images::kAxis || j == 0));
      emit(std::move(mine));
    }
    --index_;
    for (const std::string& name : answers_) (void)first_of(name);
    return std::move(out_);
  }

 private:
  // Nets in arguments read blobs by name while they run.
  void keep_nested(const OpDef& op) {
    for (const Argument& arg : op.arg)
      for (const NetDef& net : arg.nets)
        for (const OpDef& inner : net.op) {
          for (const std::string& name : inner.input) kept_.add(name);
          keep_nested(inner);
        }
  }

  Forms& forms(const std::string& name) {
    const size_t at = size_t(names_.add(name));
    if (at == forms_.size()) forms_.push_back({name, ""});
    return forms_[at];
  }
  bool is_last(const std::string& name) { return !forms(name).last.empty(); }

  // A blob from outside with `rank` dimensions that this net never writes.
  bool is_constant(const std::string& name, int rank) {
    const Blob* blob = workspace_.find(name);
    return blob && blob->tensor.defined() && blob->tensor.rank() == rank && !written_.has(name);
  }

  // Is the second operand of Mul and the like repeated to the shape of the first?
  bool is_repeated(const OpDef& op) {
    const Argument* broadcast = op.find("broadcast");
    return broadcast && broadcast->i;
  }
  bool is_image(const OpDef& op, const Schema& schema, size_t input) {
    const bool only_first = schema.images == Images::kConv || schema.images == Images::kOrder || is_repeated(op);
    return input == 0 || !only_first;
  }

  bool all_last(const OpDef& op) {
    for (const std::string& name : op.input)
      if (!is_last(name)) return false;
    return !op.input.empty();
  }

  bool goes_last(const OpDef& op, const Schema& schema) {
    const Argument* order = op.find("order");
    const bool is_first = !order || order->s == "NCHW";
    switch (schema.images) {
      case Images::kFirst:
        return false;
      case Images::kConv:
        return is_first && op.input.size() > 1 && is_constant(op.input[1], 4);
      case Images::kOrder:
        return is_first && op.input.size() > 0 && is_last(op.input[0]) && !needs_more_outputs(op);
      case Images::kElementwise: {
        if (!is_repeated(op)) return all_last(op);
        const Argument* axis = op.find("axis");
        return op.input.size() == 2 && is_last(op.input[0]) && axis && axis->i == 1 && !op.find("axis_str") &&
               is_constant(op.input[1], 1);
      }
      case Images::kAxis: {
        const Argument *axis = op.find("axis"), *add = op.find("add_axis");
        return is_first && (!axis || axis->i == 1) && !(add && add->i) && all_last(op);
      }
    }
    return false;
  }

  // Statistics and the like, which a net for inference names but nobody reads.
  bool needs_more_outputs(const OpDef& op) {
    for (size_t j = 1; j < op.output.size(); ++j)
      if (kept_.has(op.output[j]) || read_.has(op.output[j])) return true;
    return false;
  }

  void set_order(const Schema& schema, OpDef* op) {
    if (schema.images == Images::kConv) op->set(kFilterFirst, int64_t(1));
    if (schema.images == Images::kOrder) op->output.resize(1);
    const bool by_order = schema.images == Images::kAxis && op->find("order");
    if (schema.images == Images::kConv || schema.images == Images::kOrder || by_order)
      op->set("order", "NHWC");
    else if (schema.images == Images::kAxis || is_repeated(*op))
      op->set("axis", int64_t(3));
  }

  void emit(OpDef op) {
    out_.ops.push_back(std::move(op));
    out_.indices.push_back(index_);
  }

  std::string helper(const std::string& name, const char* order) {
    std::string made = name + order;
    for (const std::string& known : out_.helpers)
      if (known == made) return made;
    out_.helpers.push_back(made);
    return made;
  }

  const std::string& convert(const char* type, const std::string& from, const std::string& to) {
    OpDef op;
    op.type = type, op.input = {from}, op.output = {to};
    emit(std::move(op));
    return to;
  }
  std::string first_of(const std::string& name) {
    Forms& f = forms(name);
    if (f.first.empty()) f.first = convert("NHWC2NCHW", f.last, kept_.has(name) ? name : helper(name, " (NCHW)"));
    return f.first;
  }
  std::string last_of(const std::string& name) {
    Forms& f = forms(name);
    if (f.last.empty()) f.last = convert("NCHW2NHWC", f.first, helper(name, " (NHWC)"));
    return f.last;
  }

  // The name to write output j of `op` under. What was in place stays so.
  std::string write(const OpDef& op, const OpDef& mine, size_t j, bool last) {
    const std::string& name = op.output[j];
    std::string to = last && kept_.has(name) ? helper(name, " (NHWC)") : name;
    for (size_t i = 0; i < op.input.size(); ++i)
      if (op.input[i] == name) to = mine.input[i];
    Forms& f = forms(name);
    f = {};
    (last ? f.last : f.first) = to;
    return to;
  }

  const NetDef& def_;
  Workspace& workspace_;
  const std::vector<std::string> answers_;
  Names names_, kept_, read_, written_;
  std::vector<Forms> forms_;
  LaidOut out_;
  int index_ = 0;
};

}  // namespace

LaidOut lay_out(const NetDef& def, const std::vector<std::string_view>& kept, Workspace& workspace) {
  return LayoutPass(def, kept, workspace).run();
}

}  // namespace pf
