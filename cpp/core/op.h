// SPDX-License-Identifier: Apache-2.0
// All that a file in cpp/ops includes: tensors, checks, the declaration PF_OP and the device with its verbs.
#pragma once
#include "core/blob.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/schema.h"
#include "core/scope.h"

namespace pf {

// What a kernel sees while it runs. Outputs whose shapes were inferred are already there, allocated.
class OpRun {
 public:
  OpRun(const Args& args, Blob* const* in, int inputs, Blob* const* out, int outputs, const TensorType* in_types,
        Scratch& scratch, Random& random)
      : args(args),
        random(random),
        in_(in),
        out_(out),
        in_types_(in_types),
        scratch_(scratch),
        inputs_(inputs),
        outputs_(outputs) {}

  const Args& args;
  Random& random;
  Accelerator* accelerator = nullptr;  // where this kernel runs, if that is not the CPU
  void* stream = nullptr;              // the CUDA stream, on CUDA

  int inputs() const { return inputs_; }
  int outputs() const { return outputs_; }
  const Tensor& in(int i) const { return in_[i]->tensor; }
  Tensor& out(int j) const { return out_[j]->tensor; }
  Blob& in_blob(int i) const { return *in_[i]; }
  Blob& out_blob(int j) const { return *out_[j]; }
  bool in_place(int i, int j) const { return in_[i] == out_[j]; }
  // Leaves the contents of input i to what keeps them in an order of the kernel's own (Tensor::leave_to); answers the
  // memory that they were in, or null if they stay. They are not brought back for this operator, whose kernel says so
  // when it needs them again.
  std::shared_ptr<Memory> leave(int i, const std::shared_ptr<Reordered>& kept) const {
    return in_[i]->tensor.leave_to(kept, in_);
  }
  // The shape input i had before the outputs were prepared: an in-place Reshape has changed the tensor's own.
  const Shape& in_shape(int i) const { return in_types_[i].shape; }

  // For outputs the shape function could not tell.
  Status resize(int j, const Shape& shape, DType dtype) { return out(j).resize(shape, dtype); }
  // Uninitialised memory, valid until this run of this operator ends; several calls give several blocks.
  template <class T>
  Status scratch(int64_t count, T** out) {
    void* bytes = nullptr;
    PF_TRY(scratch_.get(count, sizeof(T), &bytes));
    *out = static_cast<T*>(bytes);
    return {};
  }

 private:
  Blob* const* in_;
  Blob* const* out_;
  const TensorType* in_types_;
  Scratch& scratch_;
  int inputs_, outputs_;
};

// A kernel struct as a Kernel, in layers: one that has nothing to override shares Kernel's own function, so that a
// build has few of them.
template <class K>
class Held : public Kernel {
 public:
  explicit Held(const Args& args) : kernel_(make(args)) {}

 protected:
  K kernel_;

