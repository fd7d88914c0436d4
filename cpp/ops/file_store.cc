// SPDX-License-Identifier: Apache-2.0
// Values that processes hand one another through a folder: FileStoreHandlerCreate, StoreSet, StoreGet, StoreAdd,
// StoreWait.
#include "core/blob_proto.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/objects.h"

namespace pf {
namespace {

constexpr double kPatienceMs = 30000;  // as Caffe2's stores
constexpr int kPollMs = 10;            // shared file systems tell nobody of changes

struct FileStore final : Object {
  static constexpr const char* kKind = "store";
  const char* kind() const override { return kKind; }
  std::string folder;

  // Any name becomes the name of a file.
  std::string path(std::string_view name, const char* before = "") const {
    std::string p = text(folder, "/", before);
    for (char c : name) {
      const bool plain =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      if (plain)
        p += c;
      else
        p += '%', p += "0123456789abcdef"[uint8_t(c) >> 4], p += "0123456789abcdef"[c & 15];
    }
    return p;
  }
  // A reader sees the whole value or none: it is written elsewhere and then moved.
  Status set(std::string_view name, const std::string& value) const {
    const std::string draft = path(name, ".");
    File file;
    PF_TRY(file.open(draft, File::kWrite));
    PF_TRY(file.write(value.data(), value.size()));
    PF_TRY(file.flush());
    file.close();
    return rename_file(draft, path(name));
  }
  Status get(std::string_view name, std::string* out) const {
    File file;
    uint64_t size;
    size_t got;
    PF_TRY(file.open(path(name), File::kRead));
    PF_TRY(file.left(&size));
    out->resize(size_t(size));
    PF_TRY(file.read(out->data(), out->size(), &got));
    out->resize(got);
    return {};
  }
};

// Asks again and again until `done` is set.
template <class F>
Status poll(std::string_view what, F ask) {
  const double begun = now_ms();
  for (;;) {
    bool done = false;
    PF_TRY(ask(&done));
    if (done) return {};
    PF_CHECK(!take_abort(), aborted, "stopped while waiting for ", what);
    PF_CHECK(now_ms() - begun < kPatienceMs, blocked, "waited 30 seconds for ", what, "; no process has set it");
    sleep_ms(kPollMs);
  }
}

Status wait_for(const FileStore& store, std::string_view name) {
  const std::string path = store.path(name);
  return poll(text("\"", name, "\""), [&](bool* done) { return file_exists(path, done); });
}

Status store_of(OpRun& op, FileStore** out) { return object_of(op.in_blob(0), "FileStoreHandlerCreate", out); }

std::string name_in(const Args& args, const std::string& otherwise) {
  return args.has("blob_name") ? std::string(args.s("blob_name")) : otherwise;
}

struct FileStoreHandlerCreate {
  Status run(OpRun& op) {
    std::string folder(op.args.s("path"));
    PF_CHECK(!folder.empty(), argument, "argument \"path\" names no folder");
    if (const auto prefix = op.args.s("prefix"); !prefix.empty()) append(folder, "/", prefix);
    PF_TRY(make_folder(folder));
    make_object<FileStore>(op.out_blob(0)).folder = std::move(folder);
    return {};
  }
};

struct StoreSet {
  Status run(OpRun& op) {
    FileStore* store;
    PF_TRY(store_of(op, &store));
    return store->set(name_in(op.args, op.args.def.input[1]), serialize_blob(op.in_blob(1)));
  }
};

struct StoreGet {
  Status run(OpRun& op) {
    FileStore* store;
    PF_TRY(store_of(op, &store));
    const std::string name = name_in(op.args, op.args.def.output[0]);
    std::string bytes, was;
    PF_TRY(wait_for(*store, name));
    PF_TRY(store->get(name, &bytes));
    op.out_blob(0).object.reset();
    return parse_blob(bytes, &was, &op.out(0));
  }
};

struct StoreAdd {
  Status run(OpRun& op) {
    FileStore* store;
    PF_TRY(store_of(op, &store));
    const std::string name(op.args.s("blob_name")), lock = store->path(name, ".lock.");
    PF_TRY(poll(text("the lock of \"", name, "\""), [&](bool* done) { return make_new_file(lock, done); }));
    int64_t count = 0;
    Status status = add(*store, name, op.args.i("add_value"), &count);
    Status unlocked = remove_file(lock);
    PF_TRY(std::move(status));
    op.out(0).data<int64_t>()[0] = count;
    return unlocked;
  }

