// SPDX-License-Identifier: Apache-2.0
// Operators whose output is their input: what differs is where it lies and what becomes of the gradient.
#include "math/copy.h"

namespace pf {
namespace {

// Shares the memory, except where a planned net has laid blobs over one another.
struct Alias {
  Status run(OpRun& op) {
    if (op.in_blob(0).shared_in || op.out_blob(0).shared_in)
      copy_elements<Device>(op, op.in(0), op.out(0));
    else
      op.out(0).share(op.in(0));
    return {};
  }
};

void pass_gradient(Gradient& g) { g.set_dense(0, g.GO(0)); }

void dense_gradient(Gradient& g) {
  const std::vector<Gradient::Name>& given = g.outputs_given();
  if (!given.empty() && !given[0].values.empty())
    g.op("SparseToDense", {given[0].indices, given[0].values, g.I(0)}, {g.GI(0)});
  else
    pass_gradient(g);
}

constexpr auto kPorts = [](auto& op) {
  op.input("X", "Any type and shape.").output("Y", "Type, shape and elements of X.").shape(same_as_first);
};

PF_OP(Copy)
    .images(Images::kElementwise)
    .doc("A copy of X.")
    .with(kPorts)
    .grad([](Gradient& g) { g.op("CopyOnDeviceLike", {g.GO(0), g.I(0)}, {g.GI(0)}); })
    .kernel<CopyElements>();

PF_OP(CopyFromCPUInput)
    .doc("A copy of X, which lies in the CPU's memory, on the operator's device.")
    .with(kPorts)
    .refuse_grad("Caffe2 defines none; use Copy")
    .kernel<CopyElements>();

PF_OP(EnsureCPUOutput)
    .doc("A copy of X in the CPU's memory.")
    .with(kPorts)
    .refuse_grad("Caffe2 defines none; use Copy")
    .kernel<CopyElements>();

PF_OP(CopyOnDeviceLike)
    .doc("A copy of X on the device where Like lies.")
    .input("X", "Any type and shape.")
    .input("Like", "Names the device.")
    .output("Y", "Type, shape and elements of X.")
    .shape(same_as_first)
    .refuse_grad("Caffe2 defines none; use Copy")
    .kernel<CopyElements>();

PF_OP(Alias)
    .doc("Y shares the memory of X: what is written into one appears in the other.")
    .with(kPorts)
    .grad(pass_gradient)
    .cpu<Alias>();

PF_OP(StopGradient)
    .doc("X itself; no gradient flows back through it.")
    .with(kPorts)
    .inplace(0, 0)
    .no_grad()
    .kernel<CopyElements>();

PF_OP(EnsureDense)
    .doc("X itself; a sparse gradient of Y becomes a dense one of X.")
    .with(kPorts)
    .inplace(0, 0)
    .grad(dense_gradient)
    .kernel<CopyElements>();

PF_OP(NegateGradient)
    .doc("X itself; the gradient changes its sign on the way back.")
    .with(kPorts)
    .inplace(0, 0)
    .grad([](Gradient& g) { g.op("Negative", {g.GO(0)}, {g.GI(0)}); })
    .kernel<CopyElements>();

struct Nothing {
  Status run(OpRun&) { return {}; }
};

PF_OP(ZeroGradient)
    .doc("Does nothing; gives X a gradient of zeros where nothing else would.")
    .input("X", "Any type and shape.")
    .shape(no_tensor)
    .grad([](Gradient& g) { g.op("ConstantFill", {g.I(0)}, {g.GI(0)}).set("value", 0.f); })
    .cpu<Nothing>();

}  // namespace
}  // namespace pf
