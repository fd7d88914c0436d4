// SPDX-License-Identifier: Apache-2.0
// Nets inside the arguments of operators.
#pragma once
#include "core/op_def.h"

namespace pf {

// f(net) for every net in the operator's arguments, however deep it lies.
template <class F>
void each_nested(const OpDef& op, F&& f) {
  for (auto& argument : op.arg) {
    for (auto& net : argument.nets) {
      f(net);
      for (auto& inner : net.op) each_nested(inner, f);
    }
  }
}

// f(name) for every blob that operators of nested nets write.
template <class F>
void each_nested_output(const OpDef& op, F&& f) {
  each_nested(op, [&f](const NetDef& net) {
    for (auto& inner : net.op)
      for (auto& name : inner.output) f(name);
  });
}

}  // namespace pf
