#include "train/decay_turns.h"

namespace storm {

std::vector<int64_t> turns_at_vectors(const Parameters& parameters) {
  std::vector<int64_t> turns;
  for (const ParameterSpec& spec : parameters.specs())  // the trained ones lie in this order
    if (spec.trained && spec.vector != (turns.size() % 2 == 1))
      turns.push_back(parameters.view(spec.name).data() - parameters.values().data());
  return turns;
}

}  // namespace storm
