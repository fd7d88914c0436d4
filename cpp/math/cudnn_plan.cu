// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "core/clock.h"
#include "math/cudnn_plan.h"

namespace pf {
namespace {

using namespace dnn;

constexpr int64_t kMostConfigs = 12;
constexpr int64_t kMostWorkspace = int64_t{2} << 30;
constexpr int kTimedRuns = 3;
// Plans that cuDNN compiles take their time: after so many milliseconds a shape has to do with the best of those tried.
constexpr double kPatience = 400;
constexpr int64_t kFewestTried = 3;
enum Id : int64_t { kIdX = 1, kIdW, kIdY, kIdBias, kIdAdd, kIdSum, kIdBiased, kIdClamped };

// What makes two convolutions need the same plan: compared as bytes.
struct Key {
  int64_t x[5], w[5], y[5], stride[3], dilation[3], head[3], tail[3];
  int32_t rank, pass, half, tf32, bias, add, relu, device;
};

struct Plan {
  Key key;
  Descriptor plan = nullptr, config = nullptr;  // null: cuDNN has none
  int64_t workspace = 0;
};

std::vector<Plan>& plans() {
  static auto* all = new std::vector<Plan>;
  return *all;
}

// A descriptor that is destroyed with its owner; `good` turns false with the first call that fails.
class Made {
 public:
  Made() = default;
  explicit Made(DescriptorType type) { good_ = BackendCreateDescriptor(type, &d_) == 0; }
  Made(Made&& o) : d_(o.d_), good_(o.good_) { o.d_ = nullptr; }
  ~Made() {
    if (d_) BackendDestroyDescriptor(d_);
  }
  Made& set(Attribute a, AttributeType type, int64_t count, const void* values) {
    good_ = good_ && BackendSetAttribute(d_, a, type, count, values) == 0;
    return *this;
  }
  Made& set(Attribute a, int64_t value) { return set(a, kTypeInt64, 1, &value); }
  Made& set(Attribute a, const Made& other) { return set(a, kTypeDescriptor, 1, &other.d_); }
  Made& set_type(Attribute a, DataType type) { return set(a, kTypeDataType, 1, &type); }
  Made& finish() {
    good_ = good_ && BackendFinalize(d_) == 0;
    return *this;
  }
  bool good() const { return good_; }
  Descriptor get() const { return d_; }
  Descriptor* address() { return &d_; }
  Descriptor release() {
    Descriptor d = d_;
    d_ = nullptr;
    return d;
  }

