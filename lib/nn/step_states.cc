#include "nn/step_states.h"

#include "ops/embed.h"

namespace storm {

float* StepStates::room(std::size_t i, int64_t rows, int64_t width) {
  State& state = states_[i];
  float*& at = state.at[turn()];
  state.width = width;
  state.rows[turn()] = rows;
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
  const State& state = states_[i];
  const std::size_t from = 1 - turn();
  if (!state.at[from]) return {};
  return gather(graph, graph.constant({state.rows[from], state.width}, state.at[from]), rows);
}

}  // namespace storm
