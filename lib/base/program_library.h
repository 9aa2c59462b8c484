// Shared objects that come with the programs and are opened only when they are wanted.
#pragma once

#include <filesystem>

namespace storm {

// Beside the program, where `make install` puts it, and where a build's test programs find it. Empty: nowhere.
inline std::filesystem::path program_library(const char* name) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path here = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const fs::path& folder : {here, here / "../lib/storm", here / "../bin"})
    if (fs::exists(folder / name, failed)) return folder / name;
  return {};
}

}  // namespace storm
