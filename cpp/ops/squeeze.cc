// SPDX-License-Identifier: Apache-2.0
// Squeeze drops dimensions of 1, ExpandDims puts them in; each is the other's gradient.
#include "math/copy.h"

namespace pf {
namespace {

// One bit a dimension: a repeated number counts once.
Status named(const Infer& in, uint64_t* bits) {
  const std::vector<int64_t>& dims = in.args.ints("dims");
  PF_CHECK(!dims.empty(), argument, "dims must name a dimension or more");
  for (int64_t d : dims) {
    PF_CHECK(d >= 0 && d < 2 * Shape::kMaxRank, argument, "dims must lie in 0 .. ", 2 * Shape::kMaxRank - 1, ", found ",
             d);
    *bits |= uint64_t(1) << d;
  }
  return {};
}

Status squeeze_shape(Infer& in) {
  const Shape& x = in.shape(0);
  uint64_t dims = 0;
  PF_TRY(named(in, &dims));
  PF_CHECK(!(dims >> x.rank()), shape, "dims name a dimension that X does not have; its shape is ", x);
  Shape y;
  for (int i = 0; i < x.rank(); ++i) {
    if (!(dims >> i & 1))
      y.push_back(x[i]);
    else
      PF_CHECK(x[i] == 1, shape, "dimension ", i, " of X must be 1 to be dropped; the shape of X is ", x);
  }
  in.set(0, y, in.dtype(0));
  return {};
}

Status expand_shape(Infer& in) {
  const Shape& x = in.shape(0);
  uint64_t dims = 0;
  PF_TRY(named(in, &dims));
  const int rank = x.rank() + __builtin_popcountll(dims);
  PF_CHECK(rank <= Shape::kMaxRank, shape, "a tensor has at most ", Shape::kMaxRank, " dimensions");
  PF_CHECK(!(dims >> rank), shape, "dims name a dimension that the result would not have: X is ", x, ", Y has ", rank,
           " dimensions");
  Shape y;
  for (int i = 0, from = 0; i < rank; ++i) y.push_back(dims >> i & 1 ? 1 : x[from++]);
  in.set(0, y, in.dtype(0));
  return {};
}

PF_OP(Squeeze)
    .doc("The elements of X without the dimensions named, which must be 1.")
    .required_arg("dims", ArgType::kInts, "Dimensions of X to drop.")
    .input("X", "Any type.")
    .output("Y", "Type and elements of X.")
    .inplace(0, 0)
    .shape(squeeze_shape)
    .grad([](Gradient& g) { g.op("ExpandDims", {g.GO(0)}, {g.GI(0)}); })
    .kernel<CopyElements>();

PF_OP(ExpandDims)
    .doc("The elements of X with dimensions of 1 put in, so that they are the ones named of the result.")
    .required_arg("dims", ArgType::kInts, "Dimensions of Y that are new.")
    .input("X", "Any type.")
    .output("Y", "Type and elements of X.")
    .inplace(0, 0)
    .shape(expand_shape)
    .grad([](Gradient& g) { g.op("Squeeze", {g.GO(0)}, {g.GI(0)}); })
    .kernel<CopyElements>();

}  // namespace
}  // namespace pf
