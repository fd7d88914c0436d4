// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/json.h"
#include "core/world.h"
#include "device/cuda_device.h"

namespace pf {
namespace {

constexpr size_t kSmallest = 512;

// An eighth of a power of two: at most 12.5 % of a block is lost, and blocks of about the same size fit each other.
size_t rounded(size_t bytes) {
  if (bytes <= kSmallest) return kSmallest;
  size_t step = kSmallest;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

struct CudaDevice::Recording {
  explicit Recording(CudaDevice& on) : device(on) {}
  Recording(const Recording&) = delete;
  // One that is under way goes on to its end.
  void drop() {
    if (graph) cudaGraphExecDestroy(graph);
    graph = nullptr;
  }
  ~Recording() {
    drop();
    std::erase(device.recordings_, this);
    for (auto& [block, bytes] : kept) device.release(block, bytes);
  }

  CudaDevice& device;
  cudaGraphExec_t graph = nullptr;
  std::vector<std::pair<uint8_t*, size_t>> kept;
  std::vector<const void*> owners;
  bool together = false;
};

Status cuda_status(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return {};
  const Code code = error == cudaErrorMemoryAllocation ? Code::no_memory : Code::internal;
  return fail(code, "CUDA: ", cudaGetErrorString(error), " (", cudaGetErrorName(error), ") in ", doing);
}

Status MemoryPool::allocate(size_t bytes, uint8_t** out) {
  bytes = rounded(bytes);
  size_t low = 0, high = free_.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (free_[middle].bytes < bytes)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < free_.size() && free_[low].bytes == bytes) {
    *out = free_[low].block;
    free_.erase(free_.begin() + ptrdiff_t(low));
    cached -= bytes;
  } else {
    void* block = nullptr;
    cudaError_t error = cudaMalloc(&block, bytes);
    if (error == cudaErrorMemoryAllocation && cached) {
      (void)cudaGetLastError();
      trim();
      error = cudaMalloc(&block, bytes);
    }
    if (error == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      size_t free_bytes = 0, total = 0;
      cudaMemGetInfo(&free_bytes, &total);
      return fail(Code::no_memory, "cannot get ", bytes, " bytes of memory of the GPU: ", free_bytes, " of ", total,
                  " are free; this device's tensors hold ", in_use,
                  ". Use a smaller batch, fp16, or close workspaces that are no longer needed");
    }
    PF_TRY(cuda_status(error, "cudaMalloc"));
    *out = static_cast<uint8_t*>(block);
  }
  in_use += bytes;
  if (in_use > peak) peak = in_use;
  return {};
}

void MemoryPool::release(uint8_t* block, size_t bytes) {
  if (kept_) return kept_->push_back({block, bytes});
  bytes = rounded(bytes);
  size_t at = free_.size();
  while (at > 0 && free_[at - 1].bytes >= bytes) --at;
  free_.insert(free_.begin() + ptrdiff_t(at), {bytes, block});
  in_use -= bytes, cached += bytes;
}

void MemoryPool::trim() {
  {
    // What is queued may wait for other replicas, which have yet to queue their part.
    const LetOthersRun others;
    cudaDeviceSynchronize();
  }
  for (const Free& f : free_) cudaFree(f.block);
  free_.clear();
  cached = 0;
}

Status CudaDevice::open(const AcceleratorOptions& options, std::unique_ptr<CudaDevice>* out) {
  PF_TRY(cuda_driver().open());
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    return fail(Code::argument, "the NVIDIA driver supports CUDA ", driver / 1000, ".", driver % 1000 / 10,
                " and this build needs ", runtime / 1000, ".", runtime % 1000 / 10, "; update the driver");
  }
  PF_CHECK(error == cudaSuccess || error == cudaErrorNoDevice, argument,
           "CUDA cannot start: ", cudaGetErrorString(error));
  PF_CHECK(count > 0, argument,
           "there is no NVIDIA GPU here, or none that this process may see (CUDA_VISIBLE_DEVICES)");
  PF_CHECK(options.index < count, argument, "there is no GPU ", options.index, "; this machine has ", count,
           ", counted from 0");
  std::unique_ptr<CudaDevice> device(new CudaDevice(options));
  PF_TRY(device->start());
  *out = std::move(device);
  return {};
}

Status CudaDevice::start() {
  PF_CUDA(cudaSetDevice(options.index));
  PF_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  PF_CUDA(cudaHostAlloc(&fault_, sizeof(Fault), cudaHostAllocDefault));
  PF_CUDA(cudaMalloc(&fault_on_device_, sizeof(Fault)));
  PF_CUDA(cudaMemsetAsync(fault_on_device_, 0, sizeof(Fault), stream_));
  return {};
}

void CudaDevice::activate() const {
  int now = -1;
  if (cudaGetDevice(&now) != cudaSuccess || now != options.index) cudaSetDevice(options.index);
}

void* CudaDevice::stream() {
  activate();
  return stream_;
}

Status CudaDevice::allocate(size_t bytes, uint8_t** out) {
  activate();
  return pool_.allocate(bytes, out);
}

Status CudaDevice::upload(uint8_t* to, const uint8_t* from, size_t bytes) {
  activate();
  if (!bytes) return {};
  if (timing_) PF_TRY(note_time(stream_, &copies_));
  PF_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_));
  return timing_ ? note_time(stream_, &copies_) : Status();
}

