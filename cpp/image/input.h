// SPDX-License-Identifier: Apache-2.0
// What ImageInput's kernels share: its arguments, and the loader that starts at the first run.
#pragma once
#include "core/objects.h"
#include "image/loader.h"

namespace pf {

// How bytes become the net's numbers: (x - mean) / std, one for each channel.
struct PixelRule {
  float mean[3], inverse[3];
  int channels;
  bool planes;     // output NCHW, else NHWC
  int64_t pixels;  // of a picture
};

// The rule for pixel i of a batch.
struct NormalisePixel {
  PixelRule rule;
  const uint8_t* from;
  float* to;
  PF_FN void operator()(int64_t i) const {
    const int64_t picture = i / rule.pixels, at = i % rule.pixels;
    for (int c = 0; c < rule.channels; ++c) {
      const float value = (float(from[i * rule.channels + c]) - rule.mean[c]) * rule.inverse[c];
      to[rule.planes ? (picture * rule.channels + c) * rule.pixels + at : i * rule.channels + c] = value;
    }
  }
};

class ImageSource {
 public:
  explicit ImageSource(const Args& args) : args_(args) {}
  // Starts the loader unless it runs; again when there is another database.
  Status open(OpRun& op, void* (*get_memory)(size_t) = nullptr, void (*free_memory)(void*) = nullptr);
  PictureLoader& loader() { return *loader_; }
  // The next batch. Where it is to be waited for, other replicas run meanwhile.
  Status next(const PictureBatch** out);
  const PixelRule& rule() const { return rule_; }
  int64_t batch() const { return options_.batch; }
  Shape shape() const;
  // Labels, and what was counted, as the outputs beside the pictures.
  Status write_labels(OpRun& op, const PictureBatch& batch);

 private:
  Status read_arguments();
  Status read_first(OpRun& op);
  Status open_own_database(std::shared_ptr<DbCursor>* out);
  const Args& args_;
  LoaderOptions options_;
  PixelRule rule_;
  std::shared_ptr<DbCursor> cursor_;
  std::unique_ptr<PictureLoader> loader_;
};

}  // namespace pf
