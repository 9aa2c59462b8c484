// What the rows of an incremental decoder take from one step to the next: states that lie in the workspace's slabs,
// each in two buffers that take turns, since no step may write where it reads.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nn/beam_rows.h"
#include "tensor/graph.h"
#include "tensor/slabs.h"

namespace storm {

class StepStates {
 public:
  // Borrows both. beams: which step it is.
  StepStates(Slabs& slabs, const BeamRows& beams, std::size_t states) : slabs_(slabs), beams_(beams), states_(states) {}

  // v, [rows, width], is computed as state i that this step leaves; before the first step, as what the contexts leave.
  // Nothing happens where v is none.
  void place(Graph& graph, Value v, std::size_t i);
  // Room for state i of so many rows that this step leaves.
  float* room(std::size_t i, int64_t rows, int64_t width);
  // State i of those rows of the step before: I32 [n, 1] -> [n, width]; none where that step left none.
  Value before(Graph& graph, std::size_t i, Value rows) const;

 private:
  struct State {
    std::array<float*, 2> at{};
    std::array<int64_t, 2> room{}, rows{};  // how many rows there is room for, and how many there are
    int64_t width = 0;
  };
  // Which of a state's buffers this step writes.
  std::size_t turn() const { return static_cast<std::size_t>(beams_.step() + 1) & 1; }

  Slabs& slabs_;
  const BeamRows& beams_;
  std::vector<State> states_;
};

}  // namespace storm
