// SPDX-License-Identifier: Apache-2.0
// Caffe2's operators of NCCL: one operator has a tensor of each GPU of its process. A workspace here lies on one
// device, and so do the tensors: they are summed and gathered by a kernel. What several GPUs do together is in
// replicas.cc. build: loops
#include "core/op.h"
#include "device/half.h"
#include "math/half.h"

namespace pf {
namespace {

constexpr int kMostTensors = 16;  // Caffe2's most GPUs

PF_FN float number(float x) { return x; }
PF_FN float number(Half x) {
#ifdef __CUDA_ARCH__
  return half_on_device(x.bits);
#else
  return half_to_float(x.bits);
#endif
}

PF_FN void put(float* to, float x) { *to = x; }
PF_FN void put(Half* to, float x) {
#ifdef __CUDA_ARCH__
  to->bits = half_bits_on_device(x);
#else
  to->bits = float_to_half(x);
#endif
}

// y[j][i] = x[0][j * step + i] + x[1][j * step + i] + …, in this order. With a step of 0 all outputs are that sum, and
// may be the inputs: elements are read before those of their place are written.
template <class T>
struct Sums {
  const T* x[kMostTensors];
  T* y[kMostTensors];
  int inputs, outputs;
  int64_t step;

  PF_FN float sum(int64_t i) const {
    float s = number(x[0][i]);
    for (int k = 1; k < inputs; ++k) s += number(x[k][i]);
    return s;
  }
  PF_FN void operator()(int64_t i) const {
    float s = sum(i);
    for (int j = 0; j < outputs; ++j) {
      if (step && j) s = sum(j * step + i);
      put(y[j] + i, s);
    }
  }
};

template <class Device, class T>
void sum_into_outputs(OpRun& op, int64_t step) {
  Sums<T> sums;
  sums.inputs = op.inputs(), sums.outputs = op.outputs(), sums.step = step;
  for (int i = 0; i < op.inputs(); ++i) sums.x[i] = op.in(i).template data<T>();
  for (int j = 0; j < op.outputs(); ++j) sums.y[j] = op.out(j).template data<T>();
  Device::each(op, op.out(0).size(), sums);
}

template <class Device>
void sum_any(OpRun& op, int64_t step) {
  op.in(0).dtype() == DType::kFloat ? sum_into_outputs<Device, float>(op, step)
                                    : sum_into_outputs<Device, Half>(op, step);
}

template <class Device>
struct Allreduce {
  Status run(OpRun& op) {
    sum_any<Device>(op, 0);
    return {};
  }
};

template <class Device>
struct ReduceScatter {
  Status run(OpRun& op) {
    sum_any<Device>(op, op.out(0).size());
    return {};
  }
};

template <class Device>
struct Broadcast {
  int root;
  explicit Broadcast(const Args& args) : root(int(args.i("root"))) {}
  Status run(OpRun& op) {
    const Tensor& x = op.in(root);
    for (int j = 0; j < op.outputs(); ++j)
      Device::copy(op, x.byte_size(), op.out(j).template data<uint8_t>(), x.template data<uint8_t>());
    return {};
  }
};

template <class Device>
struct AllGather {
  Status run(OpRun& op) {
    const size_t part = op.in(0).byte_size();
    for (int j = 0; j < op.outputs(); ++j)
      for (int i = 0; i < op.inputs(); ++i)
        Device::copy(op, part, op.out(j).template data<uint8_t>() + size_t(i) * part,
                     op.in(i).template data<uint8_t>());
    return {};
  }
};

Status want_alike(Infer& in) {
  PF_CHECK(in.inputs() <= kMostTensors, argument, "takes at most ", kMostTensors, " tensors, found ", in.inputs());
  const DType t = in.dtype(0);
  PF_CHECK(t == DType::kFloat || t == DType::kFloat16, type, "the tensors must be float32 or float16, are ", t,
           "; Cast converts");
  for (int i = 1; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, t));
    PF_TRY(in.want_same_shape(0, i));
  }
  return {};
}