Status CudaDevice::download(uint8_t* to, const uint8_t* from, size_t bytes) {
  activate();
  if (bytes) PF_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_));
  return finish();
}

Status CudaDevice::launched() { return cuda_status(cudaGetLastError(), "a launch"); }

Status CudaDevice::take_fault() {
  const Fault found = *fault_;
  if (!found.code) return {};
  PF_CUDA(cudaMemsetAsync(fault_on_device_, 0, sizeof(Fault), stream_));
  PF_CHECK(found.code != kLabel, value, "label of row ", found.row, " is ", found.label, ", expected 0 to ",
           found.classes - 1);
  PF_CHECK(found.code != kNegativeShare, value, "label probability of row ", found.row, ", class ", found.label,
           " must not be negative, found ", found.number);
  PF_CHECK(found.code != kSumOfShares, value, "label probabilities of row ", found.row,
           " must sum to 1 (±1e-5), found ", found.number);
  return {};
}

Status CudaDevice::finish() {
  activate();
  PF_TRY(join());
  PF_CUDA(cudaMemcpyAsync(fault_, fault_on_device_, sizeof(Fault), cudaMemcpyDeviceToHost, stream_));
  PF_TRY(settle());
  return take_fault();
}

// What is queued may wait for other replicas, which have yet to queue their part.
Status CudaDevice::settle() {
  const LetOthersRun others;
  return cuda_status(cudaStreamSynchronize(stream_), "waiting for what is queued");
}

Status CudaDevice::begin_recording() {
  activate();
  PF_TRY(join());
  // Making a recording may need the device for itself, for kernels that are loaded.
  PF_TRY(settle());
  PF_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
  recording_ = true;
  kept_.clear(), owners_.clear(), together_ = false;
  pool_.keep_released(&kept_);
  return {};
}

Status CudaDevice::end_recording(std::shared_ptr<void>* out) {
  activate();
  (void)join().ok();  // else the recording would not end, which is reported below
  recording_ = false, forked_ = false;
  pool_.keep_released(nullptr);
  auto recording = std::make_shared<Recording>(*this);
  recording->kept = std::move(kept_), recording->owners = std::move(owners_);
  recording->together = together_;
  kept_.clear(), owners_.clear();
  if (!recording->owners.empty()) recordings_.push_back(recording.get());
  cudaGraph_t graph = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream_, &graph);
  (void)cudaGetLastError();
  PF_TRY(cuda_status(ended, "cudaStreamEndCapture"));
  const cudaError_t made = cudaGraphInstantiate(&recording->graph, graph, 0);
  cudaGraphDestroy(graph);
  PF_TRY(cuda_status(made, "cudaGraphInstantiate"));
  *out = recording;
  return {};
}

