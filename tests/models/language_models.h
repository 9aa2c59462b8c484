// Language models of every kind to be tried, small, and what their tests ask of them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/language_model.h"

namespace storm::test {

using Flags = std::vector<std::pair<std::string, std::string>>;
using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;

constexpr int32_t kVocabulary = 11, kEos = 3;
constexpr std::size_t kWidth = 24;

struct Variation {
  std::string name, preset;
  Flags flags = {};
};
const std::vector<Variation>& language_models();

// Without dropout, with gradients; biases and gains away from 0 and 1, so that none can be left out unseen.
std::unique_ptr<Model> model_of(const Variation& v);

Ids random_ids(std::size_t length, uint64_t seed);
std::vector<Ids> random_texts(uint64_t seed);  // of 1, 7, 0, 3 and 18 tokens
PackedSentences packed(const std::vector<Ids>& texts);
Floats copy(Workspace& workspace, Value v);  // of a kept value
double largest_difference(const Floats& a, const Floats& b);

Floats states_of(const Model& model, const std::vector<Ids>& texts);  // [tokens, kWidth]
// Log-probabilities of what follows each text's last token: [texts, kVocabulary].
Floats next_log_probs(const Model& model, const std::vector<Ids>& texts);

}  // namespace storm::test
