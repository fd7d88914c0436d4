// SPDX-License-Identifier: Apache-2.0
// One GPU for the workspaces that ask for the same options: a stream, a pool of memory, and the handles of the
// libraries.
#pragma once
#include <cuda_runtime.h>

#include "core/op.h"
#include "device/cublas_api.h"
#include "device/cudnn_api.h"

namespace pf {

// A Status of what the CUDA runtime answers.
Status cuda_status(cudaError_t error, const char* doing);
#define PF_CUDA(call) PF_TRY(::pf::cuda_status((call), #call))

// Blocks that are free are kept by size, and given to the next who asks for about as much: asking costs no
// synchronisation, and a net that has run once gets the memory it had.
class MemoryPool {
 public:
  Status allocate(size_t bytes, uint8_t** out);
  void release(uint8_t* block, size_t bytes);
  // Gives all free blocks back to the driver; what is queued must have ended.
  void trim();
  // Blocks released from now on are put into `kept` instead; null ends that.
  void keep_released(std::vector<std::pair<uint8_t*, size_t>>* kept) { kept_ = kept; }

  size_t in_use = 0, cached = 0, peak = 0;

 private:
  struct Free {
    size_t bytes;
    uint8_t* block;
  };
  std::vector<Free> free_;  // sorted by size
  std::vector<std::pair<uint8_t*, size_t>>* kept_ = nullptr;
};

class CudaDevice final : public Accelerator {
 public:
  static Status open(const AcceleratorOptions& options, std::unique_ptr<CudaDevice>* out);

  Status allocate(size_t bytes, uint8_t** out) override;
  void release(uint8_t* block, size_t bytes) override { pool_.release(block, bytes); }
  Status upload(uint8_t* to, const uint8_t* from, size_t bytes) override;
  Status download(uint8_t* to, const uint8_t* from, size_t bytes) override;
  Status repack(const Shape& shape, const void* from, Form from_form, void* to, Form to_form) override;
  Scratch& scratch() override { return scratch_; }
  void* stream() override;  // an operator asks for it before it queues anything: this GPU is then the thread's
  Status launched() override;
  Status finish() override;
  Status begin_recording() override;
  Status end_recording(std::shared_ptr<void>* out) override;
  Status replay(void* recording) override;
  bool can_replay(const void* recording) const override;
  std::string info() const override;
  void time(bool on) override;
  std::string times() override;

  // A second queue, for what may run beside the first. What is queued there after `fork` begins when the first has come
  // this far; the first goes on after `join` when all of that is done. A recording is joined at its end.
  Status fork(cudaStream_t* out);
  Status join();
  // Notes the time on a queue, while a timed run is recorded; marks of a kind come in pairs.
  enum Mark : int { kSum, kWait };
  Status mark(Mark kind, cudaStream_t queue);

  // What is being recorded takes part in something that can end before it does, and must be dropped then: NCCL waits
  // for the end of all recordings of a communicator before it frees it. `together`: it waits for other replicas of this
  // process.
  void recorded_for(const void* owner, bool together);
  void drop_recordings(const void* owner);

  cudaStream_t queue() const { return stream_; }
  bool half() const { return options.precision == Precision::kFloat16; }
  bool tf32() const { return options.precision != Precision::kFloat32; }
  bool recording() const { return recording_; }
  // Opened when the first operator needs them.
  Status cublas(lt::Handle* out);
  Status cudnn(dnn::Handle* out);
  // What kernels note when the contents of a tensor are outside what their operator takes; finish() reports it.
  struct Fault {
    int code;  // 0: none
    int row, label, classes;
    float number;
    int lock;
  };
  Fault* fault() const { return fault_on_device_; }
  enum FaultCode : int { kLabel = 1, kNegativeShare, kSumOfShares };

 private:
  explicit CudaDevice(const AcceleratorOptions& options) : Accelerator(options), scratch_(this) {}
  Status start();
  Status take_fault();
  Status settle();
  void activate() const;  // makes this GPU the one that the thread's calls of the runtime mean

  struct Marked {
    Mark kind;
    cudaEvent_t event;
  };
  Status note_time(cudaStream_t queue, std::vector<cudaEvent_t>* to, unsigned flags = 0);

  cudaStream_t stream_ = nullptr, beside_ = nullptr;
  cudaEvent_t forks_ = nullptr, joins_ = nullptr;
  bool forked_ = false, timing_ = false;
  std::vector<cudaEvent_t> runs_, copies_;  // begin, end, begin, …
  std::vector<Marked> marks_;
  MemoryPool pool_;
  Scratch scratch_;
  lt::Handle cublas_ = nullptr;
  dnn::Handle cudnn_ = nullptr;
  Fault *fault_ = nullptr, *fault_on_device_ = nullptr;
  bool recording_ = false;
  std::vector<std::pair<uint8_t*, size_t>> kept_;
  struct Recording;
  std::vector<const void*> owners_;  // of what is being recorded
  bool together_ = false;
  std::vector<Recording*> recordings_;  // those that have owners
};

// Of several faults that of the first row is kept, as on the CPU.
__device__ inline void note_fault(CudaDevice::Fault* to, CudaDevice::FaultCode code, int64_t row, int label,
                                  int classes, float number) {
  while (atomicCAS(&to->lock, 0, 1) != 0) {
  }
  volatile CudaDevice::Fault* f = to;
  if (!f->code || row < f->row || (row == f->row && label < f->label)) {
    f->row = int(row), f->label = label, f->classes = classes, f->number = number, f->code = code;
  }
  __threadfence();
  atomicExch(&to->lock, 0);
}

// The device that a running kernel's operator runs on.
inline CudaDevice& device_of(const OpRun& op) { return *static_cast<CudaDevice*>(op.accelerator); }

}  // namespace pf
