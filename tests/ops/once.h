// Plans a graph and gives it an arena full of NaN: an op must not count on a clean one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tensor/buffer.h"
#include "tensor/execution.h"
#include "tensor/plan.h"

namespace storm::test {

struct Once {
  Plan plan;
  Buffer arena;
  Execution run;

  explicit Once(const Graph& graph, uint64_t seed = 0, uint64_t batch = 0)
      : plan(make_plan(graph)),
        arena(std::max<std::size_t>(plan.bytes, 64)),
        run(graph, plan, arena.data(), seed, batch) {
    std::ranges::fill(arena.as<float>(), NAN);
  }
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;
};

}  // namespace storm::test
