// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg.h"

#include <cstdlib>
#include <mutex>

#include "device/libraries.h"

namespace pf {
namespace {

// Folders that the environment names, then the system's.
std::vector<std::string> folders(const char*) {
  const char* named = std::getenv("PORTAFILTER_JPEG_PATH");
  return named ? std::vector<std::string>{named, ""} : std::vector<std::string>{""};
}

Library& turbo_jpeg() {
  static Library library("libjpeg-turbo", {"libturbojpeg.so.0", "libturbojpeg.dylib", "libturbojpeg.so"},
                         {folders, "", "PORTAFILTER_JPEG_PATH (Debian and Ubuntu: apt-get install libturbojpeg0)"});
  return library;
}

// The functions and numbers of turbojpeg.h (2.0 and newer) in use here.
using Handle = void*;
#define PF_TURBO(name, result, ...) \
  Import<result(__VA_ARGS__)> name { &turbo_jpeg, #name }
PF_TURBO(tjInitDecompress, Handle);
PF_TURBO(tjDecompressHeader3, int, Handle, const uint8_t*, unsigned long, int*, int*, int*, int*);
PF_TURBO(tjDecompress2, int, Handle, const uint8_t*, unsigned long, uint8_t*, int, int, int, int, int);
PF_TURBO(tjGetErrorStr2, const char*, Handle);
PF_TURBO(tjGetErrorCode, int, Handle);
PF_TURBO(tjDestroy, int, Handle);
#undef PF_TURBO
enum PixelFormat : int { kBgr = 1, kGray = 6, kCmyk = 11 };
enum ColorSpace : int { kSpaceCmyk = 3, kSpaceYcck = 4 };
constexpr int kWarning = 0;

constexpr int64_t kMostPixels = int64_t(1) << 26;

}  // namespace

Status need_jpeg() {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (Status s = turbo_jpeg().open(); !s.ok()) return fail(Code::no_operator, "decoding JPEG needs ", s.message());
  // Each is looked up once, before threads share it.
  const bool whole = bool(tjInitDecompress) && bool(tjDecompressHeader3) && bool(tjDecompress2) &&
                     bool(tjGetErrorStr2) && bool(tjGetErrorCode) && bool(tjDestroy);
  PF_CHECK(whole, no_operator, turbo_jpeg().path(), " is too old; version 2 or newer of libjpeg-turbo is needed");
  return {};
}

JpegDecoder::~JpegDecoder() {
  if (handle_) tjDestroy(handle_);
}

Status JpegDecoder::failed() const {
  return fail(Code::parse, "malformed JPEG: ", handle_ ? tjGetErrorStr2(handle_) : "there is no memory for it");
}

Status JpegDecoder::open(std::string_view bytes, int* width, int* height) {
  if (!handle_) handle_ = tjInitDecompress();
  *width = *height = 0;
  int subsampling, space = -1;
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  if (!handle_ || tjDecompressHeader3(handle_, from, bytes.size(), width, height, &subsampling, &space))
    return failed();
  // Of a file that ends too early the library may say only that.
  PF_CHECK(*width > 0 && *height > 0, parse, "malformed JPEG: it has no size");
  PF_CHECK(int64_t(*width) * *height <= kMostPixels, parse, "a JPEG of ", *width, " x ", *height,
           " pixels is too large");
  bytes_ = bytes, width_ = *width, height_ = *height;
  four_inks_ = space == kSpaceCmyk || space == kSpaceYcck;
  return {};
}

namespace {

// Adobe's files hold the inks inverted: 255 is none.
void from_inks(const std::vector<uint8_t>& inks, Picture* out) {
  const size_t count = inks.size() / 4;
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < 3; ++c) out->pixels[3 * i + c] = uint8_t(inks[4 * i + 2 - c] * inks[4 * i + 3] / 255);
}

}  // namespace

Status JpegDecoder::decode(int shrunk, int channels, Picture* out) {
  out->width = (width_ + shrunk - 1) / shrunk, out->height = (height_ + shrunk - 1) / shrunk;
  out->channels = four_inks_ ? 3 : channels;
  const size_t count = size_t(out->width) * size_t(out->height);
  out->pixels.resize(count * size_t(out->channels));
  std::vector<uint8_t> inks(four_inks_ ? count * 4 : 0);
  const auto* from = reinterpret_cast<const uint8_t*>(bytes_.data());
  const int format = four_inks_ ? kCmyk : channels == 1 ? kGray : kBgr;
  uint8_t* to = four_inks_ ? inks.data() : out->pixels.data();
  if (tjDecompress2(handle_, from, bytes_.size(), to, out->width, 0, out->height, format, 0)) {
    // A warning leaves the whole picture, unless the file ends too early.
    const std::string_view why = tjGetErrorStr2(handle_);
    if (tjGetErrorCode(handle_) != kWarning || why.find("remature end") != why.npos) return failed();
  }
  if (four_inks_) {
    from_inks(inks, out);
    convert_channels(out, channels);
  }
  return {};
}

}  // namespace pf
