// SPDX-License-Identifier: Apache-2.0
// A device with memory of its own, as the core sees it: what moves tensors there and back, and records runs so that
// they can be repeated as a whole. cpp/device/cuda_device.cu is the only one; a build without it has none.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/status.h"

namespace pf {

class Memory;
class Scratch;
class Shape;

#ifdef __wasm__
inline constexpr bool kHasAccelerators = false;  // compilers then leave out what only they need
#define PF_THREAD_LOCAL                          // nets run on one thread there
#else
inline constexpr bool kHasAccelerators = true;
#define PF_THREAD_LOCAL thread_local
#endif

// How a tensor's elements lie in memory. Plain is float32 (or whatever the type says) in row-major order; a device may
// prefer the channels (dimension 1) last, and floats as halves multiplied by 2^scale so that small gradients survive.
struct Form {
  bool half = false, last = false;
  int8_t scale = 0;
  bool plain() const { return !half && !last; }
  bool same_layout(const Form& o) const { return half == o.half && last == o.last; }
};

// What matrix products compute with. kFloat16 keeps activations as halves too; parameters stay float32 throughout.
enum class Precision : uint8_t { kFloat32, kTf32, kFloat16 };

struct AcceleratorOptions {
  int index = 0;  // of the GPU
  Precision precision = Precision::kFloat32;
  int loss_scale = 10;  // halves that are gradients are multiplied by 2^loss_scale
  bool operator==(const AcceleratorOptions&) const = default;
};

class Accelerator {
 public:
  explicit Accelerator(const AcceleratorOptions& options) : options(options) {}
  virtual ~Accelerator() = default;
  const AcceleratorOptions options;

  // Memory. Blocks are kept for the next who asks; `release` may be called while work that uses the block is queued.
  virtual Status allocate(size_t bytes, uint8_t** out) = 0;
  virtual void release(uint8_t* block, size_t bytes) = 0;
  virtual Status upload(uint8_t* to, const uint8_t* from, size_t bytes) = 0;
  virtual Status download(uint8_t* to, const uint8_t* from, size_t bytes) = 0;  // waits for what is queued
  virtual Status repack(const Shape& shape, const void* from, Form from_form, void* to, Form to_form) = 0;

  virtual Scratch& scratch() = 0;
  virtual void* stream() = 0;
  // The error of a launch since the last call, if there was one; does not wait.
  virtual Status launched() = 0;
  // Waits for all that is queued and tells what went wrong in it.
  virtual Status finish() = 0;

  // What is queued between these two is recorded instead of run; `out` can be launched again and again. Blocks released
  // meanwhile belong to the recording.
  virtual Status begin_recording() = 0;
  virtual Status end_recording(std::shared_ptr<void>* out) = 0;
  virtual Status replay(void* recording) = 0;
  // Not if something that it takes part in is gone.
  virtual bool can_replay(const void* recording) const = 0;

  virtual std::string info() const = 0;  // JSON

  // Whether runs are timed from now on, and what they took since then, in milliseconds: JSON {runs, copies} in all, and
  // {waits, sums} of the last run (waiting for collectives, and how long these took).
  virtual void time(bool on) = 0;
  virtual std::string times() = 0;
};

// Opens a GPU; set by the CUDA sources where they are linked, else null. One accelerator serves all workspaces that ask
// for the same, and lives as long as the process.
using OpenAccelerator = Status (*)(const AcceleratorOptions& options, Accelerator** out);
extern OpenAccelerator open_accelerator;
// What is there, and what is missing and where it was looked for: JSON. Null where the build has no CUDA.
extern std::string (*describe_accelerators)();

// Where Tensor::resize puts what it allocates: null is the host. Set while an operator of a device runs.
extern PF_THREAD_LOCAL Accelerator* current_accelerator;
class OnAccelerator {
 public:
  explicit OnAccelerator(Accelerator* a) : before_(current_accelerator) { current_accelerator = a; }
  ~OnAccelerator() { current_accelerator = before_; }
  OnAccelerator(const OnAccelerator&) = delete;

 private:
  Accelerator* before_;
};

}  // namespace pf
