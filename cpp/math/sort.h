// SPDX-License-Identifier: Apache-2.0
// Sorting in place by a heap: short, without recursion, and within bounds whatever `before` says of a NaN.
#pragma once
#include <cstdint>

namespace pf {

template <class T, class F>
void sift_down(T* heap, int64_t n, int64_t i, F before) {
  const T moved = heap[i];
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && before(heap[child], heap[child + 1])) ++child;
    if (!before(moved, heap[child])) break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

// Afterwards before(x[j], x[i]) holds for no i < j. Not stable: let `before` tell equal ones apart.
template <class T, class F>
void heap_sort(int64_t n, T* x, F before) {
  for (int64_t i = n / 2; i-- > 0;) sift_down(x, n, i, before);
  for (int64_t left = n - 1; left > 0; --left) {
    const T last = x[0];
    x[0] = x[left], x[left] = last;
    sift_down(x, left, 0, before);
  }
}

}  // namespace pf
