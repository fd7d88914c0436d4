// SPDX-License-Identifier: Apache-2.0
// GetAllBlobNames, and FeedBlob, which puts a string into a blob.
#include "core/objects.h"

namespace pf {
namespace {

struct GetAllBlobNames {
  Scope* scope = nullptr;
  Status bind(Scope& around) { return scope = &around, Status(); }

  Status run(OpRun& op) {
    const std::string names = scope->names();
    int64_t count = 0;
    for (char c : names) count += c == 0;
    PF_TRY(op.resize(0, Shape{count}, DType::kString));
    std::string* y = op.out(0).data<std::string>();
    for (size_t at = 0; at < names.size(); ++y) {
      *y = names.c_str() + at;
      at += y->size() + 1;
    }
    return {};
  }
};

struct FeedBlob {
  Status run(OpRun& op) { return *op.out(0).data<std::string>() = op.args.s("value"), Status(); }
};

PF_OP(GetAllBlobNames)
    .doc("The names of all blobs of the workspace, sorted.")
    .arg("include_shared", true, "Of no effect: a workspace has no others.")
    .output("names", "string, one dimension.")
    .shape(no_tensor)
    .shape_unknown("it depends on the workspace")
    .refuse_grad("names have no gradient")
    .cpu<GetAllBlobNames>();

PF_OP(FeedBlob)
    .doc("Gives a blob a string.")
    .arg("value", "", "The string.")
    .output("Y", "string scalar.")
    .shape([](Infer& in) -> Status { return in.set(0, Shape{}, DType::kString), Status(); })
    .refuse_grad("a string has no gradient")
    .cpu<FeedBlob>();

}  // namespace
}  // namespace pf
