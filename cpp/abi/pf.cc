// SPDX-License-Identifier: Apache-2.0
// The bodies of pf.h. State: the tables of handles and the last error, nothing else.
#include "abi/pf.h"

#include <cstring>

#include "core/blob_proto.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/print.h"
#include "core/schema.h"
#include "core/user_op.h"
#include "device/processes.h"
#include "net/gradient.h"
#include "net/infer.h"
#include "net/together.h"

namespace pf {
namespace {

// What a handle stands for: a workspace, or a net in one.
struct Open {
  uint32_t handle, owner;  // the net's workspace
  std::unique_ptr<Workspace> workspace;
  std::unique_ptr<Net> net;
};
std::vector<Open> opened;  // in the order of their handles
uint32_t last_handle = 0;
std::string last_error;

#if defined(__wasm_relaxed_simd__)
constexpr const char* kSimd = "relaxed";
#elif defined(__wasm_simd128__)
constexpr const char* kSimd = "simd128";
#elif defined(__SSE2__)
constexpr const char* kSimd = "sse2";
#elif defined(__ARM_NEON)
constexpr const char* kSimd = "neon";
#else
constexpr const char* kSimd = "none";
#endif
#ifdef PF_SINGLE_THREAD
constexpr bool kHasThreads = false;
#else
constexpr bool kHasThreads = true;
#endif

std::string reply;  // what `out` points into, until the next call

struct Call {
  uint32_t handle;
  std::string_view in;
  pf_out* out;

