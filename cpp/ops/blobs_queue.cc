// SPDX-License-Identifier: Apache-2.0
// Queues of records, each of several blobs: CreateBlobsQueue, EnqueueBlobs, DequeueBlobs, their Safe forms,
// WeightedSampleDequeueBlobs, CloseBlobsQueue.
#include "core/blobs_queue.h"

#include "core/objects.h"
#include "math/copy.h"

namespace pf {
namespace {

Status queue_of(OpRun& op, int i, BlobsQueue** out) {
  BlobsQueueObject* object;
  PF_TRY(object_of(op.in_blob(i), "CreateBlobsQueue", &object));
  *out = object->queue.get();
  return {};
}

struct CreateBlobsQueue {
  Status run(OpRun& op) {
    const int64_t capacity = op.args.i("capacity"), width = op.args.i("num_blobs");
    PF_CHECK(capacity > 0, argument, "capacity must be 1 or more, is ", capacity);
    PF_CHECK(width > 0, argument, "num_blobs must be 1 or more, is ", width);
    const size_t names = op.args.strings("field_names").size();
    PF_CHECK(!names || int64_t(names) == width, argument, "there are ", names, " field_names for ", width, " blobs");
    make_object<BlobsQueueObject>(op.out_blob(0), size_t(capacity), size_t(width));
    return {};
  }
};

void say_closed(OpRun& op, int j, bool closed) {
  op.out_blob(j).object.reset();
  if (op.resize(j, Shape{}, DType::kBool).ok()) op.out(j).data<bool>()[0] = closed;
}

// kSafe: a closed queue is told by the last output, not a failure.
template <bool kSafe>
struct Enqueue {
  Status run(OpRun& op) {
    BlobsQueue* queue;
    PF_TRY(queue_of(op, 0, &queue));
    const int count = op.inputs() - 1;
    PF_CHECK(size_t(count) == queue->width, argument, "records of the queue \"", op.in_blob(0).name, "\" have ",
             queue->width, " blobs, found ", count);
    PF_CHECK(op.outputs() == count + kSafe, argument, "takes one output for each blob", kSafe ? " and the status" : "",
             ", found ", op.outputs());
    for (int i = 0; i < count; ++i) {
      PF_CHECK(op.in_place(i + 1, i), argument, "output ", i, " must be the blob of input ", i + 1);
      for (int k = 0; k <= i; ++k)
        PF_CHECK(!op.in_place(k, i), argument, "\"", op.out_blob(i).name, "\" cannot be enqueued twice, nor in itself");
      PF_CHECK(!op.in_blob(i + 1).empty(), no_blob, "\"", op.in_blob(i + 1).name,
               "\" is empty; a blob that was enqueued must be written again");
    }
    if (queue->closed) {
      PF_CHECK(kSafe, value, "the queue \"", op.in_blob(0).name, "\" is closed");
      return say_closed(op, count, true), Status();
    }
    PF_TRY(queue->room(op.in_blob(0).name));
    Record record(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) record[size_t(i)].take(op.in_blob(i + 1));
    queue->records.push_back(std::move(record));
    if (kSafe) say_closed(op, count, false);
    return {};
  }
};

// Appends the rows of `part` to `whole`.
Status append_rows(const Tensor& part, Tensor* whole) {
  PF_CHECK(part.defined() && part.rank() >= 1, shape,
           "records of several can be joined only from tensors of rank 1 up");
  if (!whole->defined()) return whole->copy_from(part);
  Shape y = whole->shape();
  bool fits = part.dtype() == whole->dtype() && part.rank() == y.rank();
  for (int d = 1; fits && d < y.rank(); ++d) fits = part.dim(d) == y[d];
  PF_CHECK(fits, shape, "records of shape ", y, " and ", part.shape(), " cannot be joined");
  y[0] += part.dim(0);
  Tensor joined;
  PF_TRY(joined.resize(y, part.dtype()));
  const Elements elements(part.dtype());
  auto* to = joined.data<uint8_t>();
  elements.copy(to, whole->data<uint8_t>(), whole->size());
  elements.copy(elements.at(to, whole->size()), part.data<uint8_t>(), part.size());
  *whole = std::move(joined);
  return {};
}

Status want_outputs(OpRun& op, const BlobsQueue& queue, bool safe) {
  PF_CHECK(size_t(op.outputs()) == queue.width + safe, argument, "records of the queue have ", queue.width,
           " blobs; there must be an output for each", safe ? " and one for the status" : "", ", found ", op.outputs());
  for (int j = 0; j < op.outputs(); ++j)
    for (int i = 0; i < op.inputs(); ++i)
      PF_CHECK(!op.in_place(i, j), argument, "\"", op.out_blob(j).name, "\" cannot be dequeued into itself");
  return {};
}

template <bool kSafe>
struct Dequeue {
  Record joined;  // of num_records; those taken before the queue ran empty stay here
  int64_t taken = 0;

