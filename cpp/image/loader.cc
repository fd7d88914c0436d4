// SPDX-License-Identifier: Apache-2.0
#include "image/loader.h"

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "core/clock.h"
#include "image/jpeg.h"
#include "image/record.h"

namespace pf {
namespace {

// Batches that are being made or wait: one is used, two are ready or nearly so.
constexpr int64_t kRing = 4;

struct Place {
  PictureBatch batch;
  std::vector<std::string> broken;  // why, by picture; empty where it is whole
  int64_t done = 0;
};

class Loader final : public PictureLoader {
 public:
  Loader(const LoaderOptions& options, std::shared_ptr<DbCursor> cursor)
      : o_(options), cursor_(std::move(cursor)), item_(options.first_batch * options.batch) {
    taken_ = given_back_ = options.first_batch;
  }
  ~Loader() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (std::thread& t : threads_) t.join();
    for (Place& p : ring_) (o_.free_memory ? o_.free_memory : &std::free)(p.batch.pixels);
  }

  Status start() {
    for (Place& p : ring_) {
      p.batch.pixels = static_cast<uint8_t*>((o_.get_memory ? o_.get_memory : &std::malloc)(bytes() * batch()));
      PF_CHECK(p.batch.pixels, no_memory, "there is no memory for ", kRing, " batches of ", bytes() * batch(),
               " bytes");
      p.batch.labels.resize(batch()), p.broken.resize(batch());
    }
    PF_TRY(cursor_->pass(item_));
    for (int i = 0; i < o_.threads; ++i) threads_.emplace_back([this] { work(); });
    return {};
  }

  Status take(bool wait, const PictureBatch** out) override {
    std::unique_lock lock(mutex_);
    Place& place = at(taken_);
    const double begin = now_ms();
    *out = nullptr;
    while (place.done < o_.batch && failure_.empty()) {
      if (!wait) return {};
      PF_CHECK(!take_abort(), aborted, "the run was stopped while it waited for pictures");
      ready_.wait_for(lock, std::chrono::milliseconds(50));
    }
    counts_.waited_ms += now_ms() - begin;
    if (place.done < o_.batch) return fail(failure_code_, failure_);
    PF_TRY(mend(place));
    counts_.pictures += o_.batch, ++taken_;
    *out = &place.batch;
    return {};
  }

  void give_back() override {
    {
      std::lock_guard lock(mutex_);
      at(given_back_++).done = 0;
    }
    room_.notify_all();
  }

  LoaderCounts counts() const override {
    std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  size_t bytes() const { return size_t(o_.view.crop) * size_t(o_.view.crop) * size_t(o_.channels); }
  size_t batch() const { return size_t(o_.batch); }
  Place& at(int64_t batch) { return ring_[batch % kRing]; }

  // A thread: takes the next record, decodes it without holding up the others, and again.
  void work() {
    JpegDecoder jpeg;
    Picture picture;
    std::string key, record;
    std::unique_lock lock(mutex_);
    for (;;) {
      room_.wait(lock, [&] { return stop_ || !failure_.empty() || item_ / o_.batch < given_back_ + kRing; });
      if (stop_ || !failure_.empty()) return;
      if (Status s = cursor_->read(&key, &record); !s.ok()) return lock.unlock(), give_up(s);
      const int64_t item = item_++;
      lock.unlock();
      Place& place = at(item / o_.batch);
      const size_t i = size_t(item % o_.batch);
      Status made = make(record, item, jpeg, &picture, place, i);
      if (!made.ok() && (made.code() == Code::no_operator || !o_.skip_broken))
        return give_up(std::move(made).at("record \"", key, "\""));
      place.broken[i] = made.ok() ? std::string() : text("record \"", key, "\": ", made.message());
      lock.lock();
      if (++place.done == o_.batch) ready_.notify_all();
    }
  }

  void give_up(const Status& status) {
    {
      std::lock_guard lock(mutex_);
      if (failure_.empty()) failure_ = status.message(), failure_code_ = status.code();
    }
    ready_.notify_all(), room_.notify_all();
  }

  Status make(std::string_view record, int64_t item, JpegDecoder& jpeg, Picture* picture, Place& place, size_t i) {
    PictureRecord r;
    PF_TRY(parse_picture_record(record, o_.datum, &r));
    int width = r.width, height = r.height, shrunk = 1;
    if (r.encoded) {
      PF_TRY(need_jpeg());
      PF_TRY(jpeg.open(r.bytes, &width, &height));
    }
    Random random(o_.seed ^ (uint64_t(item) + 1) * 0x9E3779B97F4A7C15u);
    PictureView view;
    PF_TRY(choose_view(o_.view, region(r, width, height), random, &view));
    if (r.encoded) {
      // As small as the decoder can make it while the view only gets smaller.
      auto fits = [&](int s) { return view.region.width >= view.width * s && view.region.height >= view.height * s; };
      while (shrunk < 8 && fits(shrunk * 2)) shrunk *= 2;
      PF_TRY(jpeg.decode(shrunk, o_.channels, picture));
    } else {
      PF_TRY(unpack_pixels(r, picture));
      convert_channels(picture, o_.channels);
    }
    draw(*picture, view, shrunk, o_.view.crop, place.batch.pixels + i * bytes());
    if (o_.colours.jitter || o_.colours.lighting)
      change_colours(o_.colours, random, bytes() / 3, place.batch.pixels + i * bytes());
    place.batch.labels[i] = r.label;
    if (i == 0) place.batch.float_labels = r.float_label;
    return {};
  }

  // A box that goes beyond the picture does not count, as in Caffe2.
  Region region(const PictureRecord& r, int width, int height) const {
    const Region box = r.has_box ? r.box : o_.box;
    const bool sane = box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0 &&
                      box.width <= width - box.left && box.height <= height - box.top;
    return (r.has_box || o_.has_box) && sane ? box : Region{0, 0, width, height};
  }

  // Broken pictures become copies of others.
  Status mend(Place& place) {
    size_t good = batch();
    for (size_t i = batch(); i-- > 0 && good == batch();)
      if (place.broken[i].empty()) good = i;
    PF_CHECK(good < batch(), parse, "not one picture of a batch can be read; the first: ", place.broken[0]);
    for (size_t i = 0; i < batch(); ++i) {
      if (place.broken[i].empty()) {
        good = i;
        continue;
      }
      std::memcpy(place.batch.pixels + i * bytes(), place.batch.pixels + good * bytes(), bytes());
      place.batch.labels[i] = place.batch.labels[good];
      ++counts_.skipped;
    }
    return {};
  }

  const LoaderOptions o_;
  const std::shared_ptr<DbCursor> cursor_;
  mutable std::mutex mutex_;
  std::condition_variable room_, ready_;
  Place ring_[kRing];
  std::vector<std::thread> threads_;
  int64_t item_, taken_, given_back_;  // the next picture to be read, batch to be taken, batch to come back
  std::string failure_;
  Code failure_code_ = Code::internal;
  bool stop_ = false;
  LoaderCounts counts_;
};

}  // namespace

Status start_loader(const LoaderOptions& options, std::shared_ptr<DbCursor> cursor,
                    std::unique_ptr<PictureLoader>* out) {
  auto loader = std::make_unique<Loader>(options, std::move(cursor));
  PF_TRY(loader->start());
  *out = std::move(loader);
  return {};
}

}  // namespace pf
