// A model's folder from elsewhere as a document of kind "model", written tensor by tensor.
#pragma once

#include <string>

#include "base/output.h"

namespace storm {

// command: for the document's metadata. Throws Error for a folder that is damaged or asks for what STORM does not do.
void import_folder(const std::string& folder, const std::string& command, Output& output);

}  // namespace storm
