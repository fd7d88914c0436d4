// SPDX-License-Identifier: Apache-2.0
// Planning: which operators become one, and where in one arena each intermediate blob lives.
#pragma once
#include <memory>
#include <vector>

#include "net/operator.h"

namespace pf {

using Operators = std::vector<std::unique_ptr<Operator>>;

// Blobs whose contents come from outside: read before any operator of the net writes them.
std::vector<Blob*> blobs_read_first(const Operators& ops);

// Lets each operator absorb those that follow it alone on its output (see Kernel::absorb). Blobs in `kept` survive;
// with `in_place_only` every blob does, for only operators that overwrite their input are absorbed.
void fuse(Operators& ops, std::vector<int>& indices, const std::vector<Blob*>& kept, bool in_place_only = false);
// Lets gradient operators absorb the ReluGradient that gives them their gradient (see Kernel::absorb_before).
void fuse_gradients(Operators& ops, std::vector<int>& indices, const std::vector<Blob*>& kept);

// Lets neighbours of one type that update parameters of their own be done at once, where the kernel can: a GPU is kept
// waiting by each launch, and there are hundreds of parameters.
void join_updates(Operators& ops, std::vector<int>& indices);

struct ArenaPlan {
  struct Slot {
    Blob* blob;
    size_t offset, bytes;
    size_t first, last;  // operators between which its contents matter
  };
  // A blob that is computed where the Concat that reads it would copy it to.
  struct Part {
    Blob* blob;
    const Blob* whole;
    size_t offset;  // bytes
    Shape shape;
    int64_t pitch;  // elements from row to row
  };
  std::vector<Slot> slots;
  std::vector<Part> parts;
  size_t bytes = 0;
};
// Places every intermediate blob whose size can be told from the inputs' present types.
Status plan_arena(const Operators& ops, const std::vector<Blob*>& inputs, const std::vector<Blob*>& kept,
                  ArenaPlan* out);

}  // namespace pf
