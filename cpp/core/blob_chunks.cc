// SPDX-License-Identifier: Apache-2.0
// Large tensors in pieces. Field numbers: TensorProto, TensorProto.Segment and BlobProto in proto/caffe2.proto.
#include "core/blob_proto.h"
#include "core/db.h"
#include "core/wire.h"

namespace pf {
namespace {

constexpr int64_t kChunk = 1000000;  // elements
constexpr std::string_view kMark = "#%";

// Elements [begin, end) of a tensor as a TensorProto that has the tensor's dimensions and says which elements these
// are.
Status serialize_chunk(const Tensor& t, int64_t begin, int64_t end, const std::string& name, std::string* out) {
  Tensor part;
  if (t.dtype() == DType::kString) {
    PF_TRY(part.resize(Shape{end - begin}, DType::kString));
    for (int64_t i = begin; i < end; ++i) part.data<std::string>()[i - begin] = t.data<std::string>()[i];
  } else {
    part.view(t, Shape{end - begin}, begin);
  }
  WireWriter dims, part_dim, segment;
  for (int64_t d : t.shape()) dims.integer(1, uint64_t(d));
  part_dim.integer(1, uint64_t(end - begin));
  segment.integer(1, uint64_t(begin)), segment.integer(2, uint64_t(end));
  // The part's own dimension comes first in its message.
  *out = dims.out + serialize_tensor(part, name).substr(part_dim.out.size());
  WireWriter tail;
  tail.bytes(11, segment.out);
  *out += tail.out;
  return {};
}

// The message without its dimensions and segment, which become `shape`, `begin` and `end` (-1 without).
Status take_apart(std::string_view message, Shape* shape, int64_t* begin, int64_t* end, std::string* rest) {
  WireReader r(message);
  *begin = 0, *end = -1;
  for (;;) {
    const size_t from = message.size() - r.left();
    if (!r.next()) break;
    if (r.field == 1) {
      r.repeated_integer([&](uint64_t d) { shape->push_back(int64_t(d)); });
      continue;
    }
    if (r.field == 11) {
      WireReader segment(r.bytes());
      while (segment.next()) {
        if (segment.field == 1)
          *begin = int64_t(segment.integer());
        else if (segment.field == 2)
          *end = int64_t(segment.integer());
        else
          segment.skip();
      }
      PF_CHECK(segment.ok(), parse, "the segment of a TensorProto is malformed");
      continue;
    }
    r.skip();
    rest->append(message.substr(from, message.size() - r.left() - from));
  }
  PF_CHECK(r.ok() && !shape->overflow(), parse, "a TensorProto is truncated or malformed");
  for (int64_t d : *shape) PF_CHECK(d >= 0, parse, "a TensorProto has the dimensions ", *shape);
  return {};
}

Status read_string(std::string_view content, Tensor* tensor, int64_t* elements) {
  PF_TRY(tensor->resize(Shape{}, DType::kString));
  *tensor->data<std::string>() = content;
  *elements += 1;
  return {};
}

}  // namespace

Status BlobChunks::write(const Tensor& tensor, const std::string& name) {
  int64_t begin = 0;
  do {
    const int64_t end = tensor.size() - begin < kChunk ? tensor.size() : begin + kChunk;
    std::string proto;
    PF_TRY(serialize_chunk(tensor, begin, end, name, &proto));
    WireWriter blob;
    blob.bytes(1, name), blob.bytes(2, "Tensor"), blob.bytes(3, proto);
    PF_TRY(put(text(name, kMark, begin / kChunk), blob.out));
    begin = end;
  } while (begin < tensor.size());
  return {};
}

std::string_view chunk_name(std::string_view key) { return key.substr(0, key.find(kMark)); }

Status read_chunk(std::string_view message, Tensor* tensor, int64_t* elements) {
  WireReader r(message);
  std::string type, rest;
  std::string_view proto, content;
  while (r.next()) {
    if (r.field == 2)
      type = r.bytes();
    else if (r.field == 3)
      proto = r.bytes();
    else if (r.field == 4)
      content = r.bytes();
    else
      r.skip();
  }
  PF_CHECK(r.ok(), parse, "this is no BlobProto");
  if (type == "std::string") return read_string(content, tensor, elements);
  PF_CHECK(type == "Tensor" || type == "TensorCPU" || type.empty(), parse, "it holds a ", type,
           ", which cannot be loaded");
  Shape shape;
  int64_t begin, end;
  PF_TRY(take_apart(proto, &shape, &begin, &end, &rest));
  const int64_t size = shape.size();
  if (end < 0) end = size;
  PF_CHECK(begin >= 0 && begin <= end && end <= size, parse, "a TensorProto of shape ", shape, " holds elements ",
           begin, " to ", end);
  WireWriter whole;
  whole.integer(1, uint64_t(end - begin));
  Tensor part;
  PF_TRY(parse_tensor(whole.out + rest, &part));
  *elements += end - begin;
  // Memory is asked for by a first part only, which must hold a chunk of what it announces.
  if (begin == 0) {
    PF_CHECK(end == size || part.dtype() != DType::kString || size < 1 << 24, parse, "a TensorProto of ", size,
             " strings is too large");
    PF_CHECK(end == size || end >= kChunk / 1000, parse, "a TensorProto of shape ", shape, " begins with ", end,
             " elements");
    PF_TRY(tensor->resize(shape, part.dtype()));
  }
  PF_CHECK(tensor->shape() == shape && tensor->dtype() == part.dtype(), parse,
           "parts of one tensor differ in shape or type");
  if (part.dtype() == DType::kString)
    for (int64_t i = begin; i < end; ++i) tensor->data<std::string>()[i] = part.data<std::string>()[i - begin];
  else if (part.byte_size())
    std::memcpy(tensor->data<uint8_t>() + size_t(begin) * dtype_size(part.dtype()), part.data<uint8_t>(),
                part.byte_size());
  return {};
}

}  // namespace pf