  Status run(OpRun& op) {
    BlobsQueue* queue;
    PF_TRY(queue_of(op, 0, &queue));
    PF_TRY(want_outputs(op, *queue, kSafe));
    const int width = int(queue->width);
    const int64_t wanted = kSafe ? op.args.i("num_records") : 1;
    PF_CHECK(wanted > 0, argument, "num_records must be 1 or more, is ", wanted);
    if (taken == 0) joined = Record(size_t(width));
    for (; taken < wanted && !(queue->closed && queue->records.empty()); ++taken) {
      PF_TRY(queue->filled(op.in_blob(0).name));
      Record record = queue->take();
      if (wanted == 1)
        joined = std::move(record);
      else
        for (size_t i = 0; i < queue->width; ++i) PF_TRY(append_rows(record[i].tensor, &joined[i].tensor));
    }
    const bool any = taken > 0;
    taken = 0;
    if (any)
      for (int j = 0; j < width; ++j) joined[size_t(j)].give(op.out_blob(j));
    PF_CHECK(any || kSafe, value, "the queue \"", op.in_blob(0).name, "\" is closed and empty");
    if (kSafe) say_closed(op, width, !any);
    return {};
  }
};

struct WeightedSampleDequeue {
  int chosen = -1;  // as long as that queue is waited for

  Status choose(OpRun& op) {
    std::vector<float> weights = op.args.floats("weights");
    if (weights.empty()) weights.assign(size_t(op.inputs()), 1.f);
    PF_CHECK(int(weights.size()) == op.inputs(), argument, "there are ", weights.size(), " weights for ", op.inputs(),
             " queues");
    float sum = 0;
    for (float w : weights) {
      PF_CHECK(w >= 0, argument, "weights must be 0 or more, found ", w);
      sum += w;
    }
    PF_CHECK(sum > 0 && sum <= 3.4e38f, argument, "the sum of the weights must be positive, is ", sum);
    float left = op.random.uniform() * sum;
    chosen = 0;
    for (int i = 0; i < op.inputs(); ++i) {
      if (weights[size_t(i)] > 0) chosen = i;
      if ((left -= weights[size_t(i)]) < 0) break;
    }
    return {};
  }

