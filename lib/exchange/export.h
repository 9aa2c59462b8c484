// A model as a folder that transformers' from_pretrained reads.
#pragma once

#include <string>

namespace storm {

// The folder must not be there, or be empty; it appears when it is complete. Throws Error and UsageError for a model
// that no family has room for, naming the setting.
void export_folder(const std::string& model, const std::string& folder);

}  // namespace storm
