// Where everything of a graph lies in one arena, from the lifetimes over forward and backward. Values whose lifetimes
// do not meet share memory, so the plan's size is the exact memory of a batch, known before it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/graph.h"

namespace storm {

struct Plan {
  static constexpr std::size_t kNone = SIZE_MAX;

  std::size_t bytes = 0;                    // the arena's size
  std::vector<std::size_t> data, gradient;  // per value: offset in the arena, or kNone
  std::vector<std::size_t> scratch;         // per node: its scratch in forward, then (second half) in backward
  // Per node, bit i: input i's gradient already holds another use's share, so backward adds to it.
  std::vector<uint16_t> accumulate;
};

// zone: so many bytes, a multiple of 64, lie unused behind each place, for tests that look for writes outside.
Plan make_plan(const Graph& graph, std::size_t zone = 0);
// The same, into a plan whose memory is used again.
void make_plan(const Graph& graph, Plan& plan, std::size_t zone = 0);

}  // namespace storm
