// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <dlfcn.h>

#include <cstdlib>

#include "device/libraries.h"

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
std::vector<std::string> folders_for(const char* wheel) {
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

}  // namespace

bool Library::try_path(const std::string& path) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_) path_ = path;
  return handle_;
}

Status Library::open() {
  if (handle_) return {};
  if (!tried_) {
    tried_ = true;
    const bool anywhere = folder_[0];
    for (const std::string& folder : anywhere ? folders_for(folder_) : std::vector<std::string>{""}) {
      bool there = folder.empty();
      for (const char* name : names_) {
        if (try_path(folder.empty() ? name : folder + "/" + name)) return {};
        if (DIR* dir = there ? nullptr : opendir(folder.c_str())) there = true, closedir(dir);
      }
      if (there) append(looked_in_, looked_in_.empty() ? "" : ", ", folder.empty() ? "the system's folders" : folder);
    }
  }
  return fail(Code::argument, title_, " (", names_[0], ") was not found in ", looked_in_,
              "; install it, or name its folder in PORTAFILTER_CUDA_PATH");
}

void* Library::symbol(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

Library& cuda_driver() {
  static Library library("the NVIDIA driver", {"libcuda.so.1"}, "");
  return library;
}
Library& cublas_lt() {
  static Library library("cuBLASLt", {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"}, "cublas");
  return library;
}
Library& nvrtc() {
  static Library library("NVRTC", {"libnvrtc.so.13", "libnvrtc.so.12"}, "cuda_nvrtc");
  return library;
}
Library& cudnn() {
  static Library library("cuDNN 9", {"libcudnn.so.9"}, "cudnn");
  return library;
}
Library& nccl() {
  static Library library("NCCL 2", {"libnccl.so.2"}, "nccl");
  return library;
}

}  // namespace pf
