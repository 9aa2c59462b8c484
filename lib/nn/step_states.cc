#include "nn/step_states.h"

#include "ops/embed.h"

namespace storm {

float* StepStates::room(std::size_t i, int64_t rows, int64_t width) {
  State& state = states_[i];
  float*& at = state.at[turn()];
  state.width = width;
  if (int64_t& room = state.room[turn()]; rows > room) {
    room = 2 * rows;  // beams widen in the first steps, and never more than that
    at = reinterpret_cast<float*>(slabs_.take(static_cast<std::size_t>(room * width) * sizeof(float)));
  }
  return at;
}

void StepStates::place(Graph& graph, Value v, std::size_t i) {
  if (v) graph.place(v, room(i, graph.shape(v).rows, graph.shape(v).cols));
}

Value StepStates::before(Graph& graph, std::size_t i, Value rows) const {
  const float* at = states_[i].at[1 - turn()];
  if (!at) return {};
  return gather(graph, graph.constant({beams_.rows_before(), states_[i].width}, at), rows);
}

}  // namespace storm
