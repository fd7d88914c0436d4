// SPDX-License-Identifier: Apache-2.0
// Numbers in messages, shapes, tensors, arguments, the protobuf reader and writer.
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "core/blob_proto.h"
#include "core/op.h"
#include "core/wire.h"
#include "test.h"

using namespace pf;

namespace {

std::string shown(double v) {
  std::string s;
  append_number(s, v);
  return s;
}

}  // namespace

TEST("a number is shown by the fewest digits that give the float back") {
  EXPECT(shown(0.01f) == "0.01", shown(0.01f));
  EXPECT(shown(-1.5) == "-1.5", shown(-1.5));
  EXPECT(shown(1e-5f) == "1e-5", shown(1e-5f));
  EXPECT(shown(0.9f) == "0.9", shown(0.9f));
  EXPECT(shown(100) == "100", shown(100));
  EXPECT(shown(1.0507009873554805f) == "1.050701", shown(1.0507009873554805f));
  EXPECT(shown(3.4028234663852886e38) == "3.4028235e38", shown(3.4028234663852886e38));
  EXPECT(shown(NAN) == "nan" && shown(-INFINITY) == "-inf");
  for (float f = 1.17e-38f; f < 1e38f; f *= 1.37f) EXPECT(std::strtof(shown(f).c_str(), nullptr) == f, f, shown(f));
}

TEST("products of hostile dimensions saturate") {
  Shape s{INT64_MAX, 3, 2};
  EXPECT(s.size() == INT64_MAX);
  Tensor t;
  EXPECT(t.resize(s, DType::kFloat).code() == Code::no_memory);
  EXPECT(!t.defined());
  EXPECT(t.resize(Shape{-1}, DType::kFloat).code() == Code::shape);
  Shape deep;
  for (int i = 0; i < 20; ++i) deep.push_back(1);
  EXPECT(t.resize(deep, DType::kFloat).code() == Code::shape);
}

TEST("tensors that would take more memory than the machine has are refused before they are used") {
  const auto most = int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  Tensor some, more;
  EXPECT(some.resize(Shape{1 << 20}, DType::kUint8).ok());
  EXPECT(more.resize(Shape{most - (1 << 19)}, DType::kUint8).code() == Code::no_memory);
  EXPECT(more.resize(Shape{most}, DType::kString).code() == Code::no_memory);
  EXPECT(!more.defined());
  EXPECT(more.resize(Shape{8}, DType::kUint8).ok());
}

TEST("a tensor keeps its memory when that is large enough, and its version grows") {
  Tensor t;
  EXPECT(t.resize(Shape{8, 4}, DType::kFloat).ok());
  float* first = t.data<float>();
  uint64_t version = t.version();
  EXPECT(t.resize(Shape{3}, DType::kInt32).ok());
  EXPECT(static_cast<void*>(t.data<int32_t>()) == first);
  EXPECT(t.version() > version);
  EXPECT(reinterpret_cast<uintptr_t>(first) % 64 == 0);
  size_t before = Memory::used();
  t.reset();
  EXPECT(Memory::used() < before);
}

TEST("strings and numbers survive TensorProto") {
  Blob b, back;
  b.name = "b";
  EXPECT(b.tensor.resize(Shape{2}, DType::kString).ok());
  b.tensor.data<std::string>()[1] = std::string("a\0b", 3);
  std::string name;
  EXPECT(parse_blob(serialize_blob(b), &name, &back.tensor).ok());
  EXPECT(name == "b" && back.tensor.data<std::string>()[1].size() == 3);
  for (DType t : {DType::kFloat, DType::kInt32, DType::kBool, DType::kUint8, DType::kInt8, DType::kUint16,
                  DType::kInt16, DType::kInt64, DType::kFloat16, DType::kDouble}) {
    EXPECT(b.tensor.resize(Shape{3, 2}, t).ok());
    auto* bytes = b.tensor.data<uint8_t>();
    for (size_t i = 0; i < b.tensor.byte_size(); ++i) bytes[i] = t == DType::kBool ? i % 2 : uint8_t(i * 37 + 129);
    EXPECT(parse_blob(serialize_blob(b), &name, &back.tensor).ok());
    EXPECT(back.tensor.dtype() == t && back.tensor.shape() == b.tensor.shape());
    EXPECT(std::memcmp(bytes, back.tensor.data<uint8_t>(), b.tensor.byte_size()) == 0, dtype_name(t));
  }
}

TEST("a TensorProto cannot claim more elements than it has bytes") {
  WireWriter w;
  w.integer(1, 1u << 30);
  w.integer(2, 1);
  Tensor t;
  Status s = parse_tensor(w.out, &t);
  EXPECT(s.code() == Code::parse, s.message());
}

TEST("an argument has the type its schema says, a number standing for either") {
  const Schema* schema = find_schema("LeakyRelu");
  OpDef def;
  def.type = "LeakyRelu", def.input = {"x"}, def.output = {"y"};
  EXPECT(schema->check(def).ok());
  EXPECT(Args(def, *schema).f("alpha") == 0.01f);
  def.set("alpha", int64_t(2));
  EXPECT(schema->check(def).ok() && Args(def, *schema).f("alpha") == 2.f);
  def.set("alpha", std::string("steep"));
  Status s = schema->check(def);
  EXPECT(s.code() == Code::argument && s.message().find("expected float") != std::string::npos, s.message());
  def.arg.clear();
  def.input.push_back("z");
  EXPECT(schema->check(def).code() == Code::argument);
}

TEST("an OperatorDef reads back what it wrote, nets in arguments included") {
  OpDef def;
  def.type = "If", def.name = "n", def.input = {"a", ""}, def.output = {"b"}, def.engine = "E",
  def.is_gradient_op = true;
  def.set("f", 0.5f), def.set("i", int64_t(-7)), def.set("s", std::string("\xff\0", 2)),
      def.set("ints", std::vector<int64_t>{1, -1});
  def.arg.push_back({});
  def.arg.back().name = "then_net";
  def.arg.back().nets.resize(1);
  def.arg.back().nets[0].op.push_back(def);
  OpDef back;
  EXPECT(parse(serialize(def), &back).ok());
  EXPECT(serialize(back) == serialize(def));
  EXPECT(back.find("i")->i == -7 && back.find("then_net")->nets[0].op[0].type == "If");
}

TEST("suggestions come from near names only") {
  EXPECT(suggestion("LeakyReLU") == "LeakyRelu", suggestion("LeakyReLU"));
  EXPECT(suggestion("Quux").empty(), suggestion("Quux"));
}
