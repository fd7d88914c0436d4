// SPDX-License-Identifier: Apache-2.0
// OperatorDef, NetDef and their arguments as the core holds them; read from and written to protobuf.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace pf {

struct NetDef;

struct Argument {
  std::string name;
  bool has_f = false, has_i = false, has_s = false;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  std::vector<NetDef> nets;  // field n, then fields nets

  bool operator==(const Argument&) const;
};

struct DeviceOption {
  int device_type = 0;  // 0 CPU, 1 CUDA
  int device_id = 0;
  bool has_device_type = false, has_random_seed = false;
  uint32_t random_seed = 0;
  bool operator==(const DeviceOption&) const = default;
};

struct OpDef {
  std::string type, name, engine;
  std::vector<std::string> input, output, control_input;
  std::vector<Argument> arg;
  bool has_device_option = false;
  DeviceOption device_option;
  bool is_gradient_op = false;

  const Argument* find(std::string_view name) const;
  void set(const char* name, int64_t value);
  void set(const char* name, float value);
  void set(const char* name, std::string_view value);
  void set(const char* name, std::vector<int64_t> value);

 private:
  Argument& argument(const char* name);
};

struct NetDef {
  std::string name, type;
  std::vector<OpDef> op;
  std::vector<Argument> arg;
  std::vector<std::string> external_input, external_output;
  int num_workers = 0;
  bool has_device_option = false;
  DeviceOption device_option;

  const Argument* find(std::string_view name) const;
};

Status parse(std::string_view bytes, NetDef* out);
Status parse(std::string_view bytes, OpDef* out);
std::string serialize(const OpDef& def);
std::string serialize(const NetDef& def);

}  // namespace pf
