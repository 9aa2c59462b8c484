#include "train/word_dropout.h"

#include <algorithm>

#include "base/random.h"

namespace storm {

void WordDropout::drop(Batch& batch, uint64_t seed, uint64_t number) const {
  RandomStream random(seed, RandomUse::word_dropout, stream_of_batch(number));
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    const Input& input = inputs[std::min(i, inputs.size() - 1)];
    for (int32_t& id : batch.inputs[i].ids)
      if (input.ordinary[static_cast<std::size_t>(id)] && random.uniform() < rate) id = input.unknown;
  }
}

}  // namespace storm
