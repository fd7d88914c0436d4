// SPDX-License-Identifier: Apache-2.0
// Libraries of others (NVIDIA's, MPI), found and opened when they are first needed. The addon links none of them: it
// loads on any machine, and says what is missing and where it was looked for.
#pragma once
#include <string>
#include <vector>

#include "core/status.h"

namespace pf {

class Library {
 public:
  using Folders = std::vector<std::string> (*)(const char* wheel);
  // `names` are tried in order, in each of the folders, of which an empty one is the system's loader; `wheel` is the
  // library's folder in the pip package `nvidia`, `variable` names folders that come first. `shared`: what the library
  // opens itself finds its symbols.
  struct Place {
    Folders folders;
    const char *wheel, *variable;
    bool shared = false;
  };
  Library(const char* title, std::vector<const char*> names, Place place)
      : title_(title), names_(std::move(names)), place_(place) {}
  Library(const Library&) = delete;

  Status open();
  void* symbol(const char* name) const;  // null when the library is not open or has none of this name
  bool is_open() const { return handle_; }
  const char* title() const { return title_; }
  const std::string& path() const { return path_; }
  // After open() has failed: every place that was tried.
  const std::string& looked_in() const { return looked_in_; }

 private:
  bool try_path(const std::string& path);
  const char* title_;
  std::vector<const char*> names_;
  Place place_;
  void* handle_ = nullptr;
  std::string path_, looked_in_;
  bool tried_ = false;
};

Library& cuda_driver();
Library& cublas_lt();
Library& nvrtc();  // cuDNN compiles fused kernels with it
Library& cudnn();
Library& nccl();
Library& mpi();

// Declares a function of a library under its own name, looked up once: PF_IMPORT(cudnn(), cudnnCreate).
template <class F>
class Import {
 public:
  Import(Library& (*library)(), const char* name) : library_(library), name_(name) {}
  explicit operator bool() { return find(); }
  template <class... A>
  auto operator()(A... a) {
    return find()(a...);
  }

 private:
  F* find() {
    if (!f_) f_ = reinterpret_cast<F*>(library_().symbol(name_));
    return f_;
  }
  Library& (*library_)();
  const char* name_;
  F* f_ = nullptr;
};

}  // namespace pf
