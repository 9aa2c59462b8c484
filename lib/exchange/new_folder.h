// A folder that is written beside its place and gets its name when all is there.
#pragma once

#include <filesystem>
#include <string>

namespace storm {

class NewFolder {
 public:
  // Throws Error where something is there already, but for an empty folder.
  explicit NewFolder(const std::string& path);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  std::string file(const std::string& name) const;  // where to write it; makes the folders between
  void commit();

 private:
  std::filesystem::path path_, making_;
};

}  // namespace storm
