// SPDX-License-Identifier: Apache-2.0
#include "core/file.h"

#ifdef __wasm__

namespace pf {
namespace {

Status none() {
  return fail(
      Code::no_operator,
      "the WebAssembly core opens no files. Read or write the file in JavaScript and feed or fetch the blobs, or use "
      "the native core");
}

}  // namespace

Status File::open(const std::string&, Mode) { return none(); }
void File::close() {}
Status File::read(void*, size_t, size_t*) { return none(); }
Status File::read_at(uint64_t, void*, size_t, size_t*) { return none(); }
Status File::write(const void*, size_t) { return none(); }
Status File::flush() { return none(); }
Status File::rewind() { return none(); }
Status File::left(uint64_t*) { return none(); }
Status file_exists(const std::string&, bool*) { return none(); }
Status rename_file(const std::string&, const std::string&) { return none(); }
Status remove_file(const std::string&) { return none(); }
Status make_folder(const std::string&) { return none(); }
Status make_new_file(const std::string&, bool*) { return none(); }
void sleep_ms(int) {}

}  // namespace pf

#else

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

namespace pf {
namespace {

FILE* handle(void* file) { return static_cast<FILE*>(file); }

Status failed(const char* what, const std::string& path) {
  return fail(Code::argument, "cannot ", what, " \"", path, "\": ", std::strerror(errno));
}

}  // namespace

Status File::open(const std::string& path, Mode mode) {
  close();
  const char flags[] = {char(mode), 'b', 0};
  path_ = path;
  file_ = std::fopen(path.c_str(), flags);
  if (!file_) return failed(mode == kRead ? "open" : "write", path);
  // A folder can be opened for reading; its first byte cannot be read.
  if (mode == kRead) {
    const int c = std::fgetc(handle(file_));
    if (c == EOF && std::ferror(handle(file_))) {
      Status status = failed("read", path);
      close();
      return status;
    }
    return rewind();
  }
  return {};
}

void File::close() {
  if (file_) std::fclose(handle(file_));
  file_ = nullptr;
}

Status File::read(void* to, size_t size, size_t* got) {
  *got = std::fread(to, 1, size, handle(file_));
  return *got < size && std::ferror(handle(file_)) ? failed("read", path_) : Status();
}

Status File::read_at(uint64_t at, void* to, size_t size, size_t* got) {
  PF_CHECK(at <= uint64_t(LONG_MAX) && !std::fseek(handle(file_), long(at), SEEK_SET), argument, "cannot go to byte ",
           at, " of \"", path_, "\"");
  return read(to, size, got);
}

Status File::write(const void* from, size_t size) {
  return std::fwrite(from, 1, size, handle(file_)) < size ? failed("write", path_) : Status();
}

Status File::flush() { return std::fflush(handle(file_)) ? failed("write", path_) : Status(); }

Status File::rewind() { return std::fseek(handle(file_), 0, SEEK_SET) ? failed("read", path_) : Status(); }

Status File::left(uint64_t* out) {
  const long here = std::ftell(handle(file_));
  if (here < 0 || std::fseek(handle(file_), 0, SEEK_END)) return failed("read", path_);
  const long end = std::ftell(handle(file_));
  if (end < here || std::fseek(handle(file_), here, SEEK_SET)) return failed("read", path_);
  *out = uint64_t(end - here);
  return {};
}

Status file_exists(const std::string& path, bool* out) {
  FILE* file = std::fopen(path.c_str(), "rb");
  *out = file != nullptr;
  if (file) std::fclose(file);
  return {};
}

Status rename_file(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) ? failed("write", to) : Status();
}

Status remove_file(const std::string& path) { return std::remove(path.c_str()) ? failed("remove", path) : Status(); }

Status make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  PF_CHECK(!error, argument, "cannot make the folder \"", path, "\": ", error.message());
  return {};
}

Status make_new_file(const std::string& path, bool* made) {
  FILE* file = std::fopen(path.c_str(), "wbx");
  *made = file != nullptr;
  if (file) std::fclose(file);
  return file || errno == EEXIST ? Status() : failed("write", path);
}

void sleep_ms(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

}  // namespace pf

#endif
