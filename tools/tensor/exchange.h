// tensor import and export: what others write becomes a stream, and the reverse.
#pragma once

#include "tools/cli.h"

namespace storm {

void import_from_elsewhere(const Args& args);  // the operands: import, and a folder or a file
void export_to_elsewhere(const Args& args);    // the operands: export, a document, and a folder or a file

}  // namespace storm
