// SPDX-License-Identifier: Apache-2.0
// What operators that keep something in an object (a counter, a queue, a reader) share.
#pragma once
#include "core/op.h"

namespace pf {

// The object in a blob, which must be of class T; `maker` is the operator that makes one.
template <class T>
Status object_of(Blob& blob, const char* maker, T** out) {
  *out = blob.get<T>();
  PF_CHECK(*out, no_blob, "\"", blob.name, "\" is no ", T::kKind, "; ", maker, " makes one");
  return {};
}

// Puts a new object into the blob in place of what it held.
template <class T, class... A>
T& make_object(Blob& blob, A&&... args) {
  T* made = new T(static_cast<A&&>(args)...);
  blob.clear();
  blob.object.reset(made);
  return *made;
}

}  // namespace pf
