// SPDX-License-Identifier: Apache-2.0
// MPI between processes, on tensors of the host: Caffe2's operators of that name.
#include "core/objects.h"
#include "device/processes.h"

namespace pf {
namespace {

class MpiWorld final : public Object {
 public:
  static constexpr char kKind[] = "MPI common world";
  const char* kind() const override { return kKind; }
  std::unique_ptr<Communicator> comm;
};

Status comm_of(OpRun& op, Communicator** out) {
  MpiWorld* world = nullptr;
  PF_TRY(object_of(op.in_blob(0), "MPICreateCommonWorld", &world));
  *out = world->comm.get();
  return {};
}

std::string naming(const char* doing, const OpRun& op, int i) { return text(doing, " \"", op.in_blob(i).name, "\""); }

struct Create {
  Status run(OpRun& op) {
    std::unique_ptr<Communicator> comm;
    PF_TRY(Communicator::open(&comm));
    make_object<MpiWorld>(op.out_blob(0)).comm = std::move(comm);
    return {};
  }
};

Status root_of(OpRun& op, const Communicator& comm, int* root) {
  *root = int(op.args.i("root"));
  PF_CHECK(*root >= 0 && *root < comm.size(), argument, "argument \"root\" is ", *root, "; there are processes 0 to ",
           comm.size() - 1);
  return {};
}

struct Broadcast {
  Status run(OpRun& op) {
    Communicator* comm;
    int root;
    PF_TRY(comm_of(op, &comm));
    PF_TRY(root_of(op, *comm, &root));
    Tensor& x = op.out(0);
    return comm->broadcast(root, x.data<uint8_t>(), x.byte_size(), naming("the broadcast of", op, 1));
  }
};

// At the root the sum; elsewhere the output is as large, and its contents mean nothing.
struct Reduce {
  Status run(OpRun& op) {
    Communicator* comm;
    int root;
    PF_TRY(comm_of(op, &comm));
    PF_TRY(root_of(op, *comm, &root));
    const Tensor& x = op.in(1);
    const void* from = x.data<uint8_t>();
    uint8_t* copy = nullptr;
    if (op.in_place(1, 0)) {
      PF_TRY(op.scratch(int64_t(x.byte_size()), &copy));
      if (x.byte_size()) std::memcpy(copy, from, x.byte_size());
      from = copy;
    }
    return comm->sum_at(root, from, op.out(0).data<uint8_t>(), x.size(), x.dtype(), naming("the sum of", op, 1));
  }
};

struct Allreduce {
  Status run(OpRun& op) {
    Communicator* comm;
    PF_TRY(comm_of(op, &comm));
    PF_TRY(op.out(0).copy_from(op.in(1)));
    const Communicator::Part part{op.out(0).data<uint8_t>(), op.out(0).size()};
    return comm->sum(&part, part.count ? 1 : 0, op.out(0).dtype(), naming("the sum of", op, 1));
  }
};

struct Allgather {
  Status run(OpRun& op) {
    Communicator* comm;
    PF_TRY(comm_of(op, &comm));
    const Tensor& x = op.in(1);
    Shape shape = x.shape();
    shape[0] *= comm->size();
    PF_TRY(op.resize(0, shape, x.dtype()));
    return comm->gather(x.data<uint8_t>(), op.out(0).data<uint8_t>(), x.byte_size(), naming("the gathering of", op, 1));
  }
};

// Who is sent to or received from, and the tag: two inputs, or the arguments.
Status partner_of(OpRun& op, const char* who, int* process, int* tag) {
  PF_CHECK(op.args.b("raw_buffer"), argument, "only bytes can be sent and received: give the argument raw_buffer=1");
  *process = int(op.args.i(who)), *tag = int(op.args.i("tag"));
  if (op.inputs() < 4) return {};
  for (int i = 2; i < 4; ++i)
    PF_CHECK(op.in(i).dtype() == DType::kInt32 && op.in(i).size() == 1, type, "input ", i, " must be one int32, is ",
             op.in(i).dtype(), " ", op.in(i).shape());
  *process = op.in(2).data<int32_t>()[0], *tag = op.in(3).data<int32_t>()[0];
  return {};
}

struct Send {
  Status run(OpRun& op) {
    Communicator* comm;
    int to, tag;
    PF_TRY(comm_of(op, &comm));
    PF_TRY(partner_of(op, "dst", &to, &tag));
    PF_CHECK(to >= 0 && to < comm->size() && tag >= 0, argument, "cannot send to process ", to, " with tag ", tag,
             "; there are processes 0 to ", comm->size() - 1, ", tags begin at 0");
    const Tensor& x = op.in(1);
    return comm->send(to, tag, x.data<uint8_t>(), x.byte_size(), naming("the sending of", op, 1));
  }
};

struct Receive {
  Status run(OpRun& op) {
    Communicator* comm;
    int from, tag;
    PF_TRY(comm_of(op, &comm));
    PF_TRY(partner_of(op, "src", &from, &tag));
    PF_CHECK(from >= -1 && from < comm->size() && tag >= -1, argument, "cannot receive from process ", from,
             " with tag ", tag, "; there are processes 0 to ", comm->size() - 1, ", and -1 is any");
    Tensor& y = op.out(0);
    PF_TRY(comm->receive(&from, &tag, y.data<uint8_t>(), y.byte_size(), naming("the receiving of", op, 1)));
    op.out(1).data<int32_t>()[0] = from;
    op.out(2).data<int32_t>()[0] = tag;
    return {};
  }
};

Status want_numbers(Infer& in) {
  const DType t = in.dtype(1);
  PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
           "X must be float32, float64, int32 or int64, is ", t, "; Cast converts");
  in.set(0, in.shape(1), t);
  return {};
}

Status want_bytes(Infer& in) {
  PF_CHECK(dtype_size(in.dtype(1)), type, "X must be of a fixed-size type, is ", in.dtype(1));
  return {};
}

Status same_bytes(Infer& in) {
  PF_TRY(want_bytes(in));
  in.set(0, in.shape(1), in.dtype(1));
  return {};
}

constexpr const char* kNoGradient = "what processes send each other has no gradient";

void common(OpBuilder<Device>& b) {
  b.object_input("comm_world", "From MPICreateCommonWorld.").refuse_grad(kNoGradient);
}

PF_OP(MPICreateCommonWorld)
    .doc("Makes a common world of all processes that mpirun started, for the other operators of MPI. All make it.")
    .object_output("comm_world", "The common world.")
    .shape(no_tensor)
    .refuse_grad(kNoGradient)
    .cpu<Create>();

PF_OP(MPIBroadcast)
    .doc("Gives the tensor of process `root` to all, which have one of the same type and shape.")
    .arg("root", 0, "The process whose tensor it is.")
    .with(common)
    .input("X", "Of any fixed-size type.")
    .output("X", "The same blob.")
    .must_inplace(1, 0)
    .shape(same_bytes)
    .cpu<Broadcast>();

PF_OP(MPIReduce)
    .doc("Sums the tensors of all processes; process `root` gets the sum.")
    .arg("root", 0, "The process that gets it.")
    .with(common)
    .input("X", "float32, float64, int32 or int64.")
    .output("Y", "Shape of X; what it holds in other processes means nothing.")
    .inplace(1, 0)
    .shape(want_numbers)
    .cpu<Reduce>();

PF_OP(MPIAllgather)
    .doc("Joins the tensors of all processes along their first dimension; all get the result.")
    .with(common)
    .input("X", "At least one dimension; of one type and shape everywhere.")
    .output("Y", "Of the first dimension of X times the number of processes.")
    .shape_unknown("it depends on the number of processes")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_bytes(in));
      PF_CHECK(in.shape(1).rank() > 0, shape, "X must have at least one dimension");
      return {};
    })
    .cpu<Allgather>();

