// Models whose weights are rounded once, for products that nobody trains through (cpu/packed_weight.h). What products
// y = x W^T take is packed; of tables whose rows are looked up too, the floats stay beside it, and everything else
// stays as it is.
//
// In a file a weight of int8 is a tensor I8 of the parameter's name and shape, of whole numbers from -127 to 127, and
// beside it NAME.scale, F32 [rows], what the numbers of each row are multiplied by.
#pragma once

#include <string>

#include "cpu/packed_weight.h"
#include "models/model.h"
#include "stream/document.h"

namespace storm {

// Packs all that products take and that is not packed yet. Throws Error where this CPU has no such products.
void pack_weights(Parameters& parameters, PackedNumbers numbers);
void pack_weight(Parameters& parameters, std::size_t i, PackedNumbers numbers);  // the i-th, if products take it

bool has_packed_weights(const Parameters& parameters);

bool is_int8(const Document& document, const ParameterSpec& spec);
// Reads the i-th parameter from a document that has it as int8. Throws Error for a scale that is no positive number.
void read_int8(const Document& document, Parameters& parameters, std::size_t i);

// The document of a model with its weights as int8, but for those whose names match one of the patterns (fnmatch's,
// commas between them). model: made from the document's configuration. Throws UsageError for a pattern that matches
// none.
Document int8_document(const Document& document, const Model& model, const std::string& floats);

}  // namespace storm
