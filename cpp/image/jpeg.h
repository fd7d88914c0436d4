// SPDX-License-Identifier: Apache-2.0
// JPEG by libjpeg-turbo's libturbojpeg, opened when the first picture is decoded.
#pragma once
#include "image/picture.h"

namespace pf {

// Fails, saying where it was looked for, where there is no libturbojpeg.
Status need_jpeg();

// One for each thread.
class JpegDecoder {
 public:
  JpegDecoder() = default;
  JpegDecoder(const JpegDecoder&) = delete;
  ~JpegDecoder();
  // Reads the head of a picture; `bytes` must stay until it is decoded.
  Status open(std::string_view bytes, int* width, int* height);
  // Decodes what was opened, 1, 2, 4 or 8 times smaller, which is that much quicker.
  Status decode(int shrunk, int channels, Picture* out);

 private:
  Status failed() const;
  void* handle_ = nullptr;
  std::string_view bytes_;
  int width_ = 0, height_ = 0;
  bool four_inks_ = false;
};

}  // namespace pf
