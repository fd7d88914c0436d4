// SPDX-License-Identifier: Apache-2.0
#include "core/tensor.h"

#include <cstdlib>
#include <cstring>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if !defined(__wasm__) && __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace pf {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSlack = 64;
std::atomic<size_t> used_bytes{0};
std::atomic<size_t> peak_bytes{0};
std::atomic<size_t> taken_blocks{0};

struct DTypeInfo {
  const char* name;
  uint8_t size;
};
constexpr DTypeInfo kTypes[] = {{"none", 0},  {"float32", 4}, {"int32", 4},   {"byte", 1},   {"string", 0},
                                {"bool", 1},  {"uint8", 1},   {"int8", 1},    {"uint16", 2}, {"int16", 2},
                                {"int64", 8}, {"unknown", 0}, {"float16", 2}, {"float64", 8}};
const DTypeInfo& info(DType type) {
  auto i = static_cast<size_t>(type);
  return kTypes[i < std::size(kTypes) ? i : 11];
}

void count(size_t bytes) {
  taken_blocks.fetch_add(1, std::memory_order_relaxed);
  size_t now = used_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t peak = peak_bytes.load(std::memory_order_relaxed);
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

// What tensors may take together: the memory this machine has. A system that promises more than that ends the process
// when it is used; a model that asks for it shall get an error. In WebAssembly malloc knows the end itself.
size_t most_bytes() {
#if defined(_SC_PHYS_PAGES)
  static const size_t most = size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGESIZE));
  return most;
#else
  return SIZE_MAX;
#endif
}

bool is_within(size_t bytes) {
  const size_t taken = Memory::used() + kAlignment + kSlack;
  return most_bytes() > taken && bytes <= most_bytes() - taken;
}

// Large blocks lie in large pages where the system has them: one entry of the processor's table of pages then stands
// for 2 MB.
void* ask_for(size_t bytes) {
#if defined(__linux__)
  constexpr size_t kPage = size_t(1) << 21;
  if (bytes >= kPage) {
    void* const block = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
    if (block) (void)madvise(block, bytes, MADV_HUGEPAGE);
    return block;
  }
#endif
  return std::malloc(bytes);
}

}  // namespace

OpenAccelerator open_accelerator = nullptr;
std::string (*describe_accelerators)() = nullptr;
PF_THREAD_LOCAL Accelerator* current_accelerator = nullptr;

size_t dtype_size(DType type) { return info(type).size; }
const char* dtype_name(DType type) { return info(type).name; }

Status Memory::allocate(size_t bytes, Accelerator* on, std::shared_ptr<Memory>* out) {
  std::shared_ptr<Memory> memory(new Memory(bytes));
  if (kHasAccelerators && on) {
    PF_TRY(on->allocate(bytes, &memory->there_));
    memory->device_ = on, memory->at_ = memory->there_, memory->device_fresh_ = true;
  } else {
    PF_TRY(memory->allocate_host());
    memory->at_ = memory->host_, memory->host_fresh_ = true;
  }
  *out = std::move(memory);
  return {};
}

Status Memory::allocate_host() {
  const size_t bytes = size_;
  void* block = is_within(bytes) ? ask_for(bytes + kAlignment + kSlack) : nullptr;
  PF_CHECK(block, no_memory, "cannot get ", bytes, " bytes of memory; ", used(),
           " are in use by tensors. Use a smaller batch or picture, or close workspaces that are no longer needed");
  auto address = reinterpret_cast<uintptr_t>(block);
  auto* aligned = reinterpret_cast<uint8_t*>((address + kAlignment - 1) / kAlignment * kAlignment);
  std::memset(aligned + bytes, 0, kSlack);
  block_ = block, host_ = aligned;
  count(bytes);
  return {};
}

Status Memory::move(Accelerator* to) {
  if (!kHasAccelerators) return {};
  if (to) {
    if (!there_) PF_TRY(to->allocate(size_, &there_));
    device_ = to;
    if (!device_fresh_) PF_TRY(to->upload(there_, host_, size_));
    at_ = there_, device_fresh_ = true;
  } else {
    if (!host_) PF_TRY(allocate_host());
    if (!host_fresh_) PF_TRY(device_->download(host_, there_, size_));
    at_ = host_, host_fresh_ = true;
  }
  return {};
}

Memory::~Memory() {
  if (kHasAccelerators && there_) device_->release(there_, size_);
  if (!host_) return;
  std::free(block_);
  used_bytes.fetch_sub(size_, std::memory_order_relaxed);
}

size_t Memory::used() { return used_bytes.load(std::memory_order_relaxed); }
size_t Memory::peak() { return peak_bytes.load(std::memory_order_relaxed); }

size_t Memory::taken() { return taken_blocks.load(std::memory_order_relaxed); }

uint64_t Tensor::next_version() {
  static std::atomic<uint32_t> low{0};
  static std::atomic<uint32_t> high{0};
  uint32_t l = low.fetch_add(1, std::memory_order_relaxed) + 1;
  if (l == 0) high.fetch_add(1, std::memory_order_relaxed);
  return uint64_t(high.load(std::memory_order_relaxed)) << 32 | l;
}

