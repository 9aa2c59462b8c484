// A model's folder from elsewhere as a document of kind "model", written tensor by tensor.
#pragma once

#include <string>

#include "base/output.h"

namespace storm {

// command: for the document's metadata. task: what the model's head is for, where the folder does not say: texts that
// come in pairs; "": what it says. Throws Error for a folder that is damaged or asks for what STORM does not do, and
// UsageError for a task that is not the head's.
void import_folder(const std::string& folder, const std::string& command, Output& output, const std::string& task = "");

}  // namespace storm
