// SPDX-License-Identifier: Apache-2.0
#include "core/user_op.h"

#include "core/op.h"

namespace pf {
namespace {

#if defined(__wasm__)
static_assert(sizeof(UserTensor) == 20 && sizeof(UserCall) == 20, "assembly/pf.ts reads these structs");

// One thread's share of an elementwise kernel is worth handing over from here on.
constexpr int64_t kGrain = 16384;

// A gradient operator's input: input, output or gradient of output `index` of the forward operator.
struct GradientInput {
  enum Kind : uint8_t { kInput, kOutput, kOutputGradient } kind;
  int index;
};

struct UserOperator {
  explicit UserOperator(const OpDef& def) : def(def) {}
  OpDef def;  // the texts its schema points to
  UserKernel kernel = nullptr, shape = nullptr;
  bool map = false, any_type = false;
  const char* gradient = nullptr;
  std::vector<GradientInput> gradient_inputs;
  const Schema* schema = nullptr;
};

// As long as the core itself: nets hold schemas.
std::vector<UserOperator*>& user_operators() {
  static auto* all = new std::vector<UserOperator*>;
  return *all;
}

const UserOperator& user_operator_of(const Schema& schema) {
  for (auto* op : user_operators())
    if (op->schema == &schema) return *op;
  __builtin_unreachable();
}

std::vector<double> values_of(const Args& args) {
  std::vector<double> values;
  for (auto& spec : args.schema.args)
    values.push_back(spec.type == ArgType::kInt ? double(args.i(spec.name)) : double(args.f(spec.name)));
  return values;
}

UserTensor describe(const Tensor& t) {
  return {const_cast<void*>(static_cast<const void*>(t.data<uint8_t>())), uint32_t(t.dtype()), uint32_t(t.rank()),
          uint32_t(t.size()), const_cast<int64_t*>(t.shape().begin())};
}

Status check_inputs(const Infer& infer, const UserOperator& op) {
  for (int i = 0; i < infer.inputs(); ++i) {
    if (!op.any_type) PF_TRY(infer.want_dtype(i, DType::kFloat));
    PF_CHECK(dtype_size(infer.dtype(i)), type, "a user operator takes no strings, input ", i, " has some");
    if (op.map && i > 0)
      PF_CHECK_EQ(infer.shape(0), infer.shape(i), shape, "an elementwise operator takes inputs of one shape");
  }
  return {};
}

Status infer_shape(Infer& infer) {
  const UserOperator& op = user_operator_of(infer.args.schema);
  PF_TRY(check_inputs(infer, op));
  if (!op.shape) {
    for (int j = 0; j < infer.outputs(); ++j) infer.set(j, infer.shape(0), infer.dtype(0));
    return {};
  }
  std::vector<Shape> shapes;
  std::vector<UserTensor> tensors;
  for (int i = 0; i < infer.inputs(); ++i) shapes.push_back(infer.shape(i));
  shapes.resize(size_t(infer.inputs() + infer.outputs()));
  for (size_t i = 0; i < shapes.size(); ++i) {
    const bool input = int(i) < infer.inputs();
    tensors.push_back({nullptr, uint32_t(input ? infer.dtype(int(i)) : DType::kFloat), uint32_t(shapes[i].rank()),
                       uint32_t(input ? shapes[i].size() : 0), &shapes[i][0]});
  }
  const std::vector<double> values = values_of(infer.args);
  const UserCall call{uint32_t(infer.inputs()), uint32_t(infer.outputs()), uint32_t(values.size()), tensors.data(),
                      values.data()};
  op.shape(&call, 0, 0);
  for (int j = 0; j < infer.outputs(); ++j) {
    const UserTensor& t = tensors[size_t(infer.inputs() + j)];
    PF_CHECK(t.rank <= Shape::kMaxRank, shape, "the shape function gave output ", j, " ", t.rank, " dimensions");
    PF_CHECK(dtype_size(DType(t.dtype)), type, "the shape function gave output ", j, " the unknown type ", t.dtype);
    for (uint32_t d = 0; d < t.rank; ++d)
      PF_CHECK(t.dims[d] >= 0, shape, "the shape function gave output ", j, " a dimension of ", t.dims[d]);
    infer.set(j, Shape(t.dims, t.dims + t.rank), DType(t.dtype));
  }
  return {};
}

struct UserKernelRun {
  explicit UserKernelRun(const Args& args) : op(user_operator_of(args.schema)), values(values_of(args)) {
    tensors.resize(args.def.input.size() + args.def.output.size());
  }

  Status run(OpRun& run) {
    const size_t inputs = size_t(run.inputs());
    for (size_t i = 0; i < tensors.size(); ++i)
      tensors[i] = describe(i < inputs ? run.in(int(i)) : run.out(int(i - inputs)));
    const UserCall call{uint32_t(inputs), uint32_t(run.outputs()), uint32_t(values.size()), tensors.data(),
                        values.data()};
    const int64_t n = run.outputs() ? run.out(0).size() : 0;
    PF_CHECK(n <= UINT32_MAX, shape, "a user operator works on at most 2^32 - 1 elements, found ", n);
    if (!op.map) {
      op.kernel(&call, 0, uint32_t(n));
      return {};
    }
    for (auto& t : tensors)
      PF_CHECK_EQ(int64_t(t.size), n, shape, "an elementwise operator works on tensors of one size");
    parallel_for(n, kGrain, [&](int64_t begin, int64_t end) { op.kernel(&call, uint32_t(begin), uint32_t(end)); });
    return {};
  }