  Status run(OpRun& op) {
    const int64_t table = op.args.i("table_idx_blob");
    PF_CHECK(table < op.outputs(), argument, "table_idx_blob is ", table, " of ", op.outputs(), " outputs");
    if (chosen < 0) PF_TRY(choose(op));
    BlobsQueue* queue;
    PF_TRY(queue_of(op, chosen, &queue));
    PF_TRY(want_outputs(op, *queue, true));
    const bool closed = queue->closed && queue->records.empty();
    if (!closed) {
      PF_TRY(queue->filled(op.in_blob(chosen).name));
      Record record = queue->take();
      for (int j = 0; j + 1 < op.outputs(); ++j) record[size_t(j)].give(op.out_blob(j));
    }
    if (table >= 0) {
      op.out_blob(int(table)).clear();
      PF_TRY(op.resize(int(table), Shape{1}, DType::kInt32));
      op.out(int(table)).data<int32_t>()[0] = chosen;
    }
    say_closed(op, op.outputs() - 1, closed);
    chosen = -1;
    return {};
  }
};

struct CloseBlobsQueue {
  Status run(OpRun& op) {
    BlobsQueue* queue;
    PF_TRY(queue_of(op, 0, &queue));
    queue->closed = true;
    return {};
  }
};

constexpr auto kQueue = [](auto& op) { op.object_input("queue", "From CreateBlobsQueue.").no_grad(); };
constexpr auto kEnqueue = [](auto& op) {
  op.with(kQueue)
      .any_inputs("blobs", "One record: as many blobs as num_blobs. They are empty afterwards.")
      .any_outputs("results",
                   "The same blobs, and of a Safe form the status: bool scalar, true when the queue is closed.")
      .any_inplace()
      .shape_unknown("the record moves away");
};
constexpr auto kDequeue = [](auto& op) {
  op.with(kQueue)
      .any_outputs("results",
                   "The blobs of the record, and of a Safe form the status: bool scalar, true when the queue is closed "
                   "and empty.")
      .shape_unknown("it depends on what was enqueued");
};

PF_OP(CreateBlobsQueue)
    .doc("Makes a queue of records, each of several blobs.")
    .arg("capacity", 1, "How many records it may hold.")
    .arg("num_blobs", 1, "Blobs of a record.")
    .arg("enforce_unique_name", false, "Of no effect.")
    .optional_arg("field_names", ArgType::kStrings, "Names of the blobs in statistics; of no effect.")
    .object_output("queue", "The queue.")
    .shape(no_tensor)
    .no_grad()
    .cpu<CreateBlobsQueue>();

PF_OP(EnqueueBlobs)
    .doc("Moves blobs into a queue. Fails when it is closed; when it is full, another net must take a record first.")
    .with(kEnqueue)
    .cpu<Enqueue<false>>();

PF_OP(SafeEnqueueBlobs)
    .doc(
        "Moves blobs into a queue, and tells whether it was closed. When it is full, another net must take a record "
        "first.")
    .with(kEnqueue)
    .cpu<Enqueue<true>>();

PF_OP(DequeueBlobs)
    .doc(
        "Takes the oldest record out of a queue. Fails when the queue is closed and empty; when it is only empty, "
        "another "
        "net must fill it first.")
    .arg("timeout_secs", 0.f, "Of no effect: where nothing can arrive, the operator fails at once.")
    .with(kDequeue)
    .cpu<Dequeue<false>>();

PF_OP(SafeDequeueBlobs)
    .doc(
        "Takes the oldest records out of a queue, joins them along their first dimension, and tells whether there was "
        "none "
        "because the queue is closed.")
    .arg("num_records", 1, "How many; fewer when the queue is closed before.")
    .with(kDequeue)
    .cpu<Dequeue<true>>();

PF_OP(WeightedSampleDequeueBlobs)
    .doc("Takes the oldest record out of one of several queues, which is chosen at random.")
    .optional_arg("weights", ArgType::kFloats,
                  "How likely each queue is chosen, one number for each; all the same unless told.")
    .arg("table_idx_blob", -1, "Which output gets the number of the chosen queue, int32 [1]; none below 0.")
    .any_inputs("queues", "From CreateBlobsQueue.")
    .any_outputs(
        "results",
        "The blobs of the record, then the status: bool scalar, true when the chosen queue is closed and empty.")
    .shape_unknown("it depends on what was enqueued")
    .no_grad()
    .cpu<WeightedSampleDequeue>();

PF_OP(CloseBlobsQueue)
    .doc("Closes a queue: nothing can be enqueued any more, what is in it can be taken.")
    .with(kQueue)
    .shape(no_tensor)
    .cpu<CloseBlobsQueue>();

}  // namespace
}  // namespace pf
