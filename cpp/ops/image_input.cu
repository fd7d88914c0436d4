// SPDX-License-Identifier: Apache-2.0
// ImageInput on CUDA: the bytes of the next batch are copied by a stream of their own while the net computes with this
// one; normalising them, and moving the channels to the front, happens here.
#include "device/cuda.h"
#include "device/cuda_device.h"
#include "device/forms.h"
#include "image/input.h"

namespace pf {
namespace {

void* get_pinned(size_t bytes) {
  void* block = nullptr;
  return cudaHostAlloc(&block, bytes, cudaHostAllocPortable) == cudaSuccess ? block : nullptr;
}
void free_pinned(void* block) { cudaFreeHost(block); }

// A batch on its way to the GPU: what is copied, and when it has been copied and used.
struct Slot {
  uint8_t *pixels = nullptr, *labels = nullptr;  // there
  uint8_t* staged = nullptr;                     // labels, then three counts, on the host
  cudaEvent_t copied = nullptr, used = nullptr;
  bool full = false, floats = false;
};

constexpr int64_t kCounts = 3;

struct ImageInputOnDevice {
  static constexpr bool kTakesObjects = true;  // the reader
  ImageSource source;
  Slot slots[2];
  cudaStream_t copies = nullptr;
  int turn = 0;
  int64_t out = 0;  // batches of the loader that are being copied, the older one from slots[oldest]
  int oldest = 0;

  explicit ImageInputOnDevice(const Args& args) : source(args) {}
  ~ImageInputOnDevice() {
    if (!copies) return;
    cudaStreamSynchronize(copies);
    for (Slot& s : slots) {
      if (s.used) cudaEventSynchronize(s.used);
      cudaFree(s.pixels), cudaFree(s.labels), cudaFreeHost(s.staged);
      if (s.copied) cudaEventDestroy(s.copied);
      if (s.used) cudaEventDestroy(s.used);
    }
    cudaStreamDestroy(copies);
  }

  int64_t pixel_bytes() const { return source.batch() * source.rule().pixels * source.rule().channels; }
  int64_t label_bytes() const { return source.batch() * int64_t(sizeof(int32_t)); }

  Status start() {
    if (copies) return {};
    PF_CUDA(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking));
    for (Slot& s : slots) {
      PF_CUDA(cudaMalloc(&s.pixels, size_t(pixel_bytes())));
      PF_CUDA(cudaMalloc(&s.labels, size_t(label_bytes())));
      s.staged = static_cast<uint8_t*>(get_pinned(size_t(label_bytes()) + kCounts * sizeof(int64_t)));
      PF_CHECK(s.staged, no_memory, "there is no memory for the labels of a batch");
      PF_CUDA(cudaEventCreateWithFlags(&s.copied, cudaEventDisableTiming));
      PF_CUDA(cudaEventCreateWithFlags(&s.used, cudaEventDisableTiming));
    }
    return {};
  }

  // The loader gets its memory back when it has been copied.
  Status give_back(bool wait) {
    while (out) {
      const cudaEvent_t copied = slots[oldest].copied;
      const cudaError_t state = wait ? cudaEventSynchronize(copied) : cudaEventQuery(copied);
      if (state == cudaErrorNotReady) return (void)cudaGetLastError(), Status();
      PF_CUDA(state);
      source.loader().give_back();
      --out, oldest ^= 1;
    }
    return {};
  }

  // Begins to copy the next batch, if there is one already or it is to be waited for.
  Status fetch(Slot& s, bool wait) {
    PF_TRY(give_back(out == 2));
    const PictureBatch* batch;
    if (wait)
      PF_TRY(source.next(&batch));
    else
      PF_TRY(source.loader().take(false, &batch));
    if (!batch) return {};
    // The copy before from this staging is over: its batch has been used.
    PF_CUDA(cudaEventSynchronize(s.copied));
    s.floats = batch->float_labels;
    for (int64_t i = 0; i < source.batch(); ++i) {
      if (s.floats)
        reinterpret_cast<float*>(s.staged)[i] = float(batch->labels[size_t(i)]);
      else
        reinterpret_cast<int32_t*>(s.staged)[i] = int32_t(batch->labels[size_t(i)]);
    }
    const LoaderCounts c = source.loader().counts();
    const int64_t counts[kCounts] = {c.pictures, c.skipped, int64_t(c.waited_ms * 1000)};
    std::memcpy(s.staged + label_bytes(), counts, sizeof counts);
    PF_CUDA(cudaStreamWaitEvent(copies, s.used, 0));
    PF_CUDA(cudaMemcpyAsync(s.pixels, batch->pixels, size_t(pixel_bytes()), cudaMemcpyHostToDevice, copies));
    PF_CUDA(cudaMemcpyAsync(s.labels, s.staged, size_t(label_bytes()), cudaMemcpyHostToDevice, copies));
    PF_CUDA(cudaEventRecord(s.copied, copies));
    s.full = true;
    if (out++ == 0) oldest = int(&s - slots);
    return {};
  }

  Status run(OpRun& op) {
    PF_TRY(source.open(op, get_pinned, free_pinned));
    PF_TRY(start());
    Slot& now = slots[turn];
    if (!now.full) PF_TRY(fetch(now, true));
    const auto stream = static_cast<cudaStream_t>(op.stream);
    PF_CUDA(cudaStreamWaitEvent(stream, now.copied, 0));
    PF_TRY(op.resize(0, source.shape(), DType::kFloat));
    PF_TRY(op.resize(1, Shape{source.batch()}, now.floats ? DType::kFloat : DType::kInt32));
    const PixelRule& rule = source.rule();
    Cuda::each(op, source.batch() * rule.pixels, NormalisePixel{rule, now.pixels, op.out(0).data<float>()});
    Cuda::copy(op, size_t(label_bytes()), op.out(1).data<uint8_t>(), now.labels);
    if (op.outputs() > 2) {
      PF_TRY(op.resize(2, Shape{kCounts}, DType::kInt64));
      PF_CUDA(cudaMemcpyAsync(op.out(2).data<int64_t>(), now.staged + label_bytes(), kCounts * sizeof(int64_t),
                              cudaMemcpyHostToDevice, stream));
    }
    PF_CUDA(cudaEventRecord(now.used, stream));
    now.full = false;
    turn ^= 1;
    return fetch(slots[turn], false);
  }
};

PF_CUDA_OP(ImageInput, ImageInputOnDevice);

}  // namespace
}  // namespace pf
