// Documents made from documents: merged, averaged, converted. What is written goes out tensor by tensor, so that mapped
// inputs may be larger than memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/output.h"
#include "stream/document.h"

namespace storm {

bool is_float(DType t);  // F16, BF16, F32 or F64

// Elements [first, first + out.size()) of a float tensor, exactly.
void read_floats(const Tensor& tensor, int64_t first, std::span<double> out);
// The same of F32, F16 and BF16, whose values all are floats.
void read_floats(const Tensor& tensor, int64_t first, std::span<float> out);
// Bytes of these values in a float dtype, rounded to nearest even (F64 to F16 and BF16 by way of F32). Returns how many
// finite values became infinite.
int64_t write_floats(std::span<const double> values, DType dtype, std::span<std::byte> out);

// One document with all rows: tensors of one name are laid end to end along their first axis; NAME.offsets (I64) of
// each document are moved by the last ones of those before it; vocabularies stay single. Metadata: the first's.
// Throws Error where names, dtypes, other axes or vocabularies differ.
void write_merged(std::span<const Document> documents, Output& output);

// The mean of each float tensor over the documents, summed in double. Names, dtypes, shapes, config and vocabularies
// must agree, else Error; other tensors and metadata are the last document's, with the command in place of its own.
// The average of checkpoints is a model: the training's state is left out.
void write_average(std::span<const Document> documents, const std::string& command, Output& output);

// The document with its float tensors in this dtype. Throws Error for a finite value beyond the dtype's range.
void write_converted(const Document& document, DType dtype, Output& output);

}  // namespace storm
