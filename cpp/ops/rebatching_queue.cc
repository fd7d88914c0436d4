// SPDX-License-Identifier: Apache-2.0
// Queues whose records are joined to batches on their way out: CreateRebatchingQueue, EnqueueRebatchingQueue,
// DequeueRebatchingQueue, CloseRebatchingQueue. As with queues of blobs nobody waits inside the core.
#include <deque>

#include "core/objects.h"
#include "math/copy.h"

namespace pf {
namespace {

using Row = std::vector<Tensor>;

struct RebatchingQueue final : Object {
  static constexpr const char* kKind = "rebatching queue";
  const char* kind() const override { return kKind; }
  RebatchingQueue(size_t capacity, size_t width) : capacity(capacity), width(width) {}
  const size_t capacity, width;
  bool closed = false;
  uint64_t taken = 0;
  std::deque<Row> rows;
};

Status queue_of(OpRun& op, RebatchingQueue** out) { return object_of(op.in_blob(0), "CreateRebatchingQueue", out); }

struct CreateRebatchingQueue {
  Status run(OpRun& op) {
    const int64_t capacity = op.args.i("capacity"), width = op.args.i("num_blobs");
    PF_CHECK(capacity > 0, argument, "capacity must be 1 or more, is ", capacity);
    PF_CHECK(width > 0, argument, "num_blobs must be 1 or more, is ", width);
    make_object<RebatchingQueue>(op.out_blob(0), size_t(capacity), size_t(width));
    return {};
  }
};

// Row i of a batch, as a copy.
Status row_of(const Tensor& batch, int64_t i, Tensor* out) {
  Shape shape;
  for (int d = 1; d < batch.rank(); ++d) shape.push_back(batch.dim(d));
  PF_TRY(out->resize(shape, batch.dtype()));
  const Elements elements(batch.dtype());
  elements.copy(out->data<uint8_t>(), elements.at(batch.data<uint8_t>(), i * shape.size()), shape.size());
  return {};
}

struct EnqueueRebatchingQueue {
  int64_t written = 0;   // rows of a batch that are in the queue already
  uint64_t version = 0;  // of the batch they are from

  Status run(OpRun& op) {
    RebatchingQueue* queue;
    PF_TRY(queue_of(op, &queue));
    const int width = op.inputs() - 1;
    PF_CHECK(size_t(width) == queue->width, argument, "the queue \"", op.in_blob(0).name, "\" takes ", queue->width,
             " tensors, found ", width);
    const bool batch = op.args.b("enqueue_batch");
    int64_t rows = 1;
    for (int i = 1; batch && i <= width; ++i) {
      const Tensor& x = op.in(i);
      PF_CHECK(x.rank() >= 1, shape, "a batch has 1 dimension or more, \"", op.in_blob(i).name, "\" is a scalar");
      PF_CHECK(x.dim(0) == op.in(1).dim(0), shape, "batches must be equally long, found ", op.in(1).shape(), " and ",
               x.shape());
      rows = x.dim(0);
    }
    if (version != op.in(1).version()) written = 0, version = op.in(1).version();
    for (; written < rows; ++written) {
      PF_CHECK(!queue->closed, value, "the queue \"", op.in_blob(0).name, "\" is closed");
      PF_CHECK(
          queue->rows.size() < queue->capacity, blocked, "the queue \"", op.in_blob(0).name,
          "\" is full: ", queue->rows.size(), " of ", queue->capacity, " (", queue->taken,
          " were taken), and only another net can take some out. Dequeue first, make it with a greater capacity, or "
          "run both nets as concurrent substeps of a plan");
      Row row(queue->width);
      for (size_t i = 0; i < queue->width; ++i) {
        const Tensor& x = op.in(int(i) + 1);
        PF_TRY(batch ? row_of(x, written, &row[i]) : row[i].copy_from(x));
      }
      queue->rows.push_back(std::move(row));
    }
    written = 0, version = 0;
    return {};
  }
};

struct DequeueRebatchingQueue {
  std::vector<Row> rows;  // those taken before the queue ran empty stay here

