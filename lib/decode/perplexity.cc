#include "decode/perplexity.h"

namespace storm {

void Perplexity::add(double log_prob, std::span<const int32_t> ids, const Vocabulary& vocabulary) {
  const auto text = vocabulary.decode(ids);
  bool within = false;
  for (const char c : text) {
    const bool space = c == ' ';
    words_ += !space && !within;
    within = !space;
  }
  log_prob_ += log_prob;
  tokens_ += static_cast<int64_t>(ids.size()) + 1;
  words_ += 1;
  bytes_ += static_cast<int64_t>(text.size()) + 1;
}

}  // namespace storm
