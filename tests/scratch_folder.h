// A folder for a test's files, which goes with it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

namespace storm::test {

struct ScratchFolder {
  std::filesystem::path path;
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "storm-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~ScratchFolder() {
    if (!path.empty()) std::filesystem::remove_all(path);
  }
  ScratchFolder(ScratchFolder&& o) noexcept : path(std::exchange(o.path, {})) {}  // only one removes it
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

}  // namespace storm::test
