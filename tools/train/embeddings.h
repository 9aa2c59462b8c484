// train --embeddings: tables of embeddings that begin with vectors of words or pieces.
#pragma once

#include "tools/train/streams.h"

namespace storm {

// Puts the vectors that --embeddings names into the tables of a model that is begun anew; does nothing without the
// flag. Throws UsageError for a column that has no table of its own, and Error for vectors of another width and for
// those that have none of a vocabulary's entries.
void begin_embeddings(const Args& args, const Streams& streams, Model& model);

}  // namespace storm
