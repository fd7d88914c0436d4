// SPDX-License-Identifier: Apache-2.0
// What is known of an operator type: doc, arguments, inputs, outputs, in-place pairs, shape function, gradient
// maker and kernels. One declaration per operator fills it (see PF_OP in core/op.h); nothing else repeats it.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/op_def.h"
#include "core/tensor.h"

namespace pf {

class OpRun;
class Scope;
struct Schema;

enum class ArgType : uint8_t {
  kFloat,
  kInt,
  kBool,
  kString,
  kFloats,
  kInts,
  kStrings,
  kNet,
  kValue
};  // kValue: a number or a string

struct ArgSpec {
  const char* name;
  ArgType type;
  bool required;     // the net must give it
  bool has_default;  // `number` or `string` holds when it is absent
  double number;
  const char* string;
  const char* doc;
};

struct Port {
  enum Kind : uint8_t {
    kTensor,
    kObject,
    kAny
  };  // an object is a mutex, a counter, a reader, …; kAny: even nothing yet
  const char* name;
  Kind kind;
  bool optional, variadic;  // variadic: any number from here on
  const char* doc;
};

// The arguments of one operator: the net's values, else the schema's defaults. Types were checked at creation.
class Args {
 public:
  Args(const OpDef& def, const Schema& schema) : def(def), schema(schema) {}
  bool has(std::string_view name) const { return def.find(name) != nullptr; }  // given by the net itself
  float f(std::string_view name) const;
  int64_t i(std::string_view name) const;
  bool b(std::string_view name) const { return i(name) != 0; }
  std::string_view s(std::string_view name) const;
  std::vector<float> floats(std::string_view name) const;  // a copy: whole numbers may have been sent as integers
  const std::vector<int64_t>& ints(std::string_view name) const;
  const std::vector<std::string>& strings(std::string_view name) const;

  const OpDef& def;
  const Schema& schema;
};

// What a shape function sees: the types of the inputs (all known), and where to put those of the outputs.
// It is the door of the operator: whatever it lets pass, the kernel can run.
class Infer {
 public:
  Infer(const Args& args, const TensorType* in, int inputs, const Tensor* const* values, TensorType* out, int outputs)
      : args(args), in_(in), values_(values), out_(out), inputs_(inputs), outputs_(outputs) {}

  const Args& args;
  int inputs() const { return inputs_; }
  int outputs() const { return outputs_; }
  const Shape& shape(int i) const { return in_[i].shape; }
  DType dtype(int i) const { return in_[i].dtype; }

  // The contents of input i, or null while planning; then the function returns unknown().
  const Tensor* value(int i) {
    reads_values = true;
    return values_ && values_[i] && values_[i]->bring(nullptr).ok() ? values_[i] : nullptr;
  }
  Status unknown() { return {}; }  // outputs not set stay unknown

  // Sets output j; outputs the net does not ask for are ignored.
  void set(int j, const Shape& shape, DType dtype) {
    if (j < outputs_) out_[j] = {shape, dtype, true};
  }
  // Checks with the usual sentences. `i` is an input's index.
  Status want_dtype(int i, DType expected) const;
  Status want_rank(int i, int rank) const;
  Status want_same_shape(int i, int j) const;

  bool reads_values = false;  // the result depends on contents, not only on types

 private:
  const TensorType* in_;
  const Tensor* const* values_;
  TensorType* out_;
  int inputs_, outputs_;
};
using ShapeFn = Status (*)(Infer&);

// Names of blobs as a gradient maker writes them: {g.O(0), g.GO(0)}, or a vector put together before. Only good as a
// parameter: it points to the names.
class BlobNames {
 public:
  struct Name {
    Name(const std::string& s) : text(&s) {}
    const std::string* text;
  };
  BlobNames(std::initializer_list<Name> names) { names_ = names.begin(), count_ = names.size(); }
  BlobNames(const std::vector<std::string>& all) : all_(&all) {}
  std::vector<std::string> copy() const;

 private:
  const Name* names_ = nullptr;
  size_t count_ = 0;
  const std::vector<std::string>* all_ = nullptr;
};

// What a gradient maker sees. The names I, O, GO, GI are Caffe2's.
class Gradient {
 public:
  struct Name {  // a dense gradient, a sparse one (rows `values` at `indices`), or none (all empty)
    std::string dense, indices, values;
    bool empty() const { return dense.empty() && values.empty(); }
  };
  Gradient(const Args& args, std::vector<Name> outputs)
      : args(args), go_(std::move(outputs)), gi_(args.def.input.size()) {}

  const Args& args;
  int inputs() const { return int(args.def.input.size()); }
  int outputs() const { return int(args.def.output.size()); }
  const std::string& I(int i) const { return args.def.input[size_t(i)]; }
  const std::string& O(int i) const { return args.def.output[size_t(i)]; }
  bool has_GO(int i) const { return size_t(i) < go_.size() && !go_[size_t(i)].empty(); }
  // The dense gradient of output i. Asking for one that does not exist fails the maker.
  const std::string& GO(int i);
  const std::vector<Name>& outputs_given() const { return go_; }
  // Names the gradient of input i "<blob>_grad" and says that there is one.
  const std::string& GI(int i);
  void set_dense(int i, const std::string& name);
  // Names the gradient of input i as rows: GI_I(i) "<blob>_grad_indices", GI_V(i) "<blob>_grad_values".
  const std::string& GI_I(int i);
  const std::string& GI_V(int i);
  void set_sparse(int i, const std::string& indices, const std::string& values);

