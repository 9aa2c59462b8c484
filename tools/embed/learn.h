// embed --learn: vectors of words from text.
#pragma once

#include <vector>

#include "tools/cli.h"

namespace storm {

std::vector<Flag> learn_flags();

void learn_vectors(const Args& args);  // throws UsageError for what does not go together

// Throws UsageError for what has a meaning with --learn alone.
void refuse_learning(const Args& args);

}  // namespace storm
