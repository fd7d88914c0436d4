// SPDX-License-Identifier: Apache-2.0
// Files, for the operators that read and write them. The WebAssembly core has none: every way to open one then fails
// with Code::no_operator and a word on what to do instead.
#pragma once
#include <string>
#include <string_view>

#include "core/status.h"

namespace pf {

class File {
 public:
  enum Mode : char { kRead = 'r', kWrite = 'w', kAppend = 'a' };
  File() = default;
  File(File&& other) : file_(other.file_), path_(std::move(other.path_)) { other.file_ = nullptr; }
  ~File() { close(); }
  Status open(const std::string& path, Mode mode);
  void close();
  bool is_open() const { return file_ != nullptr; }

  // Reads up to `size` bytes; fewer only at the end.
  Status read(void* to, size_t size, size_t* got);
  // The same from a place of the file, whatever was read before.
  Status read_at(uint64_t at, void* to, size_t size, size_t* got);
  Status write(const void* from, size_t size);
  Status flush();
  Status rewind();
  // Bytes from here to the end.
  Status left(uint64_t* out);
  const std::string& path() const { return path_; }

 private:
  void* file_ = nullptr;
  std::string path_;
};

Status file_exists(const std::string& path, bool* out);
Status rename_file(const std::string& from, const std::string& to);
Status remove_file(const std::string& path);
// Makes a folder, unless it is there.
Status make_folder(const std::string& path);
// Makes an empty file; `made` is false when there is one already, also when another process is just making it.
Status make_new_file(const std::string& path, bool* made);
// Whether the run in progress is to be stopped. The answer is yes once: who gets it ends with Code::aborted.
bool take_abort();  // in net/
// Lets this thread sleep where threads may.
void sleep_ms(int milliseconds);

}  // namespace pf
