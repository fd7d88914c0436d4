// SPDX-License-Identifier: Apache-2.0
// Pictures for training: what is cut of them lies within them, whatever their size, and records and databases of random
// bytes are refused without harm. Run under the sanitizers.
#include <cstdio>
#include <string>

#include "core/lmdb.h"
#include "core/wire.h"
#include "image/loader.h"
#include "image/record.h"
#include "test.h"

using namespace pf;

namespace {

Random chance(7);

Picture random_picture(int width, int height, int channels) {
  Picture p;
  p.width = width, p.height = height, p.channels = channels;
  p.pixels.resize(size_t(width) * size_t(height) * size_t(channels));
  for (uint8_t& x : p.pixels) x = uint8_t(chance.below(256));
  return p;
}

// A TensorProtos with a picture of bytes and a label.
std::string record_of(const Picture& p, int label) {
  WireWriter picture, tag, all;
  for (int d : {p.height, p.width, p.channels}) picture.integer(1, uint64_t(d));
  picture.integer(2, 3);
  picture.bytes(5, {reinterpret_cast<const char*>(p.pixels.data()), p.pixels.size()});
  tag.integer(2, 2), tag.integer(4, uint64_t(label));
  all.bytes(1, picture.out), all.bytes(1, tag.out);
  return all.out;
}

TEST("views of pictures of any size lie within them, and are drawn within their output") {
  for (int round = 0; round < 3000; ++round) {
    const int width = 1 + int(chance.below(70)), height = 1 + int(chance.below(70)), shrunk = 1 << chance.below(4);
    ViewOptions o;
    o.crop = 1 + int(chance.below(40));
    (chance.next() & 1 ? o.scale : o.minsize) = o.crop + int(chance.below(20));
    o.warp = chance.next() & 1, o.mirror = chance.next() & 1, o.test = chance.next() & 1, o.jitter = chance.next() & 1;
    PictureView view;
    if (!choose_view(o, {0, 0, width, height}, chance, &view).ok()) continue;
    const Region& r = view.region;
    EXPECT(r.left >= 0 && r.top >= 0 && r.left + r.width <= width && r.top + r.height <= height, r.left, r.width);
    EXPECT(view.left >= 0 && view.left + o.crop <= view.width, view.left, view.width);
    const bool smaller = r.width >= view.width * shrunk && r.height >= view.height * shrunk;
    const int by = smaller ? shrunk : 1, channels = chance.next() & 1 ? 3 : 1;
    const Picture p = random_picture((width + by - 1) / by, (height + by - 1) / by, channels);
    std::vector<uint8_t> out(size_t(o.crop) * size_t(o.crop) * size_t(channels));
    draw(p, view, by, o.crop, out.data());
  }
}

TEST("a picture of its own size is drawn as it is, mirrored or not") {
  const Picture p = random_picture(9, 9, 3);
  for (bool mirrored : {false, true}) {
    PictureView view{{0, 0, 9, 9}, 9, 9, 0, 0, mirrored};
    std::vector<uint8_t> out(9 * 9 * 3);
    draw(p, view, 1, 9, out.data());
    int wrong = 0;
    for (int i = 0; i < 81; ++i)
      for (int c = 0; c < 3; ++c)
        wrong += out[size_t(3 * i + c)] != p.pixels[size_t(3 * (mirrored ? i / 9 * 9 + 8 - i % 9 : i) + c)];
    EXPECT(wrong == 0, wrong);
  }
}

TEST("an even picture stays even at every size") {
  Picture p = random_picture(53, 31, 3);
  for (uint8_t& x : p.pixels) x = 200;
  for (int scale : {8, 20, 31, 32, 47, 64}) {
    ViewOptions o;
    o.crop = 8, o.scale = scale;
    PictureView view;
    EXPECT(choose_view(o, {0, 0, 53, 31}, chance, &view).ok());
    std::vector<uint8_t> out(8 * 8 * 3);
    draw(p, view, 1, 8, out.data());
    int wrong = 0;
    for (uint8_t x : out) wrong += x != 200;
    EXPECT(wrong == 0, scale, wrong);
  }
}

TEST("records of mutated bytes are taken or refused") {
  const std::string good = record_of(random_picture(5, 4, 3), 3);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (uint64_t n = 1 + chance.below(3); n && !bad.empty(); --n) {
      const size_t at = size_t(chance.below(std::min<size_t>(bad.size(), 24)));
      if (chance.below(4))
        bad[at] = char(chance.next());
      else
        bad.resize(at);
    }
    PictureRecord r;
    Picture p;
    if (parse_picture_record(bad, chance.next() & 1, &r).ok() && !r.encoded) EXPECT(unpack_pixels(r, &p).ok());
  }
}

TEST("a loader reads ahead, gives batches in order, and ends while its threads work") {
  const std::string folder = "dist/native/image-test";
  LmdbWriter writer;
  EXPECT(writer.open(folder).ok());
  for (int i = 0; i < 10; ++i)
    EXPECT(writer.put(std::string(1, char('a' + i)), record_of(random_picture(9, 9, 3), i)).ok());
  EXPECT(writer.close().ok());
  for (int threads : {1, 3}) {
    auto source = std::make_unique<LmdbReader>();
    EXPECT(source->open(folder).ok());
    LoaderOptions o;
    o.view.crop = 8, o.view.scale = 9, o.batch = 4, o.threads = threads;
    std::unique_ptr<PictureLoader> loader;
    EXPECT(start_loader(o, std::make_shared<DbCursor>(std::move(source), 1, 0), &loader).ok());
    for (int k = 0; k < 20; ++k) {
      const PictureBatch* batch;
      EXPECT(loader->take(true, &batch).ok());
      for (int i = 0; i < 4; ++i) EXPECT(batch->labels[size_t(i)] == (4 * k + i) % 10, k, i, batch->labels[size_t(i)]);
      loader->give_back();
    }
    EXPECT(loader->counts().pictures == 80);
  }
  std::remove((folder + "/data.mdb").c_str());
  std::remove(folder.c_str());
}

}  // namespace
