// SPDX-License-Identifier: Apache-2.0
// The dimensions of a tensor, outermost first. Held inline: a shape never allocates.
#pragma once
#include <cstdint>
#include <initializer_list>

namespace pf {

// Products of hostile dimensions saturate instead of wrapping; Tensor::resize refuses what memory cannot hold.
inline int64_t saturating_product(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

class Shape {
 public:
  static constexpr int kMaxRank = 12;

  Shape() = default;  // rank 0: a scalar, one element
  Shape(std::initializer_list<int64_t> dims) {
    for (int64_t d : dims) push_back(d);
  }
  template <class Iterator>
  Shape(Iterator begin, Iterator end) {
    for (; begin != end; ++begin) push_back(*begin);
  }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  int64_t& operator[](int i) { return dims_[i]; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }

  // Dimensions beyond kMaxRank are counted as overflow and refused by Tensor::resize.
  void push_back(int64_t d) {
    if (rank_ < kMaxRank)
      dims_[rank_++] = d;
    else
      overflow_ = true;
  }
  void clear() { rank_ = 0, overflow_ = false; }
  bool overflow() const { return overflow_; }

  int64_t size() const { return from(0); }
  int64_t from(int axis) const { return product(axis, rank_); }  // elements of the dimensions axis, axis + 1, …
  int64_t upto(int axis) const { return product(0, axis); }      // elements of the dimensions before axis
  // A negative axis counts from the end. -1 when there is no such axis.
  int axis(int64_t i) const { return i >= -rank_ && i < rank_ ? int(i < 0 ? i + rank_ : i) : -1; }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (dims_[i] != other.dims_[i]) return false;
    return true;
  }

 private:
  int64_t product(int begin, int end) const {
    int64_t n = 1;
    for (int i = begin; i < end; ++i) n = saturating_product(n, dims_[i]);
    return n;
  }
  int64_t dims_[kMaxRank];
  int rank_ = 0;
  bool overflow_ = false;
};

}  // namespace pf
