// SPDX-License-Identifier: Apache-2.0
// Element types, counted memory, and the tensor: type + shape + bytes, row-major, no strides (but see Tensor::pitch).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/accelerator.h"
#include "core/shape.h"
#include "core/status.h"

namespace pf {

// The numbers are those of TensorProto.DataType. kByte (3) is read as kUint8.
enum class DType : int32_t {
  kNone = 0,
  kFloat = 1,
  kInt32 = 2,
  kByte = 3,
  kString = 4,
  kBool = 5,
  kUint8 = 6,
  kInt8 = 7,
  kUint16 = 8,
  kInt16 = 9,
  kInt64 = 10,
  kFloat16 = 12,
  kDouble = 13,
};

struct Half {
  uint16_t bits;
};  // IEEE 754 binary16, stored only

size_t dtype_size(DType type);       // bytes of one element; 0 for kNone and kString
const char* dtype_name(DType type);  // "float32", "int64", …

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::kFloat;
  else if constexpr (std::is_same_v<T, double>)
    return DType::kDouble;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::kInt32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::kInt64;
  else if constexpr (std::is_same_v<T, bool>)
    return DType::kBool;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::kUint8;
  else if constexpr (std::is_same_v<T, int8_t>)
    return DType::kInt8;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return DType::kUint16;
  else if constexpr (std::is_same_v<T, int16_t>)
    return DType::kInt16;
  else if constexpr (std::is_same_v<T, Half>)
    return DType::kFloat16;
  else {
    static_assert(std::is_same_v<T, std::string>);
    return DType::kString;
  }
}

// A block of tensor memory, aligned to 64 bytes and followed by 64 bytes that may be read (never written),
// so that a vector loop may load past the last element. With an accelerator it has up to two copies, one on the host
// and one on the device; `bytes()` is the one that was asked for last.
class Memory {
 public:
  static Status allocate(size_t bytes, std::shared_ptr<Memory>* out) { return allocate(bytes, nullptr, out); }
  static Status allocate(size_t bytes, Accelerator* on, std::shared_ptr<Memory>* out);
  ~Memory();
  Memory(const Memory&) = delete;
  uint8_t* bytes() const { return at_; }
  size_t size() const { return size_; }
  bool on_host() const { return !kHasAccelerators || at_ == host_; }
  Accelerator* accelerator() const { return device_; }

  // From now on bytes() lies on the host, or on the accelerator, with the contents it has elsewhere.
  Status bring(Accelerator* to) {
    return !kHasAccelerators || to == (on_host() ? nullptr : device_) ? Status() : move(to);
  }
  // What bytes() points to has been, or is about to be, changed: a copy elsewhere is no longer good.
  void written() {
    if (kHasAccelerators) (on_host() ? device_fresh_ : host_fresh_) = false;
  }
  bool fresh_on_device() const { return device_fresh_; }

  static size_t used();   // bytes of all blocks alive on the host
  static size_t peak();   // the most there ever were
  static size_t taken();  // blocks that were ever allocated there

 private:
  explicit Memory(size_t size) : size_(size) {}
  Status move(Accelerator* to);
  Status allocate_host();

  void* block_ = nullptr;
  uint8_t *at_ = nullptr, *host_ = nullptr, *there_ = nullptr;
  Accelerator* device_ = nullptr;
  bool host_fresh_ = false, device_fresh_ = false;
  size_t size_;
};

// A tensor's contents in a form that a device prefers.
struct Packed {
  std::shared_ptr<Memory> memory;
  Form form;
  bool fresh = false;
};

// Contents that a kernel keeps in an order of its own, and can bring back as they were, bit for bit.
struct Reordered {
  const void* keeper = nullptr;  // whose order it is
  virtual ~Reordered() = default;
  virtual void restore(float* to) const = 0;
};

// Where the contents are beside the tensor's own memory. Without accelerators all tensors share one that nobody uses.
struct Forms {
#ifdef __wasm__
  static inline std::shared_ptr<Packed> packed;
  static inline bool plain_fresh = true;
#else
  std::shared_ptr<Packed> packed;
  bool plain_fresh = true;  // else the contents are in `packed` alone
#endif
  void reset() {
    if (kHasAccelerators) packed.reset(), plain_fresh = true;
  }
};

// What shape inference knows of a tensor.
struct TensorType {
  Shape shape;
  DType dtype = DType::kNone;
  bool known = false;
  bool operator==(const TensorType& o) const { return known == o.known && dtype == o.dtype && shape == o.shape; }
};

class Tensor {
 public:
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  bool defined() const { return dtype_ != DType::kNone; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int i) const { return shape_[i]; }
  int64_t size() const { return shape_.size(); }
  size_t byte_size() const { return size_t(size()) * dtype_size(dtype_); }
  TensorType type() const { return {shape_, dtype_, defined()}; }

