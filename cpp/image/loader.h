// SPDX-License-Identifier: Apache-2.0
// Batches of pictures, read, decoded and cut by threads of their own while nets run.
#pragma once
#include <memory>
#include <string>

#include "core/db.h"
#include "image/picture.h"

namespace pf {

struct LoaderOptions {
  ViewOptions view;
  ColourOptions colours;
  int batch = 0, channels = 3, threads = 4;
  bool datum = false;
  bool has_box = false;  // one for all pictures that bring none
  Region box;
  bool skip_broken = true;  // else a broken picture is an error
  int64_t first_batch = 0;  // where a training goes on
  uint64_t seed = 0;        // what is drawn depends on it and the number of the picture, not on threads
  // Where batches lie; the GPU copies faster from memory of its driver's.
  void* (*get_memory)(size_t) = nullptr;
  void (*free_memory)(void*) = nullptr;
};

struct PictureBatch {
  uint8_t* pixels = nullptr;  // batch x crop x crop x channels
  std::vector<double> labels;
  bool float_labels = false;
};

struct LoaderCounts {
  int64_t pictures = 0, skipped = 0;
  double waited_ms = 0;  // by who takes
};

class PictureLoader {
 public:
  virtual ~PictureLoader() = default;
  // The next batch in order, which belongs to the caller until give_back(). Several may be out. Waits for it unless
  // told not to: then null is the answer where it is not ready.
  virtual Status take(bool wait, const PictureBatch** out) = 0;
  // Batches go back in the order in which they were taken.
  virtual void give_back() = 0;
  virtual LoaderCounts counts() const = 0;
};

// Starts the threads. A broken picture is replaced by the one before it in the batch (the last one before the first),
// so that the number of a record alone tells when it is seen.
Status start_loader(const LoaderOptions& options, std::shared_ptr<DbCursor> cursor,
                    std::unique_ptr<PictureLoader>* out);

}  // namespace pf
