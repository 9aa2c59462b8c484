// Values side by side, dropped out: y = dropout([a, b, ...]), row by row. What stands between recurrent layers: both
// directions of one, a context beside a state, or one value and its dropout.
#pragma once

#include <span>

#include "tensor/graph.h"

namespace storm {

// parts: up to four of [tokens, *] -> [tokens, the sum of their widths]
// mask_rows: I32 [tokens, 1], none of them negative, a constant: rows of one number are dropped out by one mask. So all
// tokens of a text share their mask (Gal and Ghahramani 2016; the locked dropout of Merity et al. 2018, §4.1). None:
// each row has a mask of its own.
// mask_columns: so many neighbouring columns are dropped out together: a head's.
Value join(Graph& graph, std::span<const Value> parts, float dropout = 0, Value mask_rows = {},
           int64_t mask_columns = 1);

struct JoinAttributes {  // what its node carries, for the kernels; inputs: the parts, and at kJoinParts the masks' rows
  float dropout;
  int64_t mask_columns;
};
constexpr std::size_t kJoinParts = 4;

}  // namespace storm
