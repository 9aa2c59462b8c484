// What is no file becomes one: a pipe is copied to a temporary file without a name, which goes when it is closed.
#pragma once

#include <string>

#include "base/mapped_file.h"

namespace storm {

// path "-" is standard input. Throws Error for what does not begin as a tensor stream, before anything is copied.
// A regular file is mapped as it is, standard input too where it is one.
MappedFile map_or_spool(const std::string& path);

}  // namespace storm
