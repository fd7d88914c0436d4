// SPDX-License-Identifier: Apache-2.0
// Blobs in databases: Save, Load, Checkpoint and its old name Snapshot.
#include "core/db.h"
#include "core/objects.h"

namespace pf {
namespace {

std::string path_of(const Args& args, std::string_view db) {
  return args.b("absolute_path") ? std::string(db) : text("./", db);
}

struct ToDb final : BlobChunks {
  explicit ToDb(DbSink& db) : db(db) {}
  Status put(std::string_view key, std::string_view proto) override { return db.put(key, proto); }
  DbSink& db;
};

// The part of a name behind a prefix, wherever that begins in it.
std::string without(std::string_view name, std::string_view prefix) {
  const size_t at = prefix.empty() ? name.npos : name.find(prefix);
  return std::string(at == name.npos ? name : name.substr(at + prefix.size()));
}

Status save(OpRun& op, std::string_view db) {
  const Args& args = op.args;
  const auto& overrides = args.strings("blob_name_overrides");
  PF_CHECK(overrides.empty() || int(overrides.size()) == op.inputs(), argument, "there are ", overrides.size(),
           " blob_name_overrides for ", op.inputs(), " blobs");
  PF_CHECK(overrides.empty() || args.s("strip_prefix").empty(), argument,
           "blob_name_overrides and strip_prefix cannot both be given");
  PF_CHECK(!db.empty(), argument, "argument \"db\" names no database");
  std::vector<std::string> names;
  for (int i = 0; i < op.inputs(); ++i) {
    names.push_back(overrides.empty() ? without(op.in_blob(i).name, args.s("strip_prefix")) : overrides[size_t(i)]);
    for (int k = 0; k < i; ++k)
      PF_CHECK(names[size_t(k)] != names.back(), argument, "two blobs would be saved as \"", names.back(), "\"");
    PF_CHECK(op.in(i).defined(), no_blob, "\"", op.in_blob(i).name, "\" holds no tensor; only tensors can be saved");
  }
  std::unique_ptr<DbSink> sink;
  PF_TRY(create_db(args.s("db_type"), path_of(args, db), &sink));
  ToDb to(*sink);
  for (int i = 0; i < op.inputs(); ++i)
    PF_TRY(to.write(op.in(i), names[size_t(i)]).at("blob \"", names[size_t(i)], "\""));
  return sink->close();
}

struct Save {
  Status run(OpRun& op) { return save(op, op.args.s("db")); }
};

// Puts a number where the pattern has %d, as printf does: with a width, and zeros in front of it where that begins with
// 0.
Status put_number(std::string_view pattern, int64_t number, std::string* out) {
  bool done = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      *out += pattern[i];
      continue;
    }
    if (i + 1 < pattern.size() && pattern[i + 1] == '%') {
      *out += pattern[++i];
      continue;
    }
    size_t width = 0;
    const bool zeros = ++i < pattern.size() && pattern[i] == '0';
    for (; i < pattern.size() && pattern[i] >= '0' && pattern[i] <= '9' && width < 100; ++i)
      width = width * 10 + size_t(pattern[i] - '0');
    while (i < pattern.size() && pattern[i] == 'l') ++i;
    PF_CHECK(
        i < pattern.size() && (pattern[i] == 'd' || pattern[i] == 'i' || pattern[i] == 'u') && !done && width < 100,
        argument, "argument \"db\" may have one %d, or one with a width as in %06d; it is \"", pattern, "\"");
    const std::string digits = text(number);
    if (digits.size() < width) out->append(width - digits.size(), zeros ? '0' : ' ');
    *out += digits;
    done = true;
  }
  return {};
}

struct Checkpoint {
  Status run(OpRun& op) {
    const int64_t every = op.args.i("every");
    PF_CHECK(every > 0, argument, "every must be 1 or more, is ", every);
    const int64_t iteration = op.in(0).data<int64_t>()[0];
    if (iteration % every) return {};
    std::string db;
    PF_TRY(put_number(op.args.s("db"), iteration, &db));
    return save(op, db);
  }
};

struct Load {
  const Args& args;
  Scope* scope = nullptr;
  explicit Load(const Args& args) : args(args) {}
  Status bind(Scope& around) { return scope = &around, Status(); }

  struct Found {
    std::string name;  // in the database, with what the arguments make of it
    Tensor tensor;
    int64_t elements = 0;
    size_t db = 0;
  };
  std::vector<std::string> wanted;  // by output
  std::vector<Found> found;

  Status run(OpRun& op) {
    found.clear();
    wanted = args.strings("source_blob_names");
    const bool all = args.b("load_all");
    PF_CHECK(wanted.empty() || int(wanted.size()) == op.outputs(), argument, "there are ", wanted.size(),
             " source_blob_names for ", op.outputs(), " outputs");
    PF_CHECK(wanted.empty() || (!all && args.s("strip_prefix").empty()), argument,
             "source_blob_names goes neither with load_all nor with strip_prefix");
    if (wanted.empty()) wanted = args.def.output;
    for (size_t i = 0; !all && i < wanted.size(); ++i)
      for (size_t k = 0; k < i; ++k)
        PF_CHECK(wanted[i] != wanted[k], argument, "\"", wanted[i], "\" is asked for twice");
    PF_TRY(op.inputs() ? read_inputs(op) : read_files());
    return all ? give_all() : give(op);
  }