Status want_as_many(Infer& in) {
  PF_CHECK(in.outputs() == in.inputs(), argument, "has an output for each tensor: ", in.inputs(), " inputs, ",
           in.outputs(), " outputs");
  return want_alike(in);
}

Status want_root(Infer& in) {
  const int64_t root = in.args.i("root");
  PF_CHECK(root >= 0 && root < in.inputs(), argument, "root is ", root, ", expected 0 to ", in.inputs() - 1);
  return {};
}

Status sums_everywhere(Infer& in) {
  PF_TRY(want_as_many(in));
  return same_as_first(in);
}

Status root_everywhere(Infer& in) {
  PF_TRY(want_as_many(in));
  PF_TRY(want_root(in));
  const OpDef& def = in.args.def;
  for (size_t j = 0; j < def.output.size(); ++j)
    PF_CHECK(def.output[j] == def.input[j], argument, "works in place: output ", j, " must be \"", def.input[j],
             "\", is \"", def.output[j], "\"");
  return same_as_first(in);
}

Status one_sum(Infer& in) {
  PF_TRY(want_alike(in));
  PF_TRY(want_root(in));
  return same_as_first(in);
}

Status all_of_all(Infer& in) {
  PF_TRY(want_as_many(in));
  Shape whole{in.inputs()};
  for (int64_t d : in.shape(0)) whole.push_back(d);
  for (int j = 0; j < in.outputs(); ++j) in.set(j, whole, in.dtype(0));
  return {};
}

Status part_for_each(Infer& in) {
  PF_TRY(want_as_many(in));
  const Shape& whole = in.shape(0);
  PF_CHECK(whole.rank() > 0 && whole[0] == in.inputs(), shape, "the first dimension must be the number of tensors, ",
           in.inputs(), "; their shape is ", whole);
  for (int j = 0; j < in.outputs(); ++j) in.set(j, Shape(whole.begin() + 1, whole.end()), in.dtype(0));
  return {};
}

constexpr const char* kAsCaffe2 = "Caffe2 defines none";
constexpr auto kTensors = [](auto& op) {
  op.variadic_input("X", "1 to 16 tensors, float or float16, of one shape.").refuse_grad(kAsCaffe2);
};

PF_OP(NCCLAllreduce)
    .doc("Each output is the sum of all inputs. Halves are summed as floats and rounded once.")
    .with(kTensors)
    .variadic_output("Y", "As many as inputs, shape of X; may be the inputs.")
    .any_inplace()
    .shape(sums_everywhere)
    .kernel<Allreduce>();

PF_OP(NCCLBroadcast)
    .doc("Gives all the elements of one.")
    .arg("root", 0, "Which one.")
    .with(kTensors)
    .variadic_output("Y", "The same blobs, in their order.")
    .any_inplace()
    .shape(root_everywhere)
    .kernel<Broadcast>();

PF_OP(NCCLReduce)
    .doc("The sum of all inputs, as NCCLAllreduce makes it.")
    .arg("root", 0, "In Caffe2 the GPU that gets it; the result is the same for each.")
    .with(kTensors)
    .output("Y", "Shape of X; may be one of the inputs.")
    .any_inplace()
    .shape(one_sum)
    .kernel<Allreduce>();

PF_OP(NCCLAllGather)
    .doc("Each output is all inputs, one after the other.")
    .with(kTensors)
    .variadic_output("Y", "As many as inputs: [number of inputs, shape of X].")
    .shape(all_of_all)
    .kernel<AllGather>();

PF_OP(NCCLReduceScatter)
    .doc("Output j is row j of the sum of all inputs.")
    .with(kTensors)
    .variadic_output("Y", "As many as inputs: the shape of X without its first dimension, which must be their number.")
    .shape(part_for_each)
    .kernel<ReduceScatter>();

}  // namespace
}  // namespace pf
