// The committed fixture of language models by PyTorch and Hugging Face: small models and one ragged batch of texts
// (scripts/torch-fixture-lm).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/language_model.h"
#include "stream/document.h"

namespace storm::test {

const Document& language_model_fixture();
PackedSentences fixture_texts();

// A model of the fixture with its weights and with gradients, some settings replaced.
std::unique_ptr<Model> language_model_of(const std::string& which,
                                         const std::vector<std::pair<std::string, std::string>>& settings = {});

// What one pass over the texts records; begun with the fixture's states, if the model carries any.
struct FixtureLoss {
  CrossEntropy loss;
  CarriedState carried;
};
FixtureLoss fixture_loss(Graph& graph, const Model& model, const std::string& which, const PackedSentences& texts);

}  // namespace storm::test
