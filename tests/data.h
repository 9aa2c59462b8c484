// The files of tests/PART/data.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "base/input.h"

namespace storm::test {

inline std::string data_path(const std::string& name, const std::string& part = "metrics") {
  const char* root = std::getenv("STORM_ROOT");
  return std::string(root ? root : ".") + "/tests/" + part + "/data/" + name;
}

inline std::vector<std::string> data_lines(const std::string& name, const std::string& part = "metrics") {
  Input file(data_path(name, part));
  std::vector<std::string> all;
  for (std::string line; file.read_line(line);) all.push_back(line);
  return all;
}

}  // namespace storm::test