PF_OP(MPIAllreduce)
    .doc("Sums the tensors of all processes; all get the sum.")
    .with(common)
    .input("X", "float32, float64, int32 or int64.")
    .output("Y", "Shape of X.")
    .inplace(1, 0)
    .shape(want_numbers)
    .cpu<Allreduce>();

PF_OP(MPISendTensor)
    .doc("Sends the bytes of a tensor to another process, which runs MPIReceiveTensor.")
    .arg("dst", -1, "The process that gets it.")
    .arg("tag", -1, "A number by which the receiver knows it.")
    .arg("raw_buffer", false, "Must be true, as in Caffe2: bytes are sent, neither type nor shape.")
    .with(common)
    .input("X", "What is sent.")
    .optional_input("dst", "int32, one number: stands for the argument.")
    .optional_input("tag", "int32, one number: stands for the argument.")
    .shape(want_bytes)
    .cpu<Send>();

PF_OP(MPIReceiveTensor)
    .doc("Receives the bytes of a tensor from another process into one that is as large.")
    .arg("src", -1, "The process it comes from; -1 is any.")
    .arg("tag", -1, "The number it was sent with; -1 is any.")
    .arg("raw_buffer", false, "Must be true, as in Caffe2.")
    .with(common)
    .input("Y", "A tensor of the right type and shape.")
    .optional_input("src", "int32, one number: stands for the argument.")
    .optional_input("tag", "int32, one number: stands for the argument.")
    .output("Y", "The same blob, with what was received.")
    .output("src", "int32: where it came from.")
    .output("tag", "int32: the number it was sent with.")
    .must_inplace(1, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(same_bytes(in));
      for (int j = 1; j < 3; ++j) in.set(j, Shape{}, DType::kInt32);
      return {};
    })
    .cpu<Receive>();

}  // namespace
}  // namespace pf
