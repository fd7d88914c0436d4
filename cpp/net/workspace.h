// SPDX-License-Identifier: Apache-2.0
// A workspace: the set of blobs that nets read and write. No state of a run lives outside one.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/blob.h"
#include "core/random.h"
#include "core/scope.h"

namespace pf {

class Workspace : public Scope {
 public:
  // On an accelerator every operator that has a kernel for it runs there.
  explicit Workspace(uint64_t seed, Accelerator* on = nullptr) : seeds_(seed), accelerator_(on) {}
  ~Workspace();
  Workspace(const Workspace&) = delete;

  Blob* find(std::string_view name) override;
  // The blob of this name, made (empty) if it is not there. The pointer is good as long as the workspace.
  Blob& blob(std::string_view name) override;
  // Empties the blob and forgets its name. Nets that use it find it empty.
  bool remove(std::string_view name);
  std::string names() const;  // sorted, each followed by a zero byte
  // Up to a few names, nearest to `missing` first: what an error should mention.
  std::string known(std::string_view missing) const;

  Accelerator* accelerator() const { return kHasAccelerators ? accelerator_ : nullptr; }

  template <class F>
  void each_object(F f) {
    for (Slot* slot : slots_)
      if (slot->blob.object) f(*slot->blob.object);
  }

  virtual uint64_t next_seed() { return seeds_.next64(); }
  virtual Scratch& scratch() { return scratch_; }

 private:
  struct Slot {
    Blob blob;
    bool listed = false;
  };
  // Slots are never freed before the workspace: nets hold pointers to them.
  std::vector<Slot*> slots_;                     // sorted by name
  size_t place_of(std::string_view name) const;  // of the first slot that is not before `name`
  Slot* listed(std::string_view name) const;
  Random seeds_;
  Scratch scratch_;
  Accelerator* accelerator_;
};

}  // namespace pf