Status CudaDevice::replay(void* recording) {
  activate();
  if (timing_) PF_TRY(note_time(stream_, &runs_));
  PF_CUDA(cudaGraphLaunch(static_cast<Recording*>(recording)->graph, stream_));
  return timing_ ? note_time(stream_, &runs_) : Status();
}

bool CudaDevice::can_replay(const void* recording) const {
  const Recording& r = *static_cast<const Recording*>(recording);
  return r.graph && (!r.together || has_turn());
}

void CudaDevice::recorded_for(const void* owner, bool together) {
  if (recording_) owners_.push_back(owner), together_ = together_ || together;
}

void CudaDevice::drop_recordings(const void* owner) {
  for (Recording* recording : recordings_)
    if (std::find(recording->owners.begin(), recording->owners.end(), owner) != recording->owners.end())
      recording->drop();
}

Status CudaDevice::fork(cudaStream_t* out) {
  if (!beside_) {
    // What others wait for comes first.
    int least = 0, most = 0;
    PF_CUDA(cudaDeviceGetStreamPriorityRange(&least, &most));
    PF_CUDA(cudaStreamCreateWithPriority(&beside_, cudaStreamNonBlocking, most));
    PF_CUDA(cudaEventCreateWithFlags(&forks_, cudaEventDisableTiming));
    PF_CUDA(cudaEventCreateWithFlags(&joins_, cudaEventDisableTiming));
  }
  PF_CUDA(cudaEventRecord(forks_, stream_));
  PF_CUDA(cudaStreamWaitEvent(beside_, forks_, 0));
  forked_ = true, *out = beside_;
  return {};
}

Status CudaDevice::join() {
  if (!forked_) return {};
  forked_ = false;
  PF_CUDA(cudaEventRecord(joins_, beside_));
  PF_CUDA(cudaStreamWaitEvent(stream_, joins_, 0));
  return {};
}

Status CudaDevice::note_time(cudaStream_t queue, std::vector<cudaEvent_t>* to, unsigned flags) {
  cudaEvent_t event;
  PF_CUDA(cudaEventCreate(&event));
  to->push_back(event);
  PF_CUDA(cudaEventRecordWithFlags(event, queue, flags));
  return {};
}

Status CudaDevice::mark(Mark kind, cudaStream_t queue) {
  if (!timing_ || !recording_) return {};
  std::vector<cudaEvent_t> noted;
  PF_TRY(note_time(queue, &noted, cudaEventRecordExternal));
  marks_.push_back({kind, noted[0]});
  return {};
}

namespace {

// Of the events begin, end, begin, …; those of a recording that failed were never reached and do not count.
double milliseconds(const std::vector<cudaEvent_t>& events) {
  double sum = 0;
  for (size_t i = 0; i + 1 < events.size(); i += 2) {
    float ms = 0;
    if (cudaEventElapsedTime(&ms, events[i], events[i + 1]) == cudaSuccess) sum += ms;
  }
  (void)cudaGetLastError();
  return sum;
}

void destroy(std::vector<cudaEvent_t>& events) {
  for (cudaEvent_t event : events) cudaEventDestroy(event);
  events.clear();
}

}  // namespace

void CudaDevice::time(bool on) {
  activate();
  (void)finish().ok();
  timing_ = on;
  destroy(runs_), destroy(copies_);
  for (const Marked& m : marks_) cudaEventDestroy(m.event);
  marks_.clear();
}

std::string CudaDevice::times() {
  activate();
  cudaStreamSynchronize(stream_);
  std::vector<cudaEvent_t> of[2];
  for (const Marked& m : marks_) of[m.kind].push_back(m.event);
  Json j;
  j.begin('{').key("runs").number(milliseconds(runs_)).key("copies").number(milliseconds(copies_));
  j.key("waits").number(milliseconds(of[kWait])).key("sums").number(milliseconds(of[kSum])).end('}');
  return std::move(j.out);
}

std::string CudaDevice::info() const {
  Json j;
  j.begin('{').key("inUse").number(double(pool_.in_use)).key("cached").number(double(pool_.cached));
  j.key("peak").number(double(pool_.peak)).end('}');
  return std::move(j.out);
}

