// SPDX-License-Identifier: Apache-2.0
// The object that CreateBlobsQueue makes. Records move through it: a blob that was enqueued is empty afterwards.
//
// Nobody waits inside the core, where nets run one at a time. An operator that would have to wait fails with
// Code::blocked before it has moved anything, and its net can be asked later to go on from there (see Net::run).
#pragma once
#include <deque>
#include <vector>

#include "core/op.h"

namespace pf {

// What a blob holds.
struct Content {
  Tensor tensor;
  std::unique_ptr<Object> object;
  void take(Blob& from) {
    tensor = std::move(from.tensor), object = std::move(from.object);
    from.clear();
  }
  void give(Blob& to) {
    to.clear();
    to.tensor = std::move(tensor), to.object = std::move(object);
  }
};
using Record = std::vector<Content>;

struct BlobsQueue {
  BlobsQueue(size_t capacity, size_t width) : capacity(capacity), width(width) {}

  // What may be waited for, told so that two sentences differ when anything has moved in between.
  Status room(const std::string& name) const {
    PF_CHECK(records.size() < capacity, blocked, "the queue \"", name, "\" is full: ", records.size(), " of ", capacity,
             " records (", taken,
             " were taken), and only another net can take one out. Dequeue first, make it with a "
             "greater capacity, or run both nets as concurrent substeps of a plan");
    return {};
  }
  Status filled(const std::string& name) const {
    PF_CHECK(!records.empty(), blocked, "the queue \"", name, "\" is empty (", taken,
             " records were taken), and only another net can fill it. Enqueue first, close the queue, or run both nets "
             "as concurrent substeps of a plan");
    return {};
  }
  Record take() {
    Record record = std::move(records.front());
    records.pop_front(), ++taken;
    return record;
  }

  const size_t capacity, width;
  bool closed = false;
  uint64_t taken = 0;
  std::deque<Record> records;
};

// A database may read from the queue when the blob is gone.
struct BlobsQueueObject final : Object {
  static constexpr const char* kKind = "queue of blobs";
  const char* kind() const override { return kKind; }
  BlobsQueueObject(size_t capacity, size_t width) : queue(std::make_shared<BlobsQueue>(capacity, width)) {}
  std::shared_ptr<BlobsQueue> queue;
};

}  // namespace pf
