// Several models as one, whose next-token distribution is the weighted mean of theirs: log sum_i w_i p_i(token). It is
// a model as any other to searches, samples and scores, and has neither states nor parameters of its own.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "models/model.h"

namespace storm {

// Of models that all turn a source into a target, or all continue text, over the same vocabularies. weights: as many,
// none of them negative, of which the sum is above 0; one of 0 leaves a model out, and where one alone is left, it is
// returned as it is. The configuration is the first model's. Throws UsageError for other models, and for too many.
std::unique_ptr<Model> make_ensemble(std::vector<std::unique_ptr<Model>> models, std::span<const double> weights);

// The models that have a model's parameters: those of an ensemble, or itself.
std::vector<Model*> members_of(Model& model);

}  // namespace storm
