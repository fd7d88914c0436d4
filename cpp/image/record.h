// SPDX-License-Identifier: Apache-2.0
// A record of a database of pictures: Caffe2's TensorProtos (picture, label, perhaps a box) or Caffe's Datum.
#pragma once
#include "image/picture.h"

namespace pf {

struct PictureRecord {
  bool encoded = false;                     // a file, else pixels
  bool planar = false;                      // pixels lie channel by channel
  std::string_view bytes;                   // a part of the record
  int width = 0, height = 0, channels = 0;  // of pixels
  double label = 0;
  bool float_label = false;
  bool has_box = false;
  Region box;
};

Status parse_picture_record(std::string_view record, bool datum, PictureRecord* out);
// The pixels of a record that holds no file.
Status unpack_pixels(const PictureRecord& record, Picture* out);

}  // namespace pf