Status CudaDevice::cublas(lt::Handle* out) {
  if (!cublas_) {
    PF_TRY(cublas_lt().open());
    PF_CHECK(lt::Create, argument, cublas_lt().path(),
             " is no cuBLASLt; PORTAFILTER_CUDA_PATH names folders of libraries");
    const lt::Result status = lt::Create(&cublas_);
    PF_CHECK(status == 0, internal, "cuBLASLt cannot start: status ", status);
  }
  *out = cublas_;
  return {};
}

Status CudaDevice::cudnn(dnn::Handle* out) {
  if (!cudnn_) {
    // cuDNN opens these two by name: it finds them if they are loaded already.
    (void)cublas_lt().open().ok();
    (void)nvrtc().open().ok();
    PF_TRY(pf::cudnn().open());
    PF_CHECK(dnn::GetVersion && dnn::Create, argument, pf::cudnn().path(),
             " is no cuDNN; PORTAFILTER_CUDA_PATH names folders of libraries");
    const size_t version = dnn::GetVersion();
    PF_CHECK(version / 10000 == 9, argument, "cuDNN 9 is needed, ", pf::cudnn().path(), " is version ", version);
    const dnn::Result status = dnn::Create(&cudnn_);
    PF_CHECK(status == 0, internal, "cuDNN cannot start: ", dnn::GetErrorString(status));
    PF_CHECK(dnn::SetStream(cudnn_, stream_) == 0, internal, "cuDNN does not take the stream");
  }
  *out = cudnn_;
  return {};
}

namespace {

std::vector<std::unique_ptr<CudaDevice>>& devices() {
  static auto* all = new std::vector<std::unique_ptr<CudaDevice>>;  // the driver is gone when destructors run
  return *all;
}

Status open_device(const AcceleratorOptions& options, Accelerator** out) {
  for (auto& device : devices()) {
    if (!(device->options == options)) continue;
    PF_CUDA(cudaSetDevice(options.index));
    *out = device.get();
    return {};
  }
  std::unique_ptr<CudaDevice> device;
  PF_TRY(CudaDevice::open(options, &device));
  *out = device.get();
  devices().push_back(std::move(device));
  return {};
}

void describe_library(Json& j, Library& library) {
  const bool there = library.open().ok();
  j.begin('{').key("name").string(library.title()).key("found").boolean(there);
  j.key(there ? "path" : "lookedIn").string(there ? library.path() : library.looked_in()).end('}');
}

std::string describe() {
  Json j;
  j.begin('{').key("built").boolean(true).key("devices").begin('[');
  int count = 0, driver = 0;
  const bool has_driver = cuda_driver().open().ok();
  const cudaError_t error = has_driver ? cudaGetDeviceCount(&count) : cudaErrorNoDevice;
  if (error != cudaSuccess) count = 0;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp p;
    if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
    j.begin('{').key("index").number(i).key("name").string(p.name).key("memory").number(double(p.totalGlobalMem));
    j.key("capability").string(text(p.major, ".", p.minor)).key("multiprocessors").number(p.multiProcessorCount);
    j.end('}');
  }
  if (has_driver) cudaDriverGetVersion(&driver);
  j.end(']').key("driver").string(has_driver ? text("CUDA ", driver / 1000, ".", driver % 1000 / 10) : "");
  if (error != cudaSuccess) j.key("why").string(has_driver ? cudaGetErrorString(error) : "there is no NVIDIA driver");
  j.key("libraries").begin('[');
  for (Library* library : {&cuda_driver(), &cublas_lt(), &nvrtc(), &cudnn(), &nccl()}) describe_library(j, *library);
  j.end(']').key("pools").begin('[');
  std::string pools;
  for (auto& device : devices()) append(pools, pools.empty() ? "" : ",", device->info());
  j.out += pools;
  j.end(']').end('}');
  return std::move(j.out);
}

[[maybe_unused]] const bool registered = [] {
  open_accelerator = &open_device;
  describe_accelerators = &describe;
  return true;
}();

}  // namespace
}  // namespace pf
