// SPDX-License-Identifier: Apache-2.0
// Tables as text, a row in each line and tabs between the columns: CreateTextFileReader, TextFileReaderRead.
#include <cstdlib>

#include "core/file.h"
#include "core/objects.h"

namespace pf {
namespace {

struct TextFileReader final : Object {
  static constexpr const char* kKind = "reader of a text file";
  const char* kind() const override { return kKind; }

  File file;
  int64_t passes_left = 1;
  std::vector<DType> types;  // of the columns: float or string
  int64_t rows = 0;

  // The next line without its end; false at the end of the last pass.
  Status line(std::string* out, bool* found) {
    out->clear();
    for (*found = false;;) {
      if (at == size) {
        PF_TRY(file.read(buffer, sizeof buffer, &size));
        at = 0;
        if (size == 0) {
          if (*found || passes_left <= 1) return {};
          --passes_left;
          PF_TRY(file.rewind());
          PF_TRY(file.read(buffer, sizeof buffer, &size));
          if (size == 0) return {};
        }
      }
      *found = true;
      const char c = buffer[at++];
      if (c == '\n') return {};
      *out += c;
    }
  }

 private:
  char buffer[4096];
  size_t at = 0, size = 0;
};

struct CreateTextFileReader {
  Status run(OpRun& op) {
    const auto& types = op.args.ints("field_types");
    PF_CHECK(!types.empty(), argument, "field_types names no types");
    auto reader = std::make_unique<TextFileReader>();
    for (int64_t t : types) {
      PF_CHECK(t == int(DType::kFloat) || t == int(DType::kString), argument,
               "field_types may be 1 (float) and 4 (string), found ", t);
      reader->types.push_back(DType(t));
    }
    reader->passes_left = op.args.i("num_passes");
    PF_TRY(reader->file.open(std::string(op.args.s("filename")), File::kRead));
    op.out_blob(0).clear();
    op.out_blob(0).object = std::move(reader);
    return {};
  }
};

Status parse_field(const std::string& field, DType type, Tensor& column, int64_t row) {
  if (type == DType::kString) return column.data<std::string>()[row] = field, Status();
  char* end = nullptr;
  column.data<float>()[row] = std::strtof(field.c_str(), &end);
  PF_CHECK(end != field.c_str(), parse, "\"", field, "\" is no number");
  return {};
}

struct TextFileReaderRead {
  Status run(OpRun& op) {
    TextFileReader* reader;
    PF_TRY(object_of(op.in_blob(0), "CreateTextFileReader", &reader));
    const int64_t batch = op.args.i("batch_size");
    const size_t columns = reader->types.size();
    PF_CHECK(batch > 0, argument, "batch_size must be 1 or more, is ", batch);
    PF_CHECK_EQ(size_t(op.outputs()), columns, argument, "there must be an output for each column");
    // A batch may be asked for that is much longer than the file.
    std::vector<std::vector<std::string>> fields(columns);
    int64_t rows = 0;
    std::string line;
    for (bool found = true; rows < batch; ++rows) {
      PF_TRY(reader->line(&line, &found));
      if (!found) break;
      ++reader->rows;
      size_t at = 0;
      for (size_t k = 0; k < columns; ++k) {
        const size_t tab = line.find('\t', at);
        PF_CHECK((tab == line.npos) == (k + 1 == columns), parse, "row ", reader->rows, " of ", reader->file.path(),
                 " has not the ", columns, " columns expected");
        fields[k].push_back(line.substr(at, tab - at));
        at = tab + 1;
      }
    }
    for (size_t k = 0; k < columns; ++k) {
      PF_TRY(op.resize(int(k), Shape{rows}, reader->types[k]));
      for (int64_t r = 0; r < rows; ++r) PF_TRY(parse_field(fields[k][size_t(r)], reader->types[k], op.out(int(k)), r));
    }
    return {};
  }
};

PF_OP(CreateTextFileReader)
    .doc("Opens a text file with a row in each line and tabs between the columns. Needs the native core.")
    .arg("filename", "", "The file.")
    .arg("num_passes", 1, "How often to go through it.")
    .required_arg("field_types", ArgType::kInts, "Types of the columns: 1 (float) or 4 (string).")
    .object_output("reader", "The reader, at the first row.")
    .shape(no_tensor)
    .no_grad()
    .cpu<CreateTextFileReader>();

PF_OP(TextFileReaderRead)
    .doc("Reads the next rows; at the end fewer, then none.")
    .arg("batch_size", 1, "How many rows.")
    .object_input("reader", "From CreateTextFileReader.")
    .variadic_output("columns", "[rows] of each column.")
    .shape(no_tensor)
    .shape_unknown("it depends on the file")
    .no_grad()
    .cpu<TextFileReaderRead>();

}  // namespace
}  // namespace pf