  // Typed access; the caller has checked dtype(). Null for an empty tensor is possible.
  template <class T>
  const T* data() const {
    return static_cast<const T*>(raw());
  }
  template <class T>
  T* data() {
    return static_cast<T*>(const_cast<void*>(raw()));
  }

  // Gives the tensor this shape and type. Keeps its memory (and contents) when that is large enough.
  Status resize(const Shape& shape, DType dtype);
  // Uses `bytes` of `memory` from `offset` on as the tensor's memory, until a resize needs more.
  void adopt(std::shared_ptr<Memory> memory, size_t offset, size_t bytes);
  // Has room for contents of this shape within a larger tensor, until a resize to another shape: rows of the last
  // dimension begin `pitch` elements after one another. Plans give it to operators that know of it, and to no others.
  void adopt_part(std::shared_ptr<Memory> memory, size_t offset, const Shape& shape, int64_t pitch);
  int64_t pitch() const { return pitch_; }  // 0: the rows follow each other
  // Both tensors then share one memory (Alias).
  void share(const Tensor& other);
  // Becomes a part of other, sharing its memory: the elements from `first` on, as many as `shape` has. They must be
  // there, and be no strings.
  void view(const Tensor& other, const Shape& shape, int64_t first);
  Status copy_from(const Tensor& other);
  void reset() { *this = Tensor(); }

  // Grows with each write, so that what was derived from the contents (packed weights) can be kept.
  uint64_t version() const { return version_; }
  void touch() {
    version_ = next_version();
    kept_.reset();
    if (!kHasAccelerators) return;
    if (memory_) memory_->written();
    forms_.plain_fresh = true;
    if (forms_.packed) forms_.packed->fresh = false;
  }

  // Gives up the memory of a float tensor, unless somebody shares it, to whoever calls: `kept` has the contents from
  // now on, until they are written or brought back.
  std::shared_ptr<Memory> leave_to(const std::shared_ptr<Reordered>& kept, const void* keeper) {
    if (memory_.use_count() != 1 || offset_) return nullptr;
    kept_ = kept, kept_->keeper = keeper, capacity_ = 0;
    return std::move(memory_);
  }
  bool left_to(const void* keeper) const { return kept_ && kept_->keeper == keeper; }

  // The contents, plain, where they are wanted (null: on the host). Does not count as a write.
  Status bring(Accelerator* to) const {
    if (kept_) PF_TRY(const_cast<Tensor*>(this)->restore());
    if (!kHasAccelerators || (forms_.plain_fresh && (!memory_ || memory_->on_host() == !to))) return {};
    return const_cast<Tensor*>(this)->move(to);
  }
  // For kernels that care for the form (device/forms.h). set_type is a resize that leaves memory and contents alone.
  void set_type(const Shape& shape, DType dtype) {
    shape_ = shape, dtype_ = dtype, version_ = next_version();
    strings_.reset();
  }
  bool plain_fresh() const { return forms_.plain_fresh; }
  const std::shared_ptr<Packed>& packed() const { return forms_.packed; }
  const std::shared_ptr<Memory>& memory() const { return memory_; }
  // Room for the contents in that form, there from now on and nowhere else once `packed_written` is called.
  Status pack_room(Accelerator* on, Form form, Packed** out);
  void packed_written() { forms_.packed->fresh = true, forms_.plain_fresh = false; }
  // The contents in that form too.
  Status pack(Accelerator* on, Form form) const { return const_cast<Tensor*>(this)->pack_now(on, form); }
  // After a recorded run was repeated: what it left where.
  void replayed(bool plain, bool packed) {
    version_ = next_version();
    if (memory_ && plain && !memory_->on_host()) memory_->written();
    forms_.plain_fresh = plain;
    if (forms_.packed) forms_.packed->fresh = packed;
  }

 private:
  static uint64_t next_version();
  Status move(Accelerator* to);
  Status restore();
  Status pack_now(Accelerator* on, Form form);
  const void* raw() const {
    if (strings_) return strings_->data();
    return memory_ ? memory_->bytes() + offset_ : nullptr;
  }

  Shape shape_;
  DType dtype_ = DType::kNone;
  size_t offset_ = 0, capacity_ = 0;
  int64_t pitch_ = 0;
  uint64_t version_ = 0;
  std::shared_ptr<Memory> memory_;
  std::shared_ptr<std::vector<std::string>> strings_;  // elements of a kString tensor
  std::shared_ptr<Reordered> kept_;                    // has the contents in place of memory_
  Forms forms_;
};

}  // namespace pf
