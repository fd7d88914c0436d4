// SPDX-License-Identifier: Apache-2.0
#include "core/schema.h"

#include "core/op.h"

namespace pf {
namespace {

std::vector<Schema*>& registry() {
  static auto* all = new std::vector<Schema*>;  // never destroyed: kernels may outlive static destructors
  return *all;
}

size_t lower_bound(std::string_view name) {
  auto& all = registry();
  size_t low = 0, high = all.size();
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (std::string_view(all[middle]->name) < name)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Levenshtein distance, not counting case, given up beyond `limit`.
int distance(std::string_view a, std::string_view b, int limit) {
  if (a.size() > b.size() + size_t(limit) || b.size() > a.size() + size_t(limit)) return limit + 1;
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = int(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = int(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      int cost = diagonal + ((a[i - 1] | 32) != (b[j - 1] | 32));
      diagonal = row[j];
      if (row[j] + 1 < cost) cost = row[j] + 1;
      if (row[j - 1] + 1 < cost) cost = row[j - 1] + 1;
      row[j] = cost;
    }
  }
  return row[b.size()];
}

const ArgSpec kNoSpec = {"", ArgType::kInt, false, false, 0, "", ""};

const char* type_name(ArgType t) {
  constexpr const char* kNames[] = {"float", "int", "bool", "string", "floats", "ints", "strings", "net", "value"};
  return kNames[int(t)];
}

// Whether the field that is set suits the declared type. A number may stand for a float or an int: JavaScript
// has one type for both. A single value may stand for a list.
bool suits(const Argument& a, ArgType t) {
  bool empty =
      !a.has_f && !a.has_i && !a.has_s && a.floats.empty() && a.ints.empty() && a.strings.empty() && a.nets.empty();
  switch (t) {
    case ArgType::kFloat:
      return a.has_f || a.has_i || empty;
    case ArgType::kInt:
    case ArgType::kBool:
      return a.has_i || (a.has_f && a.f == float(int64_t(a.f))) || empty;
    case ArgType::kString:
      return a.has_s || empty;
    case ArgType::kFloats:
      return empty || !a.floats.empty() || !a.ints.empty();
    case ArgType::kInts:
      return empty || !a.ints.empty();
    case ArgType::kStrings:
      return empty || !a.strings.empty();
    case ArgType::kValue:
      return empty || a.has_f || a.has_i || a.has_s;
    case ArgType::kNet:
      return empty || !a.nets.empty() || a.has_s;  // older nets hold text
  }
  return false;
}

Status check_count(const char* what, size_t given, const std::vector<Port>& ports) {
  size_t least = 0, most = ports.size();
  for (auto& p : ports) {
    least += !p.optional && !p.variadic;
    if (p.variadic) most = SIZE_MAX, least += !p.optional;
  }
  if (given >= least && given <= most) return {};
  std::string expected = text(least);
  if (most == SIZE_MAX)
    expected += " or more";
  else if (most != least)
    append(expected, " to ", most);
  std::string names;
  for (auto& p : ports) append(names, names.empty() ? "" : ", ", p.name, p.variadic ? "…" : p.optional ? "?" : "");
  return fail(Code::argument, "takes ", expected, " ", what, " (", names, "), found ", given);
}

const Port* port_of(const std::vector<Port>& ports, int i) {
  if (size_t(i) < ports.size()) return &ports[size_t(i)];
  return ports.empty() || !ports.back().variadic ? nullptr : &ports.back();
}

}  // namespace

Schema& new_schema(const char* name) {
  size_t at = lower_bound(name);
  auto& all = registry();
  if (at < all.size() && all[at]->name == std::string_view(name)) return *all[at];
  auto* schema = new Schema;
  schema->name = name;
  all.insert(all.begin() + ptrdiff_t(at), schema);
  return *schema;
}

const Schema* find_schema(std::string_view type) {
  size_t at = lower_bound(type);
  auto& all = registry();
  return at < all.size() && all[at]->name == type ? all[at] : nullptr;
}

const std::vector<Schema*>& all_schemas() { return registry(); }

std::string suggestion(std::string_view type) {
  constexpr int kNear = 3;
  int best = kNear + 1;
  std::string found;
  for (auto* s : registry()) {
    int d = distance(type, s->name, kNear);
    if (d < best && size_t(d) * 2 < type.size()) best = d, found = s->name;
  }
  return found;
}

const ArgSpec* Schema::find_arg(std::string_view wanted) const {
  for (auto& a : args)
    if (a.name == wanted) return &a;
  return nullptr;
}
const Port* Schema::input_port(int i) const { return port_of(inputs, i); }
const Port* Schema::output_port(int j) const { return port_of(outputs, j); }

void Schema::add_arg(const char* arg, ArgType type, bool required, const char* text) {
  args.push_back({arg, type, required, false, 0, "", text});
}
void Schema::add_number(const char* arg, ArgType type, double otherwise, const char* text) {
  args.push_back({arg, type, false, true, otherwise, "", text});
}
void Schema::add_string(const char* arg, const char* otherwise, const char* text) {
  args.push_back({arg, ArgType::kString, false, true, 0, otherwise, text});
}
void Schema::add_input(const char* port, Port::Kind kind, bool optional, bool variadic, const char* text) {
  inputs.push_back({port, kind, optional, variadic, text});
}
void Schema::add_output(const char* port, Port::Kind kind, bool optional, bool variadic, const char* text) {
  outputs.push_back({port, kind, optional, variadic, text});
}
void Schema::add_inplace(int input, int output, bool enforced) { inplace.push_back({input, output, enforced}); }

Status Schema::check(const OpDef& def) const {
  PF_TRY(check_count("inputs", def.input.size(), inputs));
  PF_TRY(check_count("outputs", def.output.size(), outputs));
  for (size_t i = 0; i < def.input.size(); ++i) {
    for (size_t j = 0; j < def.output.size(); ++j) {
      bool same = def.input[i] == def.output[j], allowed = any_inplace, enforced = false;
      for (auto& pair : inplace)
        if (size_t(pair.input) == i && size_t(pair.output) == j) allowed = true, enforced = pair.enforced;
      PF_CHECK(!same || allowed, argument, "input ", i, " and output ", j, " are the same blob \"", def.input[i],
               "\", which this operator does not support; give the output a name of its own");
      PF_CHECK(same || !enforced, argument, "works in place: output ", j, " must be input ", i, " (\"", def.input[i],
               "\"), found \"", def.output[j], "\"");
    }
  }
  for (size_t i = 0; i < def.arg.size(); ++i) {
    const Argument& a = def.arg[i];
    for (size_t k = 0; k < i; ++k)
      PF_CHECK(def.arg[k].name != a.name || def.arg[k] == a, argument, "argument \"", a.name,
               "\" is given twice with different values");
    const ArgSpec* spec = find_arg(a.name);  // unknown arguments are Caffe2's habit: engines and exporters add them
    PF_CHECK(!spec || suits(a, spec->type), argument, "argument \"", a.name,
             "\" does not have the right field: expected ", type_name(spec->type));
  }
  for (auto& spec : args)
    PF_CHECK(!spec.required || def.find(spec.name), argument, "argument \"", spec.name, "\" (", type_name(spec.type),
             ") is missing");
  return {};
}

float Args::f(std::string_view name) const {
  const Argument* a = def.find(name);
  if (a && a->has_f) return a->f;
  if (a && a->has_i) return float(a->i);
  const ArgSpec* spec = schema.find_arg(name);
  return spec ? float(spec->number) : 0;
}

int64_t Args::i(std::string_view name) const {
  const Argument* a = def.find(name);
  if (a && a->has_i) return a->i;
  if (a && a->has_f) return int64_t(a->f);
  const ArgSpec* spec = schema.find_arg(name);
  return spec ? int64_t(spec->number) : 0;
}

std::string_view Args::s(std::string_view name) const {
  const Argument* a = def.find(name);
  if (a && a->has_s) return a->s;
  const ArgSpec* spec = schema.find_arg(name);
  return (spec ? spec : &kNoSpec)->string;
}

std::vector<float> Args::floats(std::string_view name) const {
  const Argument* a = def.find(name);
  if (!a) return {};
  std::vector<float> all = a->floats;
  for (int64_t i : a->ints) all.push_back(float(i));
  return all;
}
const std::vector<int64_t>& Args::ints(std::string_view name) const {
  static const std::vector<int64_t> none;
  const Argument* a = def.find(name);
  return a ? a->ints : none;
}
const std::vector<std::string>& Args::strings(std::string_view name) const {
  static const std::vector<std::string> none;
  const Argument* a = def.find(name);
  return a ? a->strings : none;
}

Status Infer::want_dtype(int i, DType expected) const {
  const Port* port = args.schema.input_port(i);
  PF_CHECK(dtype(i) == expected, type, port ? port->name : "input", " (\"", args.def.input[size_t(i)], "\") must be ",
           expected, ", found ", dtype(i),
           expected == DType::kFloat || expected == DType::kInt32 ? "; Cast converts" : "");
  return {};
}

Status Infer::want_rank(int i, int rank) const {
  const Port* port = args.schema.input_port(i);
  PF_CHECK(shape(i).rank() == rank, shape, port ? port->name : "input", " (\"", args.def.input[size_t(i)],
           "\") must have ", rank, " dimensions; its shape is ", shape(i));
  return {};
}

Status Infer::want_same_shape(int i, int j) const {
  PF_CHECK(shape(i) == shape(j), shape, "\"", args.def.input[size_t(i)], "\" and \"", args.def.input[size_t(j)],
           "\" must have one shape; found ", shape(i), " and ", shape(j));
  return {};
}

Status same_as_first(Infer& in) {
  for (int j = 0; j < in.outputs(); ++j) in.set(j, in.shape(0), in.dtype(0));
  return {};
}

Status same_floats(Infer& in) {
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_TRY(in.want_same_shape(0, i));
  }
  return same_as_first(in);
}

Status no_tensor(Infer&) { return {}; }

const std::string& Gradient::GO(int i) {
  static const std::string none;
  if (has_GO(i) && !go_[size_t(i)].dense.empty()) return go_[size_t(i)].dense;
  if (status.ok())
    status = fail(Code::no_gradient, "needs the ", has_GO(i) ? "dense " : "", "gradient of its output ", i, " (\"",
                  size_t(i) < args.def.output.size() ? O(i) : none, "\"), which ",
                  has_GO(i) ? "is sparse" : "nothing provides");
  return none;
}

const std::string& Gradient::GI(int i) { return gi_[size_t(i)] = {I(i) + "_grad", {}, {}}, gi_[size_t(i)].dense; }
const std::string& Gradient::GI_I(int i) {
  return gi_[size_t(i)] = {{}, I(i) + "_grad_indices", I(i) + "_grad_values"}, gi_[size_t(i)].indices;
}
const std::string& Gradient::GI_V(int i) { return GI_I(i), gi_[size_t(i)].values; }

void Gradient::set_dense(int i, const std::string& name) { gi_[size_t(i)] = {name, {}, {}}; }
void Gradient::set_sparse(int i, const std::string& indices, const std::string& values) {
  gi_[size_t(i)] = {{}, indices, values};
}

std::vector<std::string> BlobNames::copy() const {
  if (all_) return *all_;
  std::vector<std::string> copies(count_);
  for (size_t i = 0; i < count_; ++i) copies[i] = *names_[i].text;
  return copies;
}

OpDef& Gradient::plain(std::string_view type, const BlobNames& in, const BlobNames& out) {
  ops.emplace_back();
  OpDef& d = ops.back();
  d.type = type, d.input = in.copy(), d.output = out.copy(), d.is_gradient_op = true;
  d.has_device_option = args.def.has_device_option, d.device_option = args.def.device_option,
  d.engine = args.def.engine;
  return d;
}

OpDef& Gradient::op(std::string_view type, const BlobNames& in, const BlobNames& out) {
  OpDef& d = plain(type, in, out);
  d.arg = args.def.arg;
  return d;
}

Status Gradient::refuse(std::string why) {
  if (status.ok()) status = Status(Code::no_gradient, std::move(why));
  return {};
}

}  // namespace pf