  Status run(OpRun& op) {
    RebatchingQueue* queue;
    PF_TRY(queue_of(op, &queue));
    const int64_t wanted = op.args.i("num_elements");
    PF_CHECK(wanted > 0, argument, "num_elements must be 1 or more, is ", wanted);
    PF_CHECK(size_t(op.outputs()) == queue->width, argument, "the queue \"", op.in_blob(0).name, "\" gives ",
             queue->width, " tensors, found ", op.outputs(), " outputs");
    while (int64_t(rows.size()) < wanted && !(queue->closed && queue->rows.empty())) {
      PF_CHECK(!queue->rows.empty(), blocked, "the queue \"", op.in_blob(0).name, "\" is empty (", queue->taken,
               " were taken), and only another net can fill it. Enqueue first, close the queue, or run both nets as "
               "concurrent substeps of a plan");
      rows.push_back(std::move(queue->rows.front()));
      queue->rows.pop_front(), ++queue->taken;
    }
    std::vector<Row> batch;
    batch.swap(rows);
    PF_CHECK(!batch.empty(), value, "the queue \"", op.in_blob(0).name, "\" is closed and empty");
    for (int j = 0; j < op.outputs(); ++j) PF_TRY(join(op, batch, j));
    return {};
  }

  static Status join(OpRun& op, const std::vector<Row>& batch, int j) {
    PF_CHECK(!op.in_place(0, j), argument, "\"", op.out_blob(j).name, "\" cannot be dequeued into itself");
    const Tensor& first = batch[0][size_t(j)];
    PF_CHECK(first.rank() < Shape::kMaxRank, shape, "a batch of tensors of shape ", first.shape(),
             " has too many dimensions");
    Shape shape{int64_t(batch.size())};
    for (int64_t d : first.shape()) shape.push_back(d);
    op.out_blob(j).object.reset();
    PF_TRY(op.resize(j, shape, first.dtype()));
    const Elements elements(first.dtype());
    for (size_t r = 0; r < batch.size(); ++r) {
      const Tensor& x = batch[r][size_t(j)];
      PF_CHECK(x.dtype() == first.dtype() && x.shape() == first.shape(), shape,
               "tensors of one batch must be alike; there are ", first.shape(), " and ", x.shape());
      elements.copy(elements.at(op.out(j).data<uint8_t>(), int64_t(r) * x.size()), x.data<uint8_t>(), x.size());
    }
    return {};
  }
};

struct CloseRebatchingQueue {
  Status run(OpRun& op) {
    RebatchingQueue* queue;
    PF_TRY(queue_of(op, &queue));
    queue->closed = true;
    return {};
  }
};

constexpr auto kQueue = [](auto& op) { op.object_input("queue", "From CreateRebatchingQueue.").no_grad(); };

PF_OP(CreateRebatchingQueue)
    .doc("Makes a queue that takes tensors one by one, or batches apart, and gives batches of another length.")
    .arg("capacity", 1, "How many elements it may hold.")
    .arg("num_blobs", 1, "Tensors of an element.")
    .object_output("queue", "The queue.")
    .shape(no_tensor)
    .no_grad()
    .cpu<CreateRebatchingQueue>();

PF_OP(EnqueueRebatchingQueue)
    .doc(
        "Puts an element, or each row of a batch, into a queue. Fails when it is closed; when it is full, another net "
        "must "
        "take elements first.")
    .arg("enqueue_batch", false, "The tensors are batches: each row is an element.")
    .with(kQueue)
    .variadic_input("X", "The tensors of an element, as many as num_blobs.")
    .shape(no_tensor)
    .cpu<EnqueueRebatchingQueue>();

PF_OP(DequeueRebatchingQueue)
    .doc(
        "Takes elements out of a queue and makes them a batch. Fails when the queue is closed and empty; when there "
        "are too "
        "few, another net must bring more first.")
    .arg("num_elements", 1, "Length of the batch; shorter when the queue is closed before.")
    .with(kQueue)
    .variadic_output("Y", "[elements, shape of one], as many as num_blobs.")
    .shape(no_tensor)
    .shape_unknown("it depends on what was enqueued")
    .cpu<DequeueRebatchingQueue>();

PF_OP(CloseRebatchingQueue)
    .doc("Closes a queue: nothing can be enqueued any more, what is in it can be taken.")
    .with(kQueue)
    .shape(no_tensor)
    .cpu<CloseRebatchingQueue>();

}  // namespace
}  // namespace pf