  Status read_inputs(OpRun& op) {
    for (int i = 0; i < op.inputs(); ++i) {
      DbReader* reader;
      PF_TRY(object_of(op.in_blob(i), "CreateDB", &reader));
      PF_TRY(reader->cursor->begin());
      PF_TRY(read(*reader->cursor->source, size_t(i)));
      PF_TRY(reader->cursor->begin());
    }
    return {};
  }
  Status read_files() {
    std::vector<std::string> dbs = args.strings("dbs");
    const std::string db(args.s("db"));
    PF_CHECK(dbs.empty() != db.empty(), argument, "one of the arguments \"db\" and \"dbs\" must name what to load");
    if (dbs.empty()) dbs.push_back(db);
    for (size_t i = 0; i < dbs.size(); ++i) {
      std::unique_ptr<DbSource> source;
      PF_TRY(open_db(args.s("db_type"), path_of(args, dbs[i]), &source));
      PF_TRY(read(*source, i).at("\"", dbs[i], "\""));
    }
    return {};
  }
  Status read(DbSource& source, size_t db) {
    std::string key, value;
    for (bool more;;) {
      PF_TRY(source.next(&key, &value, &more));
      if (!more) return {};
      const std::string name = text(args.s("add_prefix"), without(chunk_name(key), args.s("strip_prefix")));
      if (!args.b("load_all") && !place(name, nullptr)) continue;
      Found* one = nullptr;
      for (Found& f : found)
        if (f.name == name) one = &f;
      if (!one) {
        found.emplace_back();
        one = &found.back(), one->name = name, one->db = db;
      }
      PF_CHECK(one->db == db, value, "\"", name, "\" is in two of the databases");
      PF_TRY(read_chunk(value, &one->tensor, &one->elements).at("blob \"", key, "\""));
    }
  }
  bool place(const std::string& name, size_t* out) const {
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i] == name) return out ? *out = i : 0, true;
    return false;
  }
  static Status whole(const Found& one) {
    PF_CHECK(one.elements == one.tensor.size(), parse, "blob \"", one.name, "\" has ", one.elements, " elements of ",
             one.tensor.size());
    return {};
  }
  static void put(Blob& blob, Tensor& tensor) {
    blob.clear();
    blob.tensor = std::move(tensor);
  }

  Status give_all() {
    for (Found& one : found) {
      PF_TRY(whole(one));
      put(scope->blob(one.name), one.tensor);
    }
    return found.clear(), Status();
  }
  Status give(OpRun& op) {
    std::string missing;
    for (size_t i = 0; i < wanted.size(); ++i) {
      bool there = false;
      for (Found& one : found) there |= one.name == wanted[i];
      if (!there) append(missing, missing.empty() ? "" : ", ", wanted[i]);
    }
    PF_CHECK(missing.empty() || args.b("allow_incomplete"), no_blob, "not in the database: ", missing);
    for (Found& one : found) PF_TRY(whole(one));
    for (Found& one : found) {
      size_t j = 0;
      if (place(one.name, &j)) put(op.out_blob(int(j)), one.tensor);
    }
    return found.clear(), Status();
  }
};

constexpr auto kSave = [](auto& op) {
  op.arg("absolute_path", false, "db is a whole path, not one from the folder of the process on.")
      .arg("strip_prefix", "", "Names are saved without this and what is before it.")
      .optional_arg("blob_name_overrides", ArgType::kStrings, "Names to save the blobs as.")
      .arg("db_type", "", "Type of the database: lmdb or minidb.")
      .refuse_grad("saving has no gradient");
};
constexpr auto kCheckpoint = [](auto& op) {
  op.arg("db", "", "Its file; %d in it is the iteration.")
      .arg("every", 1, "Save when the iteration is a multiple of it.")
      .with(kSave)
      .input("iteration", "int64: the number of the iteration. It is saved, too.")
      .any_inputs("blobs", "Tensors.")
      .shape([](Infer& in) -> Status {
        PF_TRY(in.want_dtype(0, DType::kInt64));
        PF_CHECK(in.shape(0).size() >= 1, shape, "there is no iteration, the shape is ", in.shape(0));
        return {};
      });
};

PF_OP(Save)
    .doc("Saves blobs in a new database. Needs the native core.")
    .arg("db", "", "Its file.")
    .with(kSave)
    .variadic_input("blobs", "Tensors.")
    .shape(no_tensor)
    .cpu<Save>();

PF_OP(Checkpoint)
    .doc("Saves blobs in a new database, now and then. Needs the native core.")
    .with(kCheckpoint)
    .cpu<Checkpoint>();

PF_OP(Snapshot).doc("The old name of Checkpoint. Needs the native core.").with(kCheckpoint).cpu<Checkpoint>();

PF_OP(Load)
    .doc("Loads blobs from databases. Needs the native core.")
    .arg("absolute_path", false, "db and dbs are whole paths, not ones from the folder of the process on.")
    .arg("add_prefix", "", "Blobs get this in front of their names in the database.")
    .arg("strip_prefix", "", "Names in the database are taken without this and what is before it.")
    .arg("db", "", "The file.")
    .optional_arg("dbs", ArgType::kStrings, "Several files.")
    .arg("db_type", "", "Their type: lmdb or minidb.")
    .arg("keep_device", false, "Of no effect.")
    .arg("load_all", false, "Load all there are, each into the blob of its name.")
    .arg("allow_incomplete", false, "Leave outputs as they are which are not in the database.")
    .optional_arg("source_blob_names", ArgType::kStrings, "Names in the database of the outputs.")
    .any_inputs("readers", "From CreateDB, in place of files.")
    .any_outputs("blobs", "The blobs to load.")
    .shape_unknown("it depends on the database")
    .no_grad()
    .cpu<Load>();

}  // namespace
}  // namespace pf