Status Tensor::resize(const Shape& shape, DType dtype) {
  PF_CHECK(!shape.overflow(), shape, "a tensor has at most ", Shape::kMaxRank, " dimensions");
  for (int64_t d : shape) PF_CHECK(d >= 0, shape, "a tensor cannot have the shape ", shape);
  PF_CHECK(dtype != DType::kNone && (dtype_size(dtype) || dtype == DType::kString), type,
           "a tensor needs an element type");
  int64_t count = shape.size();
  size_t element = dtype == DType::kString ? sizeof(std::string) : dtype_size(dtype);
  PF_CHECK(count <= int64_t(PTRDIFF_MAX / 2 / element), no_memory, "a tensor of shape ", shape, " and type ", dtype,
           " is larger than this machine's address space");
  if (dtype == DType::kString) {
    PF_CHECK(is_within(size_t(count) * element), no_memory, "cannot get memory for ", count, " strings");
    if (!strings_ || strings_.use_count() > 1) strings_ = std::make_shared<std::vector<std::string>>();
    strings_->resize(size_t(count));
  } else {
    strings_.reset();
    size_t need = size_t(count) * element;
    if (pitch_ && !(shape == shape_)) memory_.reset(), pitch_ = 0;
    Status s;
    if (need > capacity_ || !memory_) {
      memory_.reset(), offset_ = 0, capacity_ = 0, pitch_ = 0;  // first give back, then ask
      s = Memory::allocate(need, current_accelerator, &memory_);
      capacity_ = need;
    } else {
      s = memory_->bring(current_accelerator);
    }
    if (!s.ok()) {
      *this = Tensor();
      return std::move(s).at("tensor of shape ", shape, " and type ", dtype);
    }
  }
  shape_ = shape, dtype_ = dtype;
  touch();
  return {};
}

void Tensor::adopt(std::shared_ptr<Memory> memory, size_t offset, size_t bytes) {
  offset_ = offset, capacity_ = bytes, pitch_ = 0;
  memory_ = std::move(memory);
  strings_.reset(), kept_.reset(), forms_.reset();
  shape_ = Shape{0}, dtype_ = DType::kNone;
}
void Tensor::adopt_part(std::shared_ptr<Memory> memory, size_t offset, const Shape& shape, int64_t pitch) {
  adopt(std::move(memory), offset, SIZE_MAX);
  shape_ = shape, pitch_ = pitch;
}

void Tensor::share(const Tensor& other) {
  *this = other;
  forms_.reset();
  touch();
}

void Tensor::view(const Tensor& other, const Shape& shape, int64_t first) {
  const size_t element = dtype_size(other.dtype_);
  memory_ = other.memory_, offset_ = other.offset_ + size_t(first) * element;
  capacity_ = size_t(shape.size()) * element;
  shape_ = shape, dtype_ = other.dtype_;
  strings_.reset(), forms_.reset();
  touch();
}

Status Tensor::copy_from(const Tensor& other) {
  if (this == &other) return {};
  PF_TRY(resize(other.shape(), other.dtype()));
  if (other.strings_)
    *strings_ = *other.strings_;
  else if (size())
    std::memmove(data<uint8_t>(), other.data<uint8_t>(), byte_size());
  return {};
}

Status Tensor::restore() {
  PF_TRY(Memory::allocate(byte_size(), &memory_));
  capacity_ = byte_size();
  kept_->restore(data<float>());
  kept_.reset();
  return {};
}

Status Tensor::move(Accelerator* to) {
  if (!kHasAccelerators || strings_) return {};
  if (!forms_.plain_fresh) {
    Accelerator* on = forms_.packed->memory->accelerator();
    if (!memory_ || capacity_ < byte_size()) {
      memory_.reset(), offset_ = 0;
      PF_TRY(Memory::allocate(byte_size(), on, &memory_));
      capacity_ = byte_size();
    }
    PF_TRY(memory_->bring(on));
    PF_TRY(on->repack(shape_, forms_.packed->memory->bytes(), forms_.packed->form, memory_->bytes() + offset_, Form()));
    memory_->written();
    forms_.plain_fresh = true;
  }
  return memory_ ? memory_->bring(to) : Status();
}

Status Tensor::pack_room(Accelerator* on, Form form, Packed** out) {
  const size_t bytes = size_t(size()) * (form.half ? 2 : 4);
  if (!forms_.packed || forms_.packed->memory->size() < bytes) {
    forms_.packed = std::make_shared<Packed>();
    PF_TRY(Memory::allocate(bytes, on, &forms_.packed->memory));
  }
  forms_.packed->form = form;
  *out = forms_.packed.get();
  return {};
}

Status Tensor::pack_now(Accelerator* on, Form form) {
  if (forms_.packed && forms_.packed->fresh && forms_.packed->form.same_layout(form)) return {};
  PF_TRY(move(on));
  Packed* room;
  PF_TRY(pack_room(on, form, &room));
  PF_TRY(on->repack(shape_, memory_->bytes() + offset_, Form(), room->memory->bytes(), form));
  room->fresh = true;
  return {};
}

}  // namespace pf
