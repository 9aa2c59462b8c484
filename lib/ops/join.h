// Values side by side, dropped out: y = dropout([a, b, ...]), row by row. What stands between recurrent layers: both
// directions of one, a context beside a state, or one value and its dropout.
#pragma once

#include <span>

#include "tensor/graph.h"

namespace storm {

// parts: up to four of [tokens, *] -> [tokens, the sum of their widths]
Value join(Graph& graph, std::span<const Value> parts, float dropout = 0);

struct JoinAttributes {  // what its node carries, for the kernels
  float dropout;
};
constexpr std::size_t kJoinParts = 4;

}  // namespace storm