 private:
  static K make(const Args& args) {
    if constexpr (std::is_constructible_v<K, const Args&>)
      return K(args);
    else
      return (void)args, K();
  }
};

template <class K>
concept AbsorbsFirst = requires(K k, const Args& next) { k.absorb(next, 0); };
template <class K>
concept AbsorbsAny = requires(K k, const Args& next) { k.absorb(next, 0, 0); };
template <class K>
concept AbsorbsBefore = requires(K k, const Args& before) { k.absorb_before(before, 0, false, 0); };

template <class K>
class Absorbing : public Held<K> {
  using Held<K>::Held;
};
template <class K>
  requires AbsorbsFirst<K> || AbsorbsAny<K>
class Absorbing<K> : public Held<K> {
 public:
  using Held<K>::Held;
  bool absorb(const Args& next, int position, int first_input) override {
    if constexpr (AbsorbsAny<K>)
      return this->kernel_.absorb(next, position, first_input);
    else
      return position == 0 && this->kernel_.absorb(next, first_input);
  }
  bool spreads() const override {
    if constexpr (requires { this->kernel_.spreads(); }) return this->kernel_.spreads();
    return false;
  }
};

template <class K>
class AbsorbingBefore : public Absorbing<K> {
  using Absorbing<K>::Absorbing;
};
template <class K>
  requires AbsorbsBefore<K>
class AbsorbingBefore<K> : public Absorbing<K> {
 public:
  using Absorbing<K>::Absorbing;
  bool absorb_before(const Args& before, int mask, bool mask_is_bias, int kept) override {
    return this->kernel_.absorb_before(before, mask, mask_is_bias, kept);
  }
};

// Wraps a kernel struct: constructed from Args (or nothing), `Status run(OpRun&)`, optionally `absorb` (and then
// `spreads`), and `Status bind(Scope&)` where it runs nets (core/scope.h).
template <class K>
class KernelOf final : public AbsorbingBefore<K> {
 public:
  using AbsorbingBefore<K>::AbsorbingBefore;
  Status run(OpRun& op) override { return this->kernel_.run(op); }
#ifndef __wasm__
  DeviceTraits on_device() const override {
    DeviceTraits traits;
    if constexpr (requires { K::kPicksForms; }) traits.picks_forms = K::kPicksForms;
    if constexpr (requires { K::kTakesObjects; }) traits.takes_objects = K::kTakesObjects;
    if constexpr (requires { K::kFloatsOnly; }) traits.floats_only = K::kFloatsOnly;
    return traits;
  }
#endif
  static std::unique_ptr<Kernel> create(const Args& args) { return std::unique_ptr<Kernel>(new KernelOf(args)); }
  static Status bind(Kernel& kernel, Scope& scope) { return static_cast<KernelOf&>(kernel).kernel_.bind(scope); }
};

#ifdef PF_DOCS
inline constexpr bool kDocs = true;
#else
inline constexpr bool kDocs = false;  // the WebAssembly builds carry no prose
#endif

// Inlined even where code is built small, so that prose nobody uses is left out.
#define PF_WITHOUT_PROSE [[gnu::always_inline]]

// The fluent declaration of an operator. On the CUDA pass only the kernels are entered.
template <class Device>
class OpBuilder {
 public:
  OpBuilder(const char* name, const char* file) : s_(new_schema(name)) {
    if (kHost && kDocs) s_.file = file;
  }
  PF_WITHOUT_PROSE OpBuilder& doc(const char* text) { return kHost && kDocs ? (s_.doc = text, *this) : *this; }

