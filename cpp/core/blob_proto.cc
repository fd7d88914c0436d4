// SPDX-License-Identifier: Apache-2.0
// Field numbers: TensorProto and BlobProto in proto/caffe2.proto.
#include "core/blob_proto.h"

#include "core/wire.h"

namespace pf {
namespace {

// Which field holds the elements: uint8, int8, bool, 16-bit types and int32 all travel in int32_data.
enum Field {
  kFloatData = 3,
  kInt32Data = 4,
  kByteData = 5,
  kStringData = 6,
  kDoubleData = 9,
  kInt64Data = 10,
  kRawData = 13
};

Field field_of(DType t) {
  switch (t) {
    case DType::kFloat:
      return kFloatData;
    case DType::kDouble:
      return kDoubleData;
    case DType::kInt64:
      return kInt64Data;
    case DType::kString:
      return kStringData;
    default:
      return kInt32Data;
  }
}

int64_t load_integer(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::kInt32:
      return t.data<int32_t>()[i];
    case DType::kInt64:
      return t.data<int64_t>()[i];
    case DType::kUint16:
    case DType::kFloat16:
      return t.data<uint16_t>()[i];
    case DType::kInt16:
      return t.data<int16_t>()[i];
    case DType::kInt8:
      return t.data<int8_t>()[i];
    default:
      return t.data<uint8_t>()[i];
  }
}

void store_integer(Tensor& t, int64_t i, int64_t v) {
  switch (dtype_size(t.dtype())) {
    case 1:
      t.data<uint8_t>()[i] = t.dtype() == DType::kBool ? v != 0 : uint8_t(v);
      break;
    case 2:
      t.data<uint16_t>()[i] = uint16_t(v);
      break;
    case 4:
      t.data<int32_t>()[i] = int32_t(v);
      break;
    default:
      t.data<int64_t>()[i] = v;
  }
}

// Shape and type first: the elements may come before them in the message.
Status parse_header(WireReader r, Tensor* out) {
  Shape shape;
  DType dtype = DType::kFloat;
  size_t bytes = r.left();
  while (r.next()) {
    if (r.field == 1)
      r.repeated_integer([&](uint64_t d) { shape.push_back(int64_t(d)); });
    else if (r.field == 2)
      dtype = DType(r.integer());
    else
      r.skip();
  }
  PF_CHECK(r.ok(), parse, "this is no TensorProto: its ", bytes, " bytes are truncated or malformed");
  if (dtype == DType::kByte) dtype = DType::kUint8;
  bool known = dtype_size(dtype) || dtype == DType::kString;
  PF_CHECK(known, parse, "a TensorProto has the unknown data_type ", int(dtype));
  // Each element takes at least a byte of the message: a hostile shape must not reserve memory.
  for (int64_t d : shape) PF_CHECK(d >= 0, parse, "a TensorProto has the dimensions ", shape);
  PF_CHECK(shape.size() <= int64_t(bytes), parse, "a TensorProto of shape ", shape, " has only ", bytes, " bytes");
  return out->resize(shape, dtype);
}

}  // namespace

Status parse_tensor(std::string_view message, Tensor* out) {
  Tensor tensor;
  PF_TRY(parse_header(WireReader(message), &tensor));
  const int64_t count = tensor.size();
  int64_t found = 0;
  const DType dtype = tensor.dtype();
  auto put_integer = [&](uint64_t v) {
    if (found < count) store_integer(tensor, found, int64_t(v));
    ++found;
  };
  WireReader r(message);
  while (r.next()) {
    if (r.field == kStringData && dtype == DType::kString) {
      auto s = r.bytes();
      if (found < count) tensor.data<std::string>()[found] = s;
      ++found;
    } else if ((r.field == kByteData || r.field == kRawData) && dtype != DType::kString) {
      auto s = r.bytes();
      if (s.size() == tensor.byte_size() && count)
        std::memcpy(tensor.data<uint8_t>(), s.data(), s.size()), found = count;
      else
        found += int64_t(s.size() / dtype_size(dtype));
    } else if (r.field == kFloatData && dtype == DType::kFloat) {
      r.repeated_fixed<float>(
          [&](float v) { found < count ? void(tensor.data<float>()[found] = v) : void(), ++found; });
    } else if (r.field == kDoubleData && dtype == DType::kDouble) {
      r.repeated_fixed<double>(
          [&](double v) { found < count ? void(tensor.data<double>()[found] = v) : void(), ++found; });
    } else if (r.field == field_of(dtype) && (r.field == kInt32Data || r.field == kInt64Data)) {
      r.repeated_integer(put_integer);
    } else {
      r.skip();
    }
  }
  PF_CHECK(r.ok(), parse, "a TensorProto of shape ", tensor.shape(), " is truncated or malformed");
  PF_CHECK(found == count, parse, "a TensorProto of shape ", tensor.shape(), " and type ", dtype, " holds ", found,
           " elements, expected ", count);
  *out = std::move(tensor);
  out->touch();
  return {};
}

std::string serialize_tensor(const Tensor& t, std::string_view name) {
  WireWriter w;
  for (int64_t d : t.shape()) w.integer(1, uint64_t(d));
  w.integer(2, uint64_t(t.dtype()));
  Field field = field_of(t.dtype());
  if (field == kStringData) {
    for (int64_t i = 0; i < t.size(); ++i) w.bytes(field, t.data<std::string>()[i]);
  } else if (field == kFloatData || field == kDoubleData) {
    w.bytes(field, {reinterpret_cast<const char*>(t.data<uint8_t>()), t.byte_size()});
  } else {
    WireWriter values;
    for (int64_t i = 0; i < t.size(); ++i) values.varint(uint64_t(load_integer(t, i)));
    w.bytes(field, values.out);
  }
  w.bytes(7, name);
  return std::move(w.out);
}

Status parse_blob(std::string_view message, std::string* name, Tensor* out) {
  WireReader r(message);
  std::string type;
  std::string_view tensor;
  bool has_tensor = false;
  while (r.next()) {
    switch (r.field) {
      case 1:
        *name = r.bytes();
        break;
      case 2:
        type = r.bytes();
        break;
      case 3:
        tensor = r.bytes(), has_tensor = true;
        break;
      default:
        r.skip();
    }
  }
  PF_CHECK(r.ok(), parse, "this is no BlobProto: its ", message.size(), " bytes are truncated or malformed");
  PF_CHECK(!name->empty(), parse, "a BlobProto has no name");
  PF_CHECK(has_tensor, parse, "the BlobProto \"", *name, "\" holds no tensor", type.empty() ? "" : "; its type is ",
           type);
  return parse_tensor(tensor, out).at("blob \"", *name, "\"");
}

std::string serialize_blob(const Blob& blob) {
  WireWriter w;
  w.bytes(1, blob.name);
  w.bytes(2, "Tensor");
  w.bytes(3, serialize_tensor(blob.tensor, blob.name));
  return std::move(w.out);
}

}  // namespace pf