  const UserOperator& op;
  std::vector<double> values;
  std::vector<UserTensor> tensors;
};

void make_gradient_of(Gradient& g) {
  const UserOperator& op = user_operator_of(g.args.schema);
  std::vector<std::string> in, out;
  for (auto& from : op.gradient_inputs) {
    const bool input = from.kind == GradientInput::kInput;
    if (from.index >= (input ? g.inputs() : g.outputs())) {
      (void)g.refuse(text(op.def.type, "'s gradient reads ", input ? "input " : "output ", from.index,
                          ", which this net does not have"));
      return;
    }
    in.push_back(input ? g.I(from.index) : from.kind == GradientInput::kOutput ? g.O(from.index) : g.GO(from.index));
  }
  for (int i = 0; i < g.inputs(); ++i) out.push_back(g.GI(i));
  g.op(op.gradient, in, out);
}

Status parse_gradient_input(const std::string& name, GradientInput* out) {
  const size_t digits = name.find_first_of("0123456789");
  const std::string kind = name.substr(0, digits);
  int index = 0;
  bool good = digits != std::string::npos && name.size() - digits <= 4;
  for (size_t i = digits; good && i < name.size(); ++i) {
    good = name[i] >= '0' && name[i] <= '9';
    index = index * 10 + (name[i] - '0');
  }
  good = good && (kind == "I" || kind == "O" || kind == "GO");
  PF_CHECK(good, argument, "pf.gradient_inputs names \"", name,
           "\"; it takes I0, I1, … (inputs), O0, … (outputs), GO0, … "
           "(gradients of outputs)");
  *out = {kind == "I"   ? GradientInput::kInput
          : kind == "O" ? GradientInput::kOutput
                        : GradientInput::kOutputGradient,
          index};
  return {};
}

int64_t integer(const OpDef& def, const char* name) {
  const Argument* a = def.find(name);
  return a ? a->i : 0;
}

Status read_options(UserOperator& op) {
  const OpDef& def = op.def;
  const int64_t kernel = integer(def, "pf.kernel"), shape = integer(def, "pf.shape");
  PF_CHECK(kernel > 0, argument, "pf.kernel must be an index of the function table, is ", kernel);
  op.kernel = reinterpret_cast<UserKernel>(uintptr_t(kernel));
  op.shape = reinterpret_cast<UserKernel>(uintptr_t(shape));
  op.map = integer(def, "pf.map") != 0;
  op.any_type = integer(def, "pf.any_type") != 0;
  if (const Argument* a = def.find("pf.gradient")) op.gradient = a->s.c_str();
  if (const Argument* a = def.find("pf.gradient_inputs")) {
    for (auto& name : a->strings) {
      op.gradient_inputs.emplace_back();
      PF_TRY(parse_gradient_input(name, &op.gradient_inputs.back()));
    }
  }
  PF_CHECK(!def.output.empty(), argument, "a user operator needs an output");
  PF_CHECK(op.shape || !def.input.empty(), argument, "a user operator without inputs needs a shape function");
  return {};
}

Status check_own_args(const OpDef& def) {
  for (auto& a : def.arg) {
    const bool own = a.name.compare(0, 3, "pf.") != 0;
    PF_CHECK(!own || a.has_f || a.has_i, argument, "argument \"", a.name, "\" needs a number as its default");
  }
  const Argument* pairs = def.find("pf.inplace");
  PF_CHECK(!pairs || pairs->ints.size() % 2 == 0, argument, "pf.inplace takes pairs of an input and an output");
  return {};
}

void fill(Schema& s, const UserOperator& op) {
  for (auto& a : op.def.arg) {
    if (a.name.compare(0, 3, "pf.") == 0) continue;
    const bool is_int = a.has_i && !a.has_f;
    s.args.push_back({a.name.c_str(), is_int ? ArgType::kInt : ArgType::kFloat, false, true,
                      is_int ? double(a.i) : double(a.f), "", ""});
  }
  for (auto& name : op.def.input) s.inputs.push_back({name.c_str(), Port::kTensor, false, false, ""});
  for (auto& name : op.def.output) s.outputs.push_back({name.c_str(), Port::kTensor, false, false, ""});
  if (const Argument* pairs = op.def.find("pf.inplace"))
    for (size_t i = 0; i + 1 < pairs->ints.size(); i += 2)
      s.inplace.push_back({int(pairs->ints[i]), int(pairs->ints[i + 1]), false});
  s.doc = "A user operator.";
  s.shape = infer_shape;
  s.gradient_kind = op.gradient ? Schema::kMaker : Schema::kNone;
  s.gradient = op.gradient ? make_gradient_of : nullptr;
  s.cpu = &KernelOf<UserKernelRun>::create;
}

#endif

}  // namespace

#if defined(__wasm__)

Status register_user_operator(const OpDef& declaration) {
  PF_CHECK(!declaration.type.empty(), argument, "a user operator needs a type name");
  PF_CHECK(!find_schema(declaration.type), exists, "there is an operator \"", declaration.type,
           "\" already; give the user operator another name");
  auto op = std::make_unique<UserOperator>(declaration);
  PF_TRY(read_options(*op).at("user operator ", declaration.type));
  PF_TRY(check_own_args(op->def).at("user operator ", declaration.type));
  Schema& schema = new_schema(op->def.type.c_str());
  fill(schema, *op);
  op->schema = &schema;
  user_operators().push_back(op.release());
  return {};
}

#else

Status register_user_operator(const OpDef& declaration) {
  return fail(Code::no_operator, "user operator ", declaration.type,
              ": user operators are WebAssembly and run in the "
              "WebAssembly core only; open the backend \"wasm\"");
}

#endif

}  // namespace pf
