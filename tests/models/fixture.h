// The committed PyTorch fixtures: small models and one ragged batch (scripts/torch-fixture, scripts/torch-fixture-rnn).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/encoder_decoder.h"
#include "stream/document.h"
#include "tests/relative_error.h"

namespace storm::test {

const Document& fixture();      // two Transformers, "post" and "pre", and the batch
const Document& rnn_fixture();  // recurrent models
Batch fixture_batch();
// A model of a fixture with its weights and with gradients, some settings replaced.
std::unique_ptr<Model> fixture_model(const Document& fixture, const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings = {});
// Of the Transformers.
std::unique_ptr<Model> fixture_model(const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings = {});

// The largest error of loss, token likelihoods and gradients against the fixture, each relative.
double error_of(const Document& fixture, const std::string& which, Model& model, const Batch& batch);
// The largest relative error of a row of logits when every sentence is fed its own target, one token a step, and those
// that have ended drop out.
double decoding_error_of(const Document& fixture, const std::string& which, const Model& model, const Batch& batch);

}  // namespace storm::test