  Status answer(std::string bytes) {
    reply = std::move(bytes);
    return view(reply.data(), reply.size());
  }
  Status view(const void* data, size_t size) {
    out->data = static_cast<uint8_t*>(const_cast<void*>(data));
    out->size = size;
    return {};
  }
};

uint32_t add(uint32_t owner, std::unique_ptr<Workspace> workspace, std::unique_ptr<Net> net) {
  opened.push_back({++last_handle, owner, std::move(workspace), std::move(net)});
  return last_handle;
}

Open* find(uint32_t handle) {
  for (Open& open : opened)
    if (open.handle == handle) return &open;
  return nullptr;
}

// Closes a net, or a workspace after its nets, which came later.
void close(uint32_t handle) {
  for (size_t i = opened.size(); i-- > 0;)
    if (opened[i].handle == handle || opened[i].owner == handle) opened.erase(opened.begin() + ptrdiff_t(i));
}

Status find_workspace(const Call& call, Workspace** out) {
  Open* open = find(call.handle);
  PF_CHECK(open && open->workspace, handle, "workspace ", call.handle, " is closed or was never open");
  *out = open->workspace.get();
  return {};
}

Status find_net(uint32_t handle, Net** out) {
  Open* open = find(handle);
  PF_CHECK(open && open->net, handle, "net ", handle, " is closed or was never created");
  *out = open->net.get();
  return {};
}

Status find_blob(const Call& call, Blob** out) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  *out = ws->find(call.in);
  PF_CHECK(*out, no_blob, "there is no blob \"", call.in, "\" in this workspace (blobs: ", ws->known(call.in), ")");
  return {};
}

Status find_tensor(const Call& call, Blob** out) {
  PF_TRY(find_blob(call, out));
  Blob& b = **out;
  PF_CHECK(!b.object, no_blob, "blob \"", b.name, "\" holds no tensor but a ", b.object->kind());
  PF_CHECK(
      !b.shared_in, no_blob, "blob \"", b.name,
      "\" is an intermediate of a net planned for inference: its memory is used again by later operators. List it in "
      "external_output, or keep it when the net is created");
  PF_CHECK(b.tensor.defined(), no_blob, "blob \"", b.name,
           "\" is empty: nothing was fed to it or computed into it yet");
  return b.tensor.bring(nullptr).at("blob \"", b.name, "\"");
}

// The TensorHeader of pf.h.
std::string header(const Tensor& t) {
  uint32_t head[2] = {uint32_t(t.dtype()), uint32_t(t.rank())};
  std::string s(reinterpret_cast<char*>(head), sizeof head);
  return s.append(reinterpret_cast<const char*>(t.shape().begin()), size_t(t.rank()) * sizeof(int64_t));
}

Status version(Call& call) {
  Json j;
  j.begin('{').key("version").string("0.1.0").key("simd").string(kSimd).key("threads").boolean(kHasThreads).end('}');
  return call.answer(std::move(j.out));
}

Status schemas(Call& call) { return call.answer(schemas_json()); }

Status threads(Call& call) {
  call.out->handle = uint32_t(call.handle ? set_thread_count(int(call.handle)) : thread_count());
  return {};
}

// After the seed: the precision by its name and, after a space, the power of two that fp16 gradients are scaled by.
Status read_options(std::string_view text, AcceleratorOptions* out) {
  const size_t space = text.find(' ');
  const std::string_view precision = text.substr(0, space);
  constexpr std::string_view kNames[] = {"fp32", "tf32", "fp16"};
  int which = precision.empty() ? 0 : 3;
  for (int i = 0; i < 3; ++i)
    if (precision == kNames[i]) which = i;
  PF_CHECK(which < 3, argument, "the precision must be fp32, tf32 or fp16, found \"", precision, "\"");
  out->precision = Precision(which);
  if (space == std::string_view::npos) return {};
  int scale = 0;
  bool good = space + 1 < text.size();
  for (char c : text.substr(space + 1)) {
    good = good && c >= '0' && c <= '9' && scale < 100;
    if (good) scale = scale * 10 + (c - '0');
  }
  PF_CHECK(good && scale <= 24, argument, "the loss scale is given as an exponent of two from 0 to 24, found \"",
           text.substr(space + 1), "\"");
  out->loss_scale = scale;
  return {};
}

Status workspace_open(Call& call) {
  uint64_t seed = 0;
  PF_CHECK(call.in.size() >= sizeof seed, argument, "workspace_open takes a seed of 8 bytes, found ", call.in.size());
  std::memcpy(&seed, call.in.data(), sizeof seed);
  Accelerator* on = nullptr;
  if (call.handle) {
    PF_CHECK(open_accelerator, argument, "this build of the core has no CUDA: there is no GPU ", call.handle - 1);
    if (!kHasAccelerators) return {};
    AcceleratorOptions options;
    options.index = int(call.handle) - 1;
    PF_TRY(read_options(call.in.substr(sizeof seed), &options));
    PF_TRY(open_accelerator(options, &on));
  }
  call.out->handle = add(0, std::make_unique<Workspace>(seed, on), nullptr);
  return {};
}

Status workspace_close(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  // What failed on the GPU and nobody has asked for goes with the workspace.
  if (ws->accelerator()) (void)ws->accelerator()->finish().ok();
  close(call.handle);
  return {};
}

Status blob_feed(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  uint32_t head[2];
  PF_CHECK(call.in.size() >= sizeof head, parse, "a TensorHeader has at least 8 bytes, found ", call.in.size());
  std::memcpy(head, call.in.data(), sizeof head);
  call.in.remove_prefix(sizeof head);
  PF_CHECK(head[1] <= call.in.size() / 8, parse, "a TensorHeader of rank ", head[1], " is cut short");
  Shape shape;
  for (uint32_t i = 0; i < head[1]; ++i) {
    int64_t dim;
    std::memcpy(&dim, call.in.data(), sizeof dim);
    call.in.remove_prefix(sizeof dim);
    shape.push_back(dim);
  }
  PF_CHECK(!call.in.empty(), argument, "a blob needs a name");
  auto dtype = DType(head[0]);
  PF_CHECK(dtype_size(dtype), type, "blob \"", call.in, "\": type ", dtype, " cannot be fed as bytes");
  Blob& blob = ws->blob(call.in);
  if (blob.shared_in) blob.clear();
  blob.object.reset();
  PF_TRY(blob.tensor.resize(shape, dtype).at("blob \"", call.in, "\""));
  return call.view(blob.tensor.data<uint8_t>(), blob.tensor.byte_size());
}

Status blob_info(Call& call) {
  Blob* b;
  PF_TRY(find_blob(call, &b));
  return call.answer(header(b->shared_in ? Tensor() : b->tensor) + (b->object ? b->object->kind() : ""));
}

Status blob_data(Call& call) {
  Blob* b;
  PF_TRY(find_tensor(call, &b));
  PF_CHECK(b->tensor.dtype() != DType::kString, type, "blob \"", b->name,
           "\" holds strings; fetch it through blob_serialize");
  return call.view(b->tensor.data<uint8_t>(), b->tensor.byte_size());
}

Status blob_deserialize(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  std::string name;
  Tensor tensor;
  PF_TRY(parse_blob(call.in, &name, &tensor));
  Blob& blob = ws->blob(name);
  blob.clear();
  blob.tensor = std::move(tensor);
  return {};
}

Status blob_serialize(Call& call) {
  Blob* b;
  PF_TRY(find_tensor(call, &b));
  return call.answer(serialize_blob(*b));
}

Status blob_list(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  return call.answer(ws->names());
}

Status blob_remove(Call& call) {
  Blob* b;
  PF_TRY(find_blob(call, &b));
  find(call.handle)->workspace->remove(call.in);
  return {};
}

Status net_create(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  NetDef def;
  PF_TRY(parse(call.in, &def));
  std::unique_ptr<Net> net;
  PF_TRY(Net::create(def, *ws, &net));
  call.out->handle = add(call.handle, nullptr, std::move(net));
  return {};
}

Status net_run(Call& call) {
  Net* net;
  PF_TRY(find_net(call.handle, &net));
  return net->start(!call.in.empty());
}

Status net_close(Call& call) {
  Net* net;
  PF_TRY(find_net(call.handle, &net));
  close(call.handle);
  return {};
}

Status net_info(Call& call) {
  Net* net;
  PF_TRY(find_net(call.handle, &net));
  return call.answer(net->info());
}

Status op_run(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  OpDef def;
  PF_TRY(parse(call.in, &def));
  std::unique_ptr<Operator> op;
  PF_TRY(Operator::create(def, *ws, ws->accelerator(), &op));
  return op->run(ws->scratch());
}

Status gradient(Call& call) {
  NetDef request, made;
  PF_TRY(parse(call.in, &request));
  PF_TRY(make_gradient(request, &made));
  return call.answer(serialize(made));
}

Status infer(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  NetDef def;
  PF_TRY(parse(call.in, &def));
  std::string shapes;
  PF_TRY(infer_net(def, *ws, &shapes));
  return call.answer(std::move(shapes));
}

Status user_operator(Call& call) {
  OpDef def;
  PF_TRY(parse(call.in, &def));
  return register_user_operator(def);
}

Status memory(Call& call) {
  Json j;
  j.begin('{').key("used").number(double(Memory::used())).key("peak").number(double(Memory::peak())).end('}');
  return call.answer(std::move(j.out));
}

Status accelerators(Call& call) {
  return call.answer(describe_accelerators ? describe_accelerators() : "{\"built\":false,\"devices\":[]}");
}

Status finish(Call& call) {
  Workspace* ws;
  PF_TRY(find_workspace(call, &ws));
  return ws->accelerator() ? ws->accelerator()->finish() : Status();
}

Status print_to(Call& call) {
  PF_CHECK(call.handle == 1 || call.handle == 2, argument, "operators print to 1 or 2, not ", call.handle);
  set_print_target(int(call.handle));
  return {};
}

Status nets_run(Call& call) { return run_together(call.in, find_net, int(call.handle)); }

Status processes(Call& call) {
  PF_TRY(pf::processes(call.handle, &reply));
  return call.view(reply.data(), reply.size());
}

Status abort_flag(Call& call) { return call.view(&Net::abort_flag, sizeof(int32_t)); }

using Function = Status (*)(Call&);
constexpr Function kFunctions[] = {
#define F(name) name,
    PF_FUNCTIONS(F)
#undef F
};

}  // namespace
}  // namespace pf

extern "C" {

// FNV-1a over "function,function,…;status=number,…", so that both sides agree on every number.
uint32_t pf_abi_hash(void) {
  static const char kFunctionNames[] =
#define F(name) "," #name
      PF_FUNCTIONS(F);
#undef F
  static const char kStatusNames[] =
#define S(name, number, meaning) "," #name "=" #number
      PF_STATUSES(S);
#undef S
  uint32_t hash = 2166136261u;
  auto add = [&hash](const char* text) {
    for (; *text; ++text) hash = (hash ^ uint8_t(*text)) * 16777619u;
  };
  add(kFunctionNames + 1);
  add(";");
  add(kStatusNames + 1);
  return hash;
}

int32_t pf_call(uint32_t function, uint32_t handle, const uint8_t* in, size_t in_size, pf_out* out) {
  using namespace pf;
  *out = {};
  Call call{handle, {reinterpret_cast<const char*>(in), in_size}, out};
  Status status =
      function < PF_FN_COUNT ? kFunctions[function](call) : fail(Code::argument, "the core has no function ", function);
  if (!status.ok()) last_error = status.message();
  return int32_t(status.code());
}

const char* pf_last_error(void) { return pf::last_error.c_str(); }

}  // extern "C"
