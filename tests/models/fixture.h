// The committed PyTorch fixture (scripts/torch-fixture): two small Transformers, one ragged batch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/batch.h"
#include "models/model.h"
#include "stream/document.h"

namespace storm::test {

const Document& fixture();
Batch fixture_batch();
// The model "post" or "pre" with the fixture's weights and with gradients, some settings replaced.
std::unique_ptr<Model> fixture_model(const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings = {});

// The largest difference between two arrays, relative to the largest value wanted.
double relative_error(std::span<const float> got, std::span<const float> want);

}  // namespace storm::test
