// Some columns of a value: y = x[:, first ... first + count - 1]. What join puts side by side it takes apart: keys and
// values of a product that has queries, too, or the layers of a state that travels as one.
#pragma once

#include <cstdint>

#include "tensor/graph.h"

namespace storm {

// x: [rows, *], of which count columns from `first` on are within -> [rows, count]
Value columns(Graph& graph, Value x, int64_t first, int64_t count);

struct ColumnsAttributes {  // what its node carries, for the kernels
  int64_t first;
};

}  // namespace storm
