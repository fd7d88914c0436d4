// SPDX-License-Identifier: Apache-2.0
#include "core/tensor.h"

#include <cstdlib>
#include <cstring>
#if !defined(__wasm__) && __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace pf {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSlack = 64;
std::atomic<size_t> used_bytes{0};
std::atomic<size_t> peak_bytes{0};

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

}  // namespace

size_t dtype_size(DType type) { return info(type).size; }
const char* dtype_name(DType type) { return info(type).name; }

Status Memory::allocate(size_t bytes, std::shared_ptr<Memory>* out) {
  void* block = is_within(bytes) ? std::malloc(bytes + kAlignment + kSlack) : nullptr;
  PF_CHECK(block, no_memory, "cannot get ", bytes, " bytes of memory; ", used(),
           " are in use by tensors. Use a smaller batch or picture, or close workspaces that are no longer needed");
  auto address = reinterpret_cast<uintptr_t>(block);
  auto* aligned = reinterpret_cast<uint8_t*>((address + kAlignment - 1) / kAlignment * kAlignment);
  std::memset(aligned + bytes, 0, kSlack);
  out->reset(new Memory(block, aligned, bytes));
  count(bytes);
  return {};
}

Memory::~Memory() {
  std::free(block_);
  used_bytes.fetch_sub(size_, std::memory_order_relaxed);
}

size_t Memory::used() { return used_bytes.load(std::memory_order_relaxed); }
size_t Memory::peak() { return peak_bytes.load(std::memory_order_relaxed); }

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
    if (need > capacity_ || !bytes_) {
      memory_.reset(), bytes_ = nullptr, capacity_ = 0;  // first give back, then ask
      if (Status s = Memory::allocate(need, &memory_); !s.ok()) {
        *this = Tensor();
        return std::move(s).at("tensor of shape ", shape, " and type ", dtype);
      }
      bytes_ = memory_->bytes(), capacity_ = need;
    }
  }
  shape_ = shape, dtype_ = dtype;
  touch();
  return {};
}

void Tensor::adopt(std::shared_ptr<Memory> memory, size_t offset, size_t bytes) {
  bytes_ = memory->bytes() + offset, capacity_ = bytes;
  memory_ = std::move(memory);
  strings_.reset();
  shape_ = Shape{0}, dtype_ = DType::kNone;
}

void Tensor::share(const Tensor& other) {
  *this = other;
  touch();
}

void Tensor::view(const Tensor& other, const Shape& shape, int64_t first) {
  const size_t element = dtype_size(other.dtype_);
  uint8_t* bytes = other.bytes_ ? other.bytes_ + size_t(first) * element : nullptr;
  memory_ = other.memory_, bytes_ = bytes, capacity_ = size_t(shape.size()) * element;
  shape_ = shape, dtype_ = other.dtype_;
  strings_.reset();
  touch();
}

Status Tensor::copy_from(const Tensor& other) {
  if (this == &other) return {};
  PF_TRY(resize(other.shape(), other.dtype()));
  if (other.strings_)
    *strings_ = *other.strings_;
  else if (size())
    std::memmove(bytes_, other.bytes_, byte_size());
  return {};
}

}  // namespace pf
