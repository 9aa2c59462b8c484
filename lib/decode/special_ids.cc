#include "decode/special_ids.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"

namespace storm {

SpecialIds special_ids(const Vocabulary& source, const Vocabulary& target, const nlohmann::json& config) {
  require(source.eos_id() >= 0 && target.eos_id() >= 0,
          "the vocabulary has no end of sentence (EOS); make one with tokenize --learn");
  require(source.eos_id() == target.eos_id(), "the vocabularies' ends of sentence (EOS) have different ids (",
          source.eos_id(), " for src, ", target.eos_id(), " for tgt); make both with tokenize --learn");
  return {.bos = decoder_start_of(config, target.first_fed_id(), target.size()), .eos = target.eos_id()};
}

}  // namespace storm
