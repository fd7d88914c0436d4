// SPDX-License-Identifier: Apache-2.0
#include "image/input.h"

#include "core/world.h"

namespace pf {
namespace {

// Arguments of Caffe2 that are not there, and must have the values that switch them off.
Status check_absent(const Args& args) {
  PF_CHECK(args.i("label_type") == 0, argument, "label_type is ", args.i("label_type"),
           "; only 0, one label for a picture, is there");
  PF_CHECK(args.ints("random_scale").empty() && args.ints("output_sizes").empty(), argument,
           "random_scale and output_sizes are not there yet; leave them out");
  PF_CHECK(args.s("output_type") == "float", argument, "output_type is \"", args.s("output_type"),
           "\"; pictures come as float. Half precision is an option of the backend (precision fp16)");
  return {};
}

Status read_view(const Args& args, ViewOptions* v) {
  v->crop = int(args.i("crop")), v->scale = int(args.i("scale")), v->minsize = int(args.i("minsize"));
  v->warp = args.b("warp"), v->mirror = args.b("mirror"), v->test = args.b("is_test");
  PF_CHECK(args.i("scale_jitter_type") == 0 || args.i("scale_jitter_type") == 1, argument, "scale_jitter_type is ",
           args.i("scale_jitter_type"), ", expected 0 (none) or 1 (as Inception's)");
  v->jitter = args.i("scale_jitter_type") == 1;
  PF_CHECK((v->scale > 0) != (v->minsize > 0), argument, "one of scale and minsize must be given: scale is ", v->scale,
           ", minsize ", v->minsize);
  PF_CHECK(v->crop > 0, argument, "crop must be 1 or more, is ", v->crop);
  const int side = v->scale > 0 ? v->scale : v->minsize;
  PF_CHECK(side >= v->crop, argument, v->scale > 0 ? "scale" : "minsize", " must not be less than crop: ", side,
           " is less than ", v->crop);
  return {};
}

// Only while training, as in Caffe2.
Status read_colours(const Args& args, ColourOptions* c) {
  c->jitter = args.b("color_jitter") && !args.b("is_test");
  c->saturation = args.f("img_saturation"), c->brightness = args.f("img_brightness"),
  c->contrast = args.f("img_contrast");
  c->lighting = args.b("color_lighting") && !args.b("is_test"), c->deviation = args.f("color_lighting_std");
  PF_CHECK(args.b("color") || (!c->jitter && !c->lighting), argument,
           "color_jitter and color_lighting change colours; these pictures are grey (color is 0)");
  return {};
}

// One number for all channels, or one for each.
Status per_channel(const Args& args, const char* all, const char* each, float* out) {
  const auto& values = args.floats(each);
  PF_CHECK(values.empty() || values.size() == 1 || values.size() == 3, argument, each, " has ", values.size(),
           " values, expected 1 or 3");
  for (size_t c = 0; c < 3; ++c) out[c] = values.empty() ? args.f(all) : values[values.size() == 1 ? 0 : c];
  return {};
}

}  // namespace

Status ImageSource::read_arguments() {
  PF_TRY(check_absent(args_));
  PF_TRY(read_view(args_, &options_.view));
  PF_TRY(read_colours(args_, &options_.colours));
  options_.batch = int(args_.i("batch_size")), options_.channels = args_.b("color") ? 3 : 1;
  options_.threads = int(args_.i("decode_threads")), options_.datum = args_.b("use_caffe_datum");
  options_.skip_broken = args_.b("skip_broken");
  PF_CHECK(options_.batch > 0, argument, "batch_size must be 1 or more, is ", options_.batch);
  PF_CHECK(options_.threads > 0 && options_.threads <= 1024, argument, "decode_threads must be 1 to 1024, is ",
           options_.threads);
  const int box[] = {int(args_.i("bounding_ymin")), int(args_.i("bounding_xmin")), int(args_.i("bounding_height")),
                     int(args_.i("bounding_width"))};
  options_.box = {box[1], box[0], box[3], box[2]};
  options_.has_box = box[0] >= 0 && box[1] >= 0 && box[2] >= 0 && box[3] >= 0;
  float deviation[3];
  PF_TRY(per_channel(args_, "mean", "mean_per_channel", rule_.mean));
  PF_TRY(per_channel(args_, "std", "std_per_channel", deviation));
  for (int c = 0; c < 3; ++c) {
    PF_CHECK(deviation[c] != 0, argument, "std must not be 0");
    rule_.inverse[c] = 1.f / deviation[c];
  }
  rule_.channels = options_.channels, rule_.planes = args_.b("use_gpu_transform");
  rule_.pixels = int64_t(options_.view.crop) * options_.view.crop;
  return {};
}

Status ImageSource::open_own_database(std::shared_ptr<DbCursor>* out) {
  PF_CHECK(!args_.s("db").empty(), argument, "there is neither a reader as input nor an argument \"db\"");
  std::unique_ptr<DbSource> source;
  PF_TRY(open_db(args_.s("db_type"), std::string(args_.s("db")), &source));
  *out = std::make_shared<DbCursor>(std::move(source), 1, 0);
  return {};
}

// Batches to pass over, where a training goes on.
Status ImageSource::read_first(OpRun& op) {
  options_.first_batch = 0;
  if (op.inputs() < 2 || !op.in(1).defined()) return {};
  const Tensor& first = op.in(1);
  PF_TRY(first.bring(nullptr));
  PF_CHECK(first.dtype() == DType::kInt64 && first.size() == 1, type, "first must be one int64, is ", first.dtype(),
           " ", first.shape());
  options_.first_batch = first.data<int64_t>()[0];
  PF_CHECK(options_.first_batch >= 0, value, "first must be 0 or more, is ", options_.first_batch);
  return {};
}

Status ImageSource::open(OpRun& op, void* (*get_memory)(size_t), void (*free_memory)(void*)) {
  std::shared_ptr<DbCursor> cursor = cursor_;
  if (op.inputs()) {
    DbReader* reader;
    PF_TRY(object_of(op.in_blob(0), "CreateDB", &reader));
    cursor = reader->cursor;
  }
  if (loader_ && cursor == cursor_) return {};
  if (!op.inputs()) PF_TRY(open_own_database(&cursor));
  PF_CHECK(cursor->source->is_file(), argument,
           "pictures are read while nets run; a database of a queue, which nets "
           "fill, cannot be");
  PF_TRY(read_arguments());
  PF_TRY(read_first(op));
  options_.seed = op.random.next64();
  options_.get_memory = get_memory, options_.free_memory = free_memory;
  loader_.reset();
  PF_TRY(start_loader(options_, cursor, &loader_));
  cursor_ = std::move(cursor);
  return {};
}

Status ImageSource::next(const PictureBatch** out) {
  PF_TRY(loader_->take(false, out));
  if (*out) return {};
  const LetOthersRun others;
  return loader_->take(true, out);
}

Shape ImageSource::shape() const {
  const int64_t crop = options_.view.crop, channels = options_.channels;
  return rule_.planes ? Shape{batch(), channels, crop, crop} : Shape{batch(), crop, crop, channels};
}

Status ImageSource::write_labels(OpRun& op, const PictureBatch& from) {
  PF_TRY(op.resize(1, Shape{batch()}, from.float_labels ? DType::kFloat : DType::kInt32));
  Tensor& out = op.out(1);
  for (int64_t i = 0; i < batch(); ++i) {
    if (from.float_labels)
      out.data<float>()[i] = float(from.labels[size_t(i)]);
    else
      out.data<int32_t>()[i] = int32_t(from.labels[size_t(i)]);
  }
  if (op.outputs() < 3) return {};
  PF_TRY(op.resize(2, Shape{3}, DType::kInt64));
  const LoaderCounts counts = loader_->counts();
  const int64_t values[] = {counts.pictures, counts.skipped, int64_t(counts.waited_ms * 1000)};
  for (int i = 0; i < 3; ++i) op.out(2).data<int64_t>()[i] = values[i];
  return {};
}

}  // namespace pf
