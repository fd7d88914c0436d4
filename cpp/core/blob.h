// SPDX-License-Identifier: Apache-2.0
// A blob: a named slot of a workspace holding a tensor or an object. Scratch: memory for one operator run.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace pf {

// What is no tensor: a mutex, a counter, a queue. Each class names its kind by a static array kKind, whose address
// tells it apart.
struct Object {
  virtual ~Object() = default;
  virtual const char* kind() const = 0;
};

struct Blob {
  std::string name;
  Tensor tensor;
  std::unique_ptr<Object> object;
  // The planned net that lays its intermediates over one another, this one among them: not to be fetched.
  const void* shared_in = nullptr;

  bool empty() const { return !tensor.defined() && !object; }
  // The object, if it is of this class.
  template <class T>
  T* get() {
    return object && object->kind() == T::kKind ? static_cast<T*>(object.get()) : nullptr;
  }
  void clear() { tensor.reset(), object.reset(), shared_in = nullptr; }
};

// Grows to what the largest operator of a net needs and stays there, so that later runs allocate nothing.
class Scratch {
 public:
  explicit Scratch(Accelerator* on = nullptr) : on_(on) {}
  Status get(int64_t count, size_t element, void** out);
  void reset();  // before each operator
  size_t size() const;
  const std::vector<std::shared_ptr<Memory>>& blocks() const { return blocks_; }

 private:
  Accelerator* on_;
  std::vector<std::shared_ptr<Memory>> blocks_;
  size_t used_ = 0;   // of the first block
  size_t asked_ = 0;  // by the current operator, in all blocks
};

}  // namespace pf
