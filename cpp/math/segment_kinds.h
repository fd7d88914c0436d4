// SPDX-License-Identifier: Apache-2.0
// The names of the segment reductions say what they do; this reads them.
//   [Sparse] Lengths|SortedSegment|SortedSegmentRange|UnsortedSegment [PositionalWeighted|Weighted]
//   Sum|Mean|Max|LogSumExp|LogMeanExp [8BitsRowwise|Fused8BitRowwise]
// and for gradients [IndicesInGradient] after Lengths and [WithMainInput] [AndForwardOutput] Gradient at the end.
#pragma once
#include <string_view>

namespace pf {

struct SegmentKind {
  explicit SegmentKind(std::string_view name)
      : sparse(name.substr(0, 6) == "Sparse"),
        lengths(has(name, "Lengths")),
        sorted(!lengths && !has(name, "Unsorted")),
        range(has(name, "Range")),
        weighted(has(name, "Weighted")),
        positional(has(name, "Positional")),
        mean(has(name, "Mean")),
        max(has(name, "Max")),
        log_exp(has(name, "Log")),
        bytes(has(name, "8Bits")),
        fused(has(name, "Fused")),
        indices_in_gradient(has(name, "IndicesInGradient")),
        main_input(has(name, "WithMainInput")),
        forward_output(has(name, "AndForwardOutput")) {}
  static bool has(std::string_view name, const char* part) { return name.find(part) != std::string_view::npos; }

  bool sparse, lengths, sorted, range, weighted, positional, mean, max, log_exp, bytes, fused;
  bool indices_in_gradient, main_input, forward_output;

  // Inputs of the forward operator, after DATA: weights, indices, segments, scales, those there are.
  int indices_at() const { return 1 + weighted; }
  int segments_at() const { return 1 + weighted + sparse; }
  int scales_at() const { return 2 + weighted + sparse; }
};

}  // namespace pf
