// SPDX-License-Identifier: Apache-2.0
#include "core/print.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#if defined(__wasm__)
struct WasiBytes {
  const char* data;
  size_t size;
};
extern "C" __attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int32_t
pf_wasi_fd_write(int32_t file, const WasiBytes* parts, size_t count, size_t* written);
#else
#include <unistd.h>
#endif

namespace pf {

static std::atomic<int> target{1};  // threads print too

void set_print_target(int descriptor) { target.store(descriptor, std::memory_order_relaxed); }

void print_line(std::string_view line) {
  std::string text(line);
  text += '\n';
  const int descriptor = target.load(std::memory_order_relaxed);
  for (size_t at = 0; at < text.size();) {
#if defined(__wasm__)
    const WasiBytes part = {text.data() + at, text.size() - at};
    size_t written = 0;
    if (pf_wasi_fd_write(descriptor, &part, 1, &written) != 0 || written == 0) return;
    at += written;
#else
    const ssize_t written = write(descriptor, text.data() + at, text.size() - at);
    if (written <= 0) return;  // nobody listens: printing never fails an operator
    at += size_t(written);
#endif
  }
}

}  // namespace pf