  // Arguments: with a default of the argument's own type; optional_arg: absent means something of its own;
  // required_arg: a net without it is refused.
  PF_WITHOUT_PROSE OpBuilder& arg(const char* name, float otherwise, const char* doc) {
    return number(name, ArgType::kFloat, otherwise, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& arg(const char* name, double otherwise, const char* doc) {
    return number(name, ArgType::kFloat, otherwise, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& arg(const char* name, int otherwise, const char* doc) {
    return number(name, ArgType::kInt, otherwise, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& arg(const char* name, bool otherwise, const char* doc) {
    return number(name, ArgType::kBool, otherwise, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& arg(const char* name, const char* otherwise, const char* doc) {
    return kHost ? (s_.add_string(name, otherwise, kDocs ? doc : ""), *this) : *this;
  }
  PF_WITHOUT_PROSE OpBuilder& optional_arg(const char* name, ArgType type, const char* doc) {
    return argument(name, type, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& required_arg(const char* name, ArgType type, const char* doc) {
    return argument(name, type, true, doc);
  }

  PF_WITHOUT_PROSE OpBuilder& input(const char* name, const char* doc) {
    return in(name, Port::kTensor, false, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& optional_input(const char* name, const char* doc) {
    return in(name, Port::kTensor, true, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& variadic_input(const char* name, const char* doc) {
    return in(name, Port::kTensor, false, true, doc);
  }  // one or more
  PF_WITHOUT_PROSE OpBuilder& object_input(const char* name, const char* doc) {
    return in(name, Port::kObject, false, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& any_inputs(const char* name, const char* doc) {
    return in(name, Port::kAny, true, true, doc);
  }  // whatever blobs, or none
  PF_WITHOUT_PROSE OpBuilder& optional_any_input(const char* name, const char* doc) {
    return in(name, Port::kAny, true, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& any_outputs(const char* name, const char* doc) {
    return out(name, Port::kAny, true, true, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& output(const char* name, const char* doc) {
    return out(name, Port::kTensor, false, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& optional_output(const char* name, const char* doc) {
    return out(name, Port::kTensor, true, false, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& variadic_output(const char* name, const char* doc) {
    return out(name, Port::kTensor, false, true, doc);
  }
  PF_WITHOUT_PROSE OpBuilder& object_output(const char* name, const char* doc) {
    return out(name, Port::kObject, false, false, doc);
  }

  OpBuilder& inplace(int input, int output) { return kHost ? (s_.add_inplace(input, output, false), *this) : *this; }
  OpBuilder& must_inplace(int input, int output) {
    return kHost ? (s_.add_inplace(input, output, true), *this) : *this;
  }
  OpBuilder& any_inplace() { return kHost ? (s_.any_inplace = true, *this) : *this; }

  // Images may be channels last in a plan.
  OpBuilder& images(Images images) { return kHost ? (s_.images = images, *this) : *this; }

  OpBuilder& shape(ShapeFn f) { return kHost ? (s_.shape = f, *this) : *this; }
  // The kernel resizes its outputs itself, because `why`.
  OpBuilder& shape_unknown(const char* why) { return kHost ? (s_.shape_unknown = why, *this) : *this; }

  OpBuilder& grad(GradientFn f) { return kHost ? (s_.gradient = f, s_.gradient_kind = Schema::kMaker, *this) : *this; }
  OpBuilder& no_grad() { return kHost ? (s_.gradient_kind = Schema::kNone, *this) : *this; }  // silently absent
  OpBuilder& refuse_grad(const char* why) {
    return kHost ? (s_.gradient_refusal = why, s_.gradient_kind = Schema::kRefused, *this) : *this;
  }

  // What several operators of a family share: f adds to this declaration.
  template <class F>
  OpBuilder& with(F f) {
    return f(*this), *this;
  }

  // template <class Device> struct K: a kernel written over the device's verbs, entered for each device compiled.
  template <template <class> class K>
  OpBuilder& kernel() {
    if (kHost)
      s_.cpu = &KernelOf<K<Device>>::create;
    else if (!s_.cuda)  // one of a .cu file comes first
      s_.cuda = &KernelOf<K<Device>>::create;
    return *this;
  }
  // struct K: a kernel for the CPU alone; CUDA falls back to it through the host.
  template <class K>
  OpBuilder& cpu() {
    if constexpr (kHost) s_.cpu = &KernelOf<K>::create;
    if constexpr (kHost && requires(K& k, Scope& scope) { k.bind(scope); }) s_.bind = &KernelOf<K>::bind;
    return *this;
  }

 private:
  static constexpr bool kHost = Device::kIsHost;
  PF_WITHOUT_PROSE OpBuilder& number(const char* name, ArgType type, double otherwise, const char* doc) {
    return kHost ? (s_.add_number(name, type, otherwise, kDocs ? doc : ""), *this) : *this;
  }
  PF_WITHOUT_PROSE OpBuilder& argument(const char* name, ArgType type, bool required, const char* doc) {
    return kHost ? (s_.add_arg(name, type, required, kDocs ? doc : ""), *this) : *this;
  }
  PF_WITHOUT_PROSE OpBuilder& in(const char* name, Port::Kind kind, bool optional, bool variadic, const char* doc) {
    return kHost ? (s_.add_input(name, kind, optional, variadic, kDocs ? doc : ""), *this) : *this;
  }
  PF_WITHOUT_PROSE OpBuilder& out(const char* name, Port::Kind kind, bool optional, bool variadic, const char* doc) {
    return kHost ? (s_.add_output(name, kind, optional, variadic, kDocs ? doc : ""), *this) : *this;
  }
  Schema& s_;
};

// Shape functions shared by many operators.
Status same_as_first(Infer& in);  // every output: shape and type of input 0
Status same_floats(Infer& in);    // all inputs are float and of one shape; so is every output
Status no_tensor(Infer& in);      // the outputs are objects

}  // namespace pf

#include "device/device.h"

#define PF_OP(name) [[maybe_unused]] static const auto& pf_op_##name = ::pf::OpBuilder<::pf::Device>(#name, __FILE__)
