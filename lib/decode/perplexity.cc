#include "decode/perplexity.h"

namespace storm {

void Perplexity::add(double log_prob, std::span<const int32_t> ids, const Vocabulary& vocabulary, bool ends) {
  const auto text = vocabulary.decode(ids);
  bool within = false;
  for (const char c : text) {
    const bool space = c == ' ';
    words_ += !space && !within;
    within = !space;
  }
  log_prob_ += log_prob;
  const int64_t end = ends ? 1 : 0;
  tokens_ += static_cast<int64_t>(ids.size()) + end;
  words_ += end;
  bytes_ += static_cast<int64_t>(text.size()) + end;
}

}  // namespace storm
