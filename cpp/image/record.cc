// SPDX-License-Identifier: Apache-2.0
// Field numbers: TensorProtos and TensorProto in proto/caffe2.proto, Datum in Caffe's proto.
#include "image/record.h"

#include "core/tensor.h"
#include "core/wire.h"

namespace pf {
namespace {

struct Proto {
  std::vector<int64_t> dims;
  int type = int(DType::kFloat);
  float float_value = 0;
  std::vector<int32_t> ints;  // the first few
  std::string_view bytes, string;
  int strings = 0;
};

Status parse_proto(std::string_view message, Proto* out) {
  WireReader r(message);
  auto keep = [&](uint64_t v) {
    if (out->ints.size() < 4) out->ints.push_back(int32_t(v));
  };
  while (r.next()) {
    if (r.field == 1)
      r.repeated_integer([&](uint64_t d) { out->dims.push_back(int64_t(d)); });
    else if (r.field == 2)
      out->type = int(r.integer());
    else if (r.field == 3)
      r.repeated_fixed<float>([&](float v) { out->float_value = v; });
    else if (r.field == 4)
      r.repeated_integer(keep);
    else if (r.field == 5)
      out->bytes = r.bytes();
    else if (r.field == 6)
      out->string = r.bytes(), ++out->strings;
    else
      r.skip();
  }
  PF_CHECK(r.ok(), parse, "a TensorProto in it is malformed");
  return {};
}

Status check_pixels(const PictureRecord& r) {
  constexpr int64_t kMostSide = 1 << 16;
  const bool sane = r.width > 0 && r.height > 0 && r.width < kMostSide && r.height < kMostSide &&
                    (r.channels == 1 || r.channels == 3);
  PF_CHECK(sane && uint64_t(r.width) * uint64_t(r.height) * uint64_t(r.channels) == r.bytes.size(), parse,
           "its picture of ", r.height, " x ", r.width, " x ", r.channels, " has ", r.bytes.size(),
           " bytes; 1 or 3 channels are expected, and a byte for each value");
  return {};
}

int small(int64_t dim) { return dim > 0 && dim < INT32_MAX ? int(dim) : 0; }

Status parse_tensors(std::string_view record, PictureRecord* out) {
  std::vector<Proto> protos;
  WireReader r(record);
  while (r.next()) {
    if (r.field != 1) {
      r.skip();
      continue;
    }
    protos.emplace_back();
    PF_TRY(parse_proto(r.bytes(), &protos.back()));
  }
  PF_CHECK(r.ok() && protos.size() >= 2, parse,
           "it is no TensorProtos message with a picture and a label (use_caffe_datum reads Caffe's Datum)");
  const Proto &picture = protos[0], &label = protos[1];
  out->encoded = picture.type == int(DType::kString);
  if (out->encoded) {
    PF_CHECK(picture.strings == 1, parse, "its picture is ", picture.strings, " strings, expected one");
    out->bytes = picture.string;
  } else {
    PF_CHECK(picture.type == int(DType::kByte), type, "its picture is of type ", picture.type,
             ", expected 4 (string, a JPEG) or 3 (byte, pixels)");
    PF_CHECK(picture.dims.size() == 2 || picture.dims.size() == 3, shape, "its picture has ", picture.dims.size(),
             " dimensions, expected height, width and perhaps channels");
    out->height = small(picture.dims[0]), out->width = small(picture.dims[1]);
    out->channels = picture.dims.size() == 3 ? small(picture.dims[2]) : 1;
    out->bytes = picture.bytes;
    PF_TRY(check_pixels(*out));
  }
  out->float_label = label.type == int(DType::kFloat);
  PF_CHECK(out->float_label || label.type == int(DType::kInt32), type, "its label is of type ", label.type,
           ", expected 2 (int32) or 1 (float)");
  PF_CHECK(out->float_label || label.ints.size() == 1, shape, "its label is not one number");
  out->label = out->float_label ? double(label.float_value) : double(label.ints[0]);
  if (protos.size() > 2 && protos[2].ints.size() == 4) {
    const auto& box = protos[2].ints;
    out->has_box = true, out->box = {box[1], box[0], box[3], box[2]};
  }
  return {};
}

Status parse_datum(std::string_view record, PictureRecord* out) {
  WireReader r(record);
  bool floats = false;
  while (r.next()) {
    if (r.field == 1)
      out->channels = small(int64_t(r.integer()));
    else if (r.field == 2)
      out->height = small(int64_t(r.integer()));
    else if (r.field == 3)
      out->width = small(int64_t(r.integer()));
    else if (r.field == 4)
      out->bytes = r.bytes();
    else if (r.field == 5)
      out->label = double(int32_t(r.integer()));
    else if (r.field == 7)
      out->encoded = r.integer() != 0;
    else
      floats |= r.field == 6, r.skip();
  }
  PF_CHECK(r.ok(), parse, "it is no Datum message");
  PF_CHECK(!floats, type, "the Datum holds floats; pictures are bytes");
  out->planar = true;
  return out->encoded ? Status() : check_pixels(*out);
}

}  // namespace

Status parse_picture_record(std::string_view record, bool datum, PictureRecord* out) {
  *out = {};
  return datum ? parse_datum(record, out) : parse_tensors(record, out);
}

Status unpack_pixels(const PictureRecord& r, Picture* out) {
  out->width = r.width, out->height = r.height, out->channels = r.channels;
  out->pixels.assign(r.bytes.begin(), r.bytes.end());
  if (!r.planar || r.channels == 1) return {};
  const size_t size = size_t(r.width) * size_t(r.height);
  for (size_t c = 0; c < 3; ++c)
    for (size_t i = 0; i < size; ++i) out->pixels[3 * i + c] = uint8_t(r.bytes[c * size + i]);
  return {};
}

}  // namespace pf
