// SPDX-License-Identifier: Apache-2.0
// ImageInput: batches of pictures and their labels from a database, decoded and cut while nets run.
#include "core/op.h"
#ifndef __wasm__
#include "image/input.h"
#endif

namespace pf {
namespace {

#ifdef __wasm__

struct ImageInput {
  Status run(OpRun&) {
    return fail(Code::no_operator,
                "the WebAssembly core opens no files, and so no databases of pictures. Decode pictures in JavaScript "
                "(imageTensor) and feed the blobs, or use the native core");
  }
};

#else

struct ImageInput {
  ImageSource source;
  explicit ImageInput(const Args& args) : source(args) {}

  Status run(OpRun& op) {
    PF_TRY(source.open(op));
    const PictureBatch* batch;
    PF_TRY(source.next(&batch));
    PF_TRY(op.resize(0, source.shape(), DType::kFloat));
    const PixelRule& rule = source.rule();
    Device::each(op, source.batch() * rule.pixels, NormalisePixel{rule, batch->pixels, op.out(0).data<float>()});
    Status labels = source.write_labels(op, *batch);
    source.loader().give_back();
    return labels;
  }
};

#endif

// The shape follows from the arguments; what is wrong with them is said by the first run.
Status image_shape(Infer& in) {
  const Args& a = in.args;
  const int64_t batch = a.i("batch_size"), crop = a.i("crop"), channels = a.b("color") ? 3 : 1;
  if (batch < 1 || crop < 1) return in.unknown();
  const bool planes = a.b("use_gpu_transform");
  in.set(0, planes ? Shape{batch, channels, crop, crop} : Shape{batch, crop, crop, channels}, DType::kFloat);
  return {};
}

PF_OP(ImageInput)
    .doc(
        "Reads pictures and labels from a database, round and round: decodes JPEG (with libjpeg-turbo, opened at run "
        "time), scales, cuts, mirrors and normalises them. Threads of its own prepare the next batches while the net "
        "runs. Records are Caffe2's TensorProtos (a picture as a string or as bytes, a label, perhaps a box: y, x, "
        "height, width) or Caffe's Datum. `Y = (X - mean) / std`, blue first. Needs the native core.")
    .arg("batch_size", 0, "Pictures of a batch.")
    .arg("crop", -1, "Height and width of the output, cut out at random, or from the middle with is_test.")
    .arg("scale", -1, "The shorter side is scaled to it; either this or minsize is given.")
    .arg("minsize", -1, "Pictures whose shorter side is less are scaled to it.")
    .arg("warp", false, "Scale both sides to it, whatever their ratio is.")
    .arg("mirror", false, "Mirror every other picture, at random.")
    .arg("is_test", false, "Nothing is random.")
    .arg("scale_jitter_type", 0, "1: a random part of 8 to 100 % of the area, scaled to the crop, as Inception's.")
    .arg("color", true, "Three channels; else one, of grey.")
    .arg("mean", 0.f, "Subtracted, from 0 to 255.")
    .arg("std", 1.f, "Divides what is left.")
    .optional_arg("mean_per_channel", ArgType::kFloats, "The same for blue, green and red.")
    .optional_arg("std_per_channel", ArgType::kFloats, "The same for blue, green and red.")
    .arg("use_caffe_datum", false, "Records are Caffe's.")
    .arg("use_gpu_transform", false, "Output NCHW in place of NHWC; on a GPU bytes are copied and normalised there.")
    .arg("decode_threads", 4, "Threads that decode.")
    .arg("output_type", "float", "Nothing else.")
    .arg("label_type", 0, "Nothing else.")
    .arg("bounding_ymin", -1, "With the three others a box that is cut out of each picture first.")
    .arg("bounding_xmin", -1, "Its left side.")
    .arg("bounding_height", -1, "Its height.")
    .arg("bounding_width", -1, "Its width.")
    .arg("color_jitter", false, "Change saturation, brightness and contrast at random, in random order.")
    .arg("img_saturation", 0.4f, "How far from 1 the factor of the saturation may be.")
    .arg("img_brightness", 0.4f, "How far that of the brightness.")
    .arg("img_contrast", 0.4f, "How far that of the contrast.")
    .arg("color_lighting", false, "Add principal components of ImageNet's colours, in random amounts.")
    .arg("color_lighting_std", 0.1f, "The standard deviation of the amounts.")
    .optional_arg("random_scale", ArgType::kInts, "Not there.")
    .optional_arg("output_sizes", ArgType::kInts, "Not there.")
    .arg("no_prefetch", false, "Of no effect.")
    .arg("db", "", "The database, where there is no reader.")
    .arg("db_type", "leveldb", "Its type: lmdb or minidb.")
    .arg("skip_broken", true,
         "A picture that cannot be decoded is replaced by its neighbour and counted; else it fails.")
    .optional_any_input("reader", "From CreateDB.")
    .optional_any_input("first", "int64 [1]: batches to pass over, where a training goes on; read by the first run.")
    .output("Y", "float [batch_size, crop, crop, 3], or with use_gpu_transform [batch_size, 3, crop, crop].")
    .output("label", "int32 [batch_size], or float if the records' are.")
    .optional_output("counts", "int64 [3]: pictures so far, skipped ones, microseconds waited for pictures.")
    .shape(image_shape)
    .shape_unknown("labels are int32 or float, as the records say")
    .refuse_grad("a database has no gradient")
    .cpu<ImageInput>();

}  // namespace
}  // namespace pf
