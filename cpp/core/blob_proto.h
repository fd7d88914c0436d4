// SPDX-License-Identifier: Apache-2.0
// Tensors as TensorProto and blobs as BlobProto, Caffe2's serialised forms.
#pragma once
#include <string>
#include <string_view>

#include "core/blob.h"

namespace pf {

Status parse_tensor(std::string_view tensor_proto, Tensor* out);
std::string serialize_tensor(const Tensor& tensor, std::string_view name);
// A BlobProto holding a tensor. `name` is set from the message.
Status parse_blob(std::string_view blob_proto, std::string* name, Tensor* out);
std::string serialize_blob(const Blob& blob);

}  // namespace pf