  static Status add(const FileStore& store, const std::string& name, int64_t more, int64_t* count) {
    bool there;
    std::string bytes;
    PF_TRY(file_exists(store.path(name), &there));
    if (there) PF_TRY(store.get(name, &bytes));
    for (char c : bytes) {
      PF_CHECK((c >= '0' && c <= '9') || (c == '-' && &c == bytes.data()), value, "\"", name, "\" is no number");
    }
    PF_CHECK(bytes.size() < 20, value, "\"", name, "\" is no number");
    if (there) *count = std::strtoll(bytes.c_str(), nullptr, 10);
    PF_CHECK(!__builtin_add_overflow(*count, more, count), value, "the count \"", name, "\" is too large");
    return store.set(name, text(*count));
  }
};

struct StoreWait {
  Status run(OpRun& op) {
    FileStore* store;
    PF_TRY(store_of(op, &store));
    if (op.inputs() == 1) {
      for (const std::string& name : op.args.strings("blob_names")) PF_TRY(wait_for(*store, name));
      return {};
    }
    const Tensor& names = op.in(1);
    PF_CHECK(names.dtype() == DType::kString, type, "names must be string, are ", names.dtype());
    for (int64_t i = 0; i < names.size(); ++i) PF_TRY(wait_for(*store, names.data<std::string>()[i]));
    return {};
  }
};

constexpr auto kStore = [](auto& op) {
  op.object_input("store", "From FileStoreHandlerCreate.").refuse_grad("a store has no gradient");
};

PF_OP(FileStoreHandlerCreate)
    .doc("Makes a store that keeps each value in a file of a folder, which processes share. Needs the native core.")
    .arg("path", "", "The folder.")
    .arg("prefix", "", "A folder in it.")
    .object_output("store", "The store.")
    .shape(no_tensor)
    .refuse_grad("a store has no gradient")
    .cpu<FileStoreHandlerCreate>();

PF_OP(StoreSet)
    .doc("Puts a tensor into a store.")
    .optional_arg("blob_name", ArgType::kString, "Its name there; the blob's unless told.")
    .with(kStore)
    .input("X", "Any type and shape.")
    .shape(no_tensor)
    .cpu<StoreSet>();

PF_OP(StoreGet)
    .doc("Takes a tensor from a store. Waits until some process has put it there, 30 seconds at most.")
    .optional_arg("blob_name", ArgType::kString, "Its name there; the output's unless told.")
    .with(kStore)
    .output("Y", "As it was put in.")
    .shape(no_tensor)
    .shape_unknown("it depends on what is in the store")
    .cpu<StoreGet>();

PF_OP(StoreAdd)
    .doc("Adds to a number in a store, which begins at 0, as one step that no other process comes between.")
    .arg("blob_name", "", "Its name.")
    .arg("add_value", 1, "What to add.")
    .with(kStore)
    .output("value", "int64 scalar: the number now.")
    .shape([](Infer& in) -> Status { return in.set(0, Shape{}, DType::kInt64), Status(); })
    .cpu<StoreAdd>();

PF_OP(StoreWait)
    .doc("Waits until some processes have put all these values into a store, 30 seconds for each at most.")
    .optional_arg("blob_names", ArgType::kStrings, "Their names, when there is no input with them.")
    .with(kStore)
    .optional_input("names", "string.")
    .shape(no_tensor)
    .cpu<StoreWait>();

}  // namespace
}  // namespace pf