 private:
  Descriptor d_ = nullptr;
  bool good_ = false;
};

// dims are (N, C, places…); the channels lie last.
Made tensor(int64_t id, int rank, const int64_t* dims, DataType type, bool is_virtual = false) {
  int64_t strides[5], step = dims[1];
  strides[1] = 1;
  for (int d = rank + 1; d >= 2; --d) strides[d] = step, step *= dims[d];
  strides[0] = step;
  Made t(kTensor);
  t.set_type(kTensorType, type).set(kTensorDimensions, kTypeInt64, rank + 2, dims);
  t.set(kTensorStrides, kTypeInt64, rank + 2, strides).set(kTensorUniqueId, id).set(kTensorAlignment, 16);
  if (is_virtual) t.set(kTensorVirtual, kTypeBoolean, 1, &is_virtual);
  return std::move(t.finish());
}

// Descriptors that others refer to: all live as long as the graph is in use.
using Parts = std::vector<std::unique_ptr<Made>>;
Made& keep(Parts& parts, Made&& made) {
  parts.push_back(std::make_unique<Made>(std::move(made)));
  return *parts.back();
}

Made& pointwise(Parts& parts, PointwiseKind kind, const Made& x, const Made* b, const Made& y) {
  Made& mode = keep(parts, Made(kPointwise));
  mode.set(kPointwiseMode, kTypePointwiseMode, 1, &kind).set_type(kPointwiseMathPrec, kFloat).finish();
  Made& op = keep(parts, Made(kPointwiseOp));
  op.set(kPointwiseOpDescriptor, mode).set(kPointwiseOpX, x).set(kPointwiseOpY, y);
  if (b) op.set(kPointwiseOpB, *b);
  return op.finish();
}

struct Attributes {
  DescriptorType type;
  Attribute alpha, beta, conv, x, w, y;
};
constexpr Attributes kPasses[] = {
    {kForward, kForwardAlpha, kForwardBeta, kForwardConv, kForwardX, kForwardW, kForwardY},
    {kBackwardData, kBackwardDataAlpha, kBackwardDataBeta, kBackwardDataConv, kBackwardDataDx, kBackwardDataW,
     kBackwardDataDy},
    {kBackwardFilter, kBackwardFilterAlpha, kBackwardFilterBeta, kBackwardFilterConv, kBackwardFilterX,
     kBackwardFilterDw, kBackwardFilterDy}};

// The operation graph: the convolution and what is done to its result before it is stored.
Made graph_of(const Key& k, Handle handle, Parts& parts) {
  const DataType type = k.half ? kHalf : kFloat;
  auto add = [&](int64_t id, const int64_t* dims, DataType t, bool is_virtual = false) -> Made& {
    return keep(parts, tensor(id, k.rank, dims, t, is_virtual));
  };
  const bool more = k.bias || k.add || k.relu;
  const Made &x = add(kIdX, k.x, type), &w = add(kIdW, k.w, type);
  const Made* y = &add(more ? kIdSum : kIdY, k.y, more ? kFloat : type, more);
  Made& conv = keep(parts, Made(kConvolution));
  const int mode = kCrossCorrelation;
  conv.set_type(kConvolutionCompType, kFloat).set(kConvolutionMode, kTypeConvolutionMode, 1, &mode);
  conv.set(kConvolutionSpatialDims, k.rank).set(kConvolutionDilations, kTypeInt64, k.rank, k.dilation);
  conv.set(kConvolutionStrides, kTypeInt64, k.rank, k.stride);
  conv.set(kConvolutionPrePaddings, kTypeInt64, k.rank, k.head);
  conv.set(kConvolutionPostPaddings, kTypeInt64, k.rank, k.tail).finish();

  const Attributes& a = kPasses[k.pass];
  const float one = 1, zero = 0;
  Made& first = keep(parts, Made(a.type));
  first.set(a.alpha, kTypeFloat, 1, &one).set(a.beta, kTypeFloat, 1, &zero).set(a.conv, conv);
  first.set(a.x, x).set(a.w, w).set(a.y, *y).finish();
  std::vector<const Made*> ops = {&first};
  // Each step's result is the next one's operand; the last is stored.
  int left = k.add + k.bias + k.relu;
  auto step = [&](PointwiseKind kind, const Made* b, int64_t id) {
    const bool last = --left == 0;
    const Made& result = add(last ? int64_t(kIdY) : id, k.y, last ? type : kFloat, !last);
    ops.push_back(&pointwise(parts, kind, *y, b, result));
    y = &result;
  };
  const int64_t per_channel[5] = {1, k.y[1], 1, 1, 1};
  if (k.add) step(kAdd, &add(kIdAdd, k.y, type), kIdBiased);
  if (k.bias) step(kAdd, &add(kIdBias, per_channel, kFloat), kIdClamped);
  if (k.relu) step(kReluForward, nullptr, kIdClamped);

  std::vector<Descriptor> raw;
  for (const Made* op : ops) {
    if (!op->good()) return Made();
    raw.push_back(op->get());
  }
  Made graph(kGraph);
  graph.set(kGraphHandle, kTypeHandle, 1, &handle);
  graph.set(kGraphOps, kTypeDescriptor, int64_t(raw.size()), raw.data());
  return std::move(graph.finish());
}

// Without tf32, engines that round their inputs are out; so are, always, those that round sums.
bool allowed(const Made& config, bool tf32, bool half) {
  Made engine(kEngine);
  int64_t count = 0;
  if (!engine.good() || BackendGetAttribute(config.get(), kConfigEngine, kTypeDescriptor, 1, &count, engine.address()))
    return false;
  int notes[16];
  if (BackendGetAttribute(engine.get(), kEngineNumericalNotes, kTypeNumericalNote, 16, &count, notes) != 0)
    return false;
  for (int64_t i = 0; i < count && i < 16; ++i) {
    if (notes[i] == kReducedPrecision) return false;
    if (!tf32 && !half && (notes[i] == kTensorCore || notes[i] == kDownConvertInputs)) return false;
  }
  return true;
}

std::vector<Made> configs_of(const Made& graph, HeuristicsMode mode) {
  std::vector<Made> configs;
  Made heuristics(kHeuristics);
  heuristics.set(kHeuristicsGraph, graph).set(kHeuristicsMode, kTypeHeuristicsMode, 1, &mode).finish();
  if (!heuristics.good()) return configs;
  std::vector<Descriptor> raw;
  for (int64_t i = 0; i < kMostConfigs * 2; ++i) {
    configs.emplace_back(kEngineConfig);
    raw.push_back(configs.back().get());
  }
  int64_t count = 0;
  if (BackendGetAttribute(heuristics.get(), kHeuristicsResults, kTypeDescriptor, int64_t(raw.size()), &count,
                          raw.data()) != 0)
    count = 0;
  configs.resize(size_t(count));
  return configs;
}

Made pack_of(const ConvTensors& t, void* workspace) {
  int64_t ids[5] = {kIdX, kIdW, kIdY};
  const void* pointers[5] = {t.x, t.w, t.y};
  int64_t count = 3;
  if (t.bias) ids[count] = kIdBias, pointers[count++] = t.bias;
  if (t.add) ids[count] = kIdAdd, pointers[count++] = t.add;
  Made pack(kVariantPack);
  pack.set(kPackPointers, kTypePointer, count, pointers).set(kPackIds, kTypeInt64, count, ids);
  return std::move(pack.set(kPackWorkspace, kTypePointer, 1, &workspace).finish());
}

// Milliseconds of one run, or a negative number when it fails.
float time_of(CudaDevice& device, Handle handle, Descriptor plan, const Made& pack) {
  cudaEvent_t start, end;
  if (cudaEventCreate(&start) != cudaSuccess) return -1;
  if (cudaEventCreate(&end) != cudaSuccess) return cudaEventDestroy(start), -1;
  bool good = BackendExecute(handle, plan, pack.get()) == 0;
  cudaEventRecord(start, device.queue());
  for (int i = 0; i < kTimedRuns && good; ++i) good = BackendExecute(handle, plan, pack.get()) == 0;
  cudaEventRecord(end, device.queue());
  float ms = -1;
  good = cudaEventSynchronize(end) == cudaSuccess && good;
  if (good) cudaEventElapsedTime(&ms, start, end);
  cudaEventDestroy(start), cudaEventDestroy(end);
  (void)cudaGetLastError();
  return good ? ms / kTimedRuns : -1;
}

// Tries the plans that the heuristics name first, on the tensors at hand, and keeps the fastest.
Status search(OpRun& op, const Key& key, const ConvTensors& t, Plan* best) {
  CudaDevice& device = device_of(op);
  Handle handle;
  PF_TRY(device.cudnn(&handle));
  PF_CHECK(!device.recording(), internal, "a convolution met a new shape while its net was recorded");
  Parts parts;
  const Made graph = graph_of(key, handle, parts);
  if (!graph.good()) return {};
  float fastest = 0;
  const double start = now_ms();
  for (HeuristicsMode mode : {kModeA, kFallback}) {
    if (best->plan) break;
    int64_t tried = 0;
    for (Made& config : configs_of(graph, mode)) {
      if (tried >= kFewestTried && best->plan && now_ms() - start > kPatience) break;
      if (tried >= kMostConfigs || !allowed(config, key.tf32, key.half)) continue;
      Made plan(kPlan);
      plan.set(kPlanHandle, kTypeHandle, 1, &handle).set(kPlanConfig, config).finish();
      int64_t size = 0, count = 0;
      if (!plan.good() || BackendGetAttribute(plan.get(), kPlanWorkspaceSize, kTypeInt64, 1, &count, &size) != 0)
        continue;
      if (size > kMostWorkspace) continue;
      ++tried;
      std::shared_ptr<Memory> workspace;
      if (!Memory::allocate(size_t(size), &device, &workspace).ok()) continue;
      const Made pack = pack_of(t, workspace->bytes());
      const float ms = pack.good() ? time_of(device, handle, plan.get(), pack) : -1;
      if (ms < 0 || (best->plan && ms >= fastest)) continue;
      if (best->plan) BackendDestroyDescriptor(best->plan), BackendDestroyDescriptor(best->config);
      fastest = ms, best->workspace = size, best->plan = plan.release(), best->config = config.release();
    }
  }
  return {};
}

Key key_of(const CudaDevice& device, Pass pass, const ConvShape& s, const ConvTensors& t) {
  Key k;
  std::memset(&k, 0, sizeof k);   // it is compared as bytes
  const int extra = s.rank == 1;  // cuDNN knows two or three dimensions: one is a picture of one row
  k.rank = s.rank + extra;
  k.x[0] = k.y[0] = s.batch, k.x[1] = s.in_channels, k.y[1] = s.out_channels;
  k.w[0] = s.out_channels, k.w[1] = s.in_per_group();
  if (extra) k.x[2] = k.y[2] = k.w[2] = k.stride[0] = k.dilation[0] = 1;
  for (int d = 0; d < s.rank; ++d) {
    const int to = d + extra;
    k.x[to + 2] = s.in[d], k.y[to + 2] = s.out[d], k.w[to + 2] = s.kernel[d];
    k.stride[to] = s.stride[d], k.dilation[to] = s.dilation[d], k.head[to] = s.pad_head[d];
    // The padding as given where it leads to this output: engines like it alike on both sides. Else what windows cover.
    const int64_t reach = s.dilation[d] * (s.kernel[d] - 1) + 1, tail = s.span(d) - s.in[d] - s.pad_head[d];
    const bool as_given = (s.in[d] + s.pad_head[d] + s.pad_tail[d] - reach) / s.stride[d] + 1 == s.out[d];
    k.tail[to] = as_given ? s.pad_tail[d] : tail > 0 ? tail : 0;
  }
  k.pass = int(pass), k.half = t.half, k.tf32 = device.tf32();
  k.bias = t.bias != nullptr, k.add = t.add != nullptr, k.relu = t.relu, k.device = device.options.index;
  return k;
}

}  // namespace

Status convolve_by_cudnn(OpRun& op, Pass pass, const ConvShape& shape, const ConvTensors& t, bool* found) {
  *found = false;
  CudaDevice& device = device_of(op);
  if (shape.rank > 3) return {};
  const Key key = key_of(device, pass, shape, t);
  // Backwards its engines take the padding at the start for that at the end as well.
  for (int d = 0; d < key.rank; ++d)
    if (pass != Pass::kForward && key.head[d] != key.tail[d]) return {};
  // A copy: where replicas take turns, another may add a plan while this one waits for memory.
  Plan plan;
  bool known = false;
  for (const Plan& p : plans())
    if (std::memcmp(&p.key, &key, sizeof key) == 0) plan = p, known = true;
  if (!known) {
    plan.key = key;
    PF_TRY(search(op, key, t, &plan));
    plans().push_back(plan);
  }
  if (!plan.plan) return {};
  Handle handle;
  PF_TRY(device.cudnn(&handle));
  uint8_t* workspace = nullptr;
  PF_TRY(op.scratch(plan.workspace, &workspace));
  const Made pack = pack_of(t, workspace);
  const dnn::Result status = pack.good() ? BackendExecute(handle, plan.plan, pack.get()) : -1;
  PF_CHECK(status == 0, internal, "cuDNN cannot run a convolution that it could before: ", GetErrorString(status));
  *found = true;
  return {};
}

}  // namespace pf
