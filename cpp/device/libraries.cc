// SPDX-License-Identifier: Apache-2.0
#include "device/libraries.h"

#ifndef __wasm__

#include <dirent.h>
#include <dlfcn.h>

#include <cstdlib>

namespace pf {
namespace {

// Folders named by an environment variable, separated by colons.
void add_folders(std::vector<std::string>* to, const char* variable) {
  const char* value = std::getenv(variable);
  std::string rest = value ? value : "";
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    if (colon != 0) to->push_back(rest.substr(0, colon));
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
}

std::vector<std::string> entries(const std::string& folder, const char* prefix) {
  std::vector<std::string> found;
  if (DIR* dir = opendir(folder.c_str())) {
    while (const dirent* entry = readdir(dir))
      if (std::string(entry->d_name).rfind(prefix, 0) == 0) found.push_back(folder + "/" + entry->d_name);
    closedir(dir);
  }
  return found;
}

// Where pip puts packages: of an active virtual environment, of the system, of distributions.
std::vector<std::string> site_packages() {
  std::vector<std::string> sites, prefixes;
  add_folders(&sites, "PYTHONPATH");
  add_folders(&prefixes, "VIRTUAL_ENV");
  add_folders(&prefixes, "CONDA_PREFIX");
  prefixes.insert(prefixes.end(), {"/usr/local", "/usr"});
  for (const std::string& prefix : prefixes)
    for (const std::string& python : entries(prefix + "/lib", "python3"))
      sites.insert(sites.end(), {python + "/site-packages", python + "/dist-packages"});
  return sites;
}

// PORTAFILTER_CUDA_PATH names folders of libraries, or site-packages folders whose nvidia wheels are to be used. An
// empty folder leaves the search to the system's loader: LD_LIBRARY_PATH, its cache and its own folders.
std::vector<std::string> nvidia_folders(const char* wheel) {
  std::vector<std::string> own, all;
  add_folders(&own, "PORTAFILTER_CUDA_PATH");
  auto add_site = [&](const std::string& site) {
    all.push_back(site + "/nvidia/" + wheel + "/lib");
    all.push_back(site + "/nvidia/cu13/lib");
  };
  for (const std::string& folder : own) {
    all.push_back(folder);
    add_site(folder);
  }
  all.push_back("");
  for (const char* toolkit : {"/usr/local/cuda/lib64", "/usr/local/nvidia/lib64"}) all.push_back(toolkit);
  for (const std::string& site : site_packages()) add_site(site);
  return all;
}

std::vector<std::string> system_folders(const char*) { return {""}; }

// The Open MPI whose mpirun started this process, else the system's, else where distributions hide it.
std::vector<std::string> mpi_folders(const char*) {
  std::vector<std::string> all, prefixes;
  add_folders(&all, "PORTAFILTER_MPI_PATH");
  for (const char* variable : {"OPAL_PREFIX", "MPI_HOME"}) add_folders(&prefixes, variable);
  for (const std::string& prefix : prefixes) all.push_back(prefix + "/lib");
  all.push_back("");
  for (const char* prefix : {"/usr/lib/x86_64-linux-gnu/openmpi", "/usr/lib/aarch64-linux-gnu/openmpi",
                             "/usr/lib64/openmpi", "/usr/local", "/opt/openmpi"})
    all.push_back(std::string(prefix) + "/lib");
  return all;
}

}  // namespace

bool Library::try_path(const std::string& path) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | (place_.shared ? RTLD_GLOBAL : RTLD_LOCAL));
  if (handle_) path_ = path;
  return handle_;
}

Status Library::open() {
  if (handle_) return {};
  if (!tried_) {
    tried_ = true;
    for (const std::string& folder : place_.folders(place_.wheel)) {
      bool there = folder.empty();
      for (const char* name : names_) {
        if (try_path(folder.empty() ? name : folder + "/" + name)) return {};
        if (DIR* dir = there ? nullptr : opendir(folder.c_str())) there = true, closedir(dir);
      }
      if (there) append(looked_in_, looked_in_.empty() ? "" : ", ", folder.empty() ? "the system's folders" : folder);
    }
  }
  return fail(Code::argument, title_, " (", names_[0], ") was not found in ", looked_in_,
              "; install it, or name its folder in ", place_.variable);
}

void* Library::symbol(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

namespace {
constexpr const char* kCudaPath = "PORTAFILTER_CUDA_PATH";
}

Library& cuda_driver() {
  static Library library("the NVIDIA driver", {"libcuda.so.1"}, {system_folders, "", "LD_LIBRARY_PATH"});
  return library;
}
Library& cublas_lt() {
  static Library library("cuBLASLt", {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"},
                         {nvidia_folders, "cublas", kCudaPath});
  return library;
}
Library& nvrtc() {
  static Library library("NVRTC", {"libnvrtc.so.13", "libnvrtc.so.12"}, {nvidia_folders, "cuda_nvrtc", kCudaPath});
  return library;
}
Library& cudnn() {
  static Library library("cuDNN 9", {"libcudnn.so.9"}, {nvidia_folders, "cudnn", kCudaPath});
  return library;
}
Library& nccl() {
  static Library library("NCCL 2", {"libnccl.so.2"}, {nvidia_folders, "nccl", kCudaPath});
  return library;
}

// Its plugins, which it opens itself, want to see its symbols.
Library& mpi() {
  static Library library("Open MPI", {"libmpi.so.40", "libmpi.so"}, {mpi_folders, "", "PORTAFILTER_MPI_PATH", true});
  return library;
}

}  // namespace pf

#endif
