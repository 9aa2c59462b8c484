// What is no file becomes one: a pipe is copied to a temporary file without a name, which goes when it is closed.
#pragma once

#include <cstdint>
#include <string>

#include "base/mapped_file.h"

namespace storm {

enum class Spooled : uint8_t { stream, anything };

// path "-" is standard input. Throws Error for what does not begin as a tensor stream, before anything is copied,
// unless anything is welcome. A regular file is mapped as it is, standard input too where it is one.
MappedFile map_or_spool(const std::string& path, Spooled what = Spooled::stream);

}  // namespace storm
