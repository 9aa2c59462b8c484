// LoRA adapters of PEFT (Hugging Face): a folder of adapter_config.json and adapter_model.safetensors, as what
// models/adapted_model.h has of a model, and the reverse.
#pragma once

#include <string>

#include "base/output.h"

namespace storm {

bool is_peft_folder(const std::string& path);  // it has an adapter_config.json

// Writes a document of kind "adapter", made for the base, a model's file. Throws Error, which names the key or the
// tensor, for what low-rank updates here have not: another kind of adapter, biases or modules beside it, ranks that
// differ.
void import_peft(const std::string& folder, const std::string& base, const std::string& command, Output& output);

// The reverse. A fused matrix of theirs of which parts are updated here gets one update with zeros for the others, and
// several matrices of theirs that are one here get an update each; what is computed is the same. Throws UsageError for
// an adapter with anything but low-rank updates, and for a family whose adapters are not known.
void export_peft(const std::string& adapter, const std::string& folder);

}  // namespace storm
