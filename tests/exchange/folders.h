// The folders of tests/exchange/data (scripts/exchange-fixtures), copied so that a test may damage them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/output.h"
#include "exchange/import.h"
#include "tests/scratch_folder.h"

namespace storm::test {

inline std::string fixture_folder(const std::string& name) {
  const char* root = std::getenv("STORM_ROOT");
  return std::string(root ? root : ".") + "/tests/exchange/data/" + name;
}

// Imports a folder and returns the model's path.
inline std::string imported(const std::string& folder, const ScratchFolder& scratch, const std::string& name = "m.st") {
  Output output(scratch / name);
  import_folder(folder, "test", output);
  output.commit();
  return scratch / name;
}

struct CopiedFolder {
  ScratchFolder scratch;
  std::string path;

  explicit CopiedFolder(const std::string& name) : path(scratch / name) {
    std::filesystem::copy(fixture_folder(name), path, std::filesystem::copy_options::recursive);
  }
  std::string text(const std::string& file) const {
    std::ifstream in(path + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(path + "/" + file, std::ios::binary) << text;
  }
  // Replaces the first place of a text in a file; the test fails by the file's absence of it.
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    auto all = text(file);
    all.replace(all.find(from), from.size(), to);  // throws where it is not there
    write(file, all);
  }
  std::string import() const { return imported(path, scratch); }
};

}  // namespace storm::test