  // Adds an operator that carries over the forward operator's arguments; plain() adds one without.
  OpDef& op(std::string_view type, const BlobNames& in, const BlobNames& out);
  OpDef& plain(std::string_view type, const BlobNames& in, const BlobNames& out);
  Status refuse(std::string why);

  std::vector<OpDef> ops;
  Status status;
  const std::vector<Name>& inputs_made() const { return gi_; }

 private:
  std::vector<Name> go_, gi_;
};
using GradientFn = void (*)(Gradient&);

struct DeviceTraits {
  bool picks_forms = false;    // asks for inputs and outputs in the form it likes (device/forms.h); else they lie plain
  bool takes_objects = false;  // knows what to do with objects among its inputs, which live on the host
  bool floats_only = false;    // knows float32 only; inputs of other types go to the CPU's kernel
};

// The code of one operator on one device. Created once per operator of a net, run many times.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual Status run(OpRun& op) = 0;
  // Planning for inference: may this kernel do the work of `next`, which alone reads its output, as well?
  // If so it gets next's other inputs appended to its own (the first at index `first_input`) and next's output. Its own
  // output is input number `position` of next.
  virtual bool absorb(const Args& next, int position, int first_input) {
    return (void)next, (void)position, (void)first_input, false;
  }
  // The same backwards: may this kernel, whose gradient input is the output of `before`, do the work of `before` as
  // well? It then reads before's own gradient in its place, and as input `mask` the output or, if `mask_is_bias`, the
  // bias of the forward operator; what `before` gave is written as output `kept`, unless that is -1.
  virtual bool absorb_before(const Args& before, int mask, bool mask_is_bias, int kept) {
    return (void)before, (void)mask, (void)mask_is_bias, (void)kept, false;
  }
  // Whether it can write an output whose rows lie apart (Tensor::pitch).
  virtual bool spreads() const { return false; }
  // What a kernel for an accelerator says of itself.
#ifdef __wasm__  // there are none: no kernel has such a function in its table
  DeviceTraits on_device() const { return {}; }
#else
  virtual DeviceTraits on_device() const { return {}; }
#endif
};
using KernelFactory = std::unique_ptr<Kernel> (*)(const Args&);
// For kernels that run nets, once, before the first run: see core/scope.h.
using KernelBinding = Status (*)(Kernel&, Scope&);

// What becomes of an operator when a plan keeps images channels last, see net/layout.h.
enum class Images : uint8_t {
  kFirst,        // it needs them channels first
  kElementwise,  // runs in any order that all its inputs have
  kOrder,        // input 0 and the outputs are images in the order of its argument `order`
  kConv,         // so are those of a convolution, the reason for it all
  kAxis,         // inputs and output 0 are images, `axis` counts their dimensions
};

// Says to a convolution whose images the planner keeps channels last: the filter still lies as NCHW has it.
inline constexpr const char kFilterFirst[] = "pf.filter_first";

struct InPlace {
  int input, output;
  bool enforced;
};

struct Schema {
  enum GradientKind : uint8_t { kUndeclared, kMaker, kNone, kRefused };

  const char* name = "";
  const char* doc = "";
  const char* file = "";
  std::vector<ArgSpec> args;
  std::vector<Port> inputs, outputs;
  std::vector<InPlace> inplace;
  bool any_inplace = false;  // every output may be any input (Caffe2's AllowInplace of all)
  Images images = Images::kFirst;
  ShapeFn shape = nullptr;
  const char* shape_unknown = nullptr;  // why the shapes cannot be told before the run
  GradientKind gradient_kind = kUndeclared;
  GradientFn gradient = nullptr;
  const char* gradient_refusal = nullptr;
  KernelFactory cpu = nullptr, cuda = nullptr;
  KernelBinding bind = nullptr;

  // What a declaration adds, out of line: it runs once.
  void add_arg(const char* name, ArgType type, bool required, const char* doc);
  void add_number(const char* name, ArgType type, double otherwise, const char* doc);
  void add_string(const char* name, const char* otherwise, const char* doc);
  void add_input(const char* name, Port::Kind kind, bool optional, bool variadic, const char* doc);
  void add_output(const char* name, Port::Kind kind, bool optional, bool variadic, const char* doc);
  void add_inplace(int input, int output, bool enforced);

  const ArgSpec* find_arg(std::string_view name) const;
  const Port* input_port(int i) const;
  const Port* output_port(int j) const;
  // Counts, in-place pairs, argument names and types of one OperatorDef against this schema.
  Status check(const OpDef& def) const;
};

// The registry. Declarations enter themselves before main; user operators at run time.
Schema& new_schema(const char* name);
const Schema* find_schema(std::string_view type);
const std::vector<Schema*>& all_schemas();  // sorted by name
std::string schemas_json();
// The registered names nearest to `type`, for "did you mean"; empty when nothing is near.
std::string suggestion(std::string_view type);
// Whether other builds have more operators than this one. What a message then says of one that is not there:
bool is_base_build();
inline constexpr const char kNotInBase[] = "not in this base build; open the backend with operators: 'all'";

}  // namespace pf
