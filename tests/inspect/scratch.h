// A file with some text, for as long as a test needs it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

namespace storm::test {

struct ScratchText {
  std::string path;

  explicit ScratchText(const std::string& text) {
    static std::atomic<int> count = 0;
    path = (std::filesystem::temp_directory_path() /
            ("storm-inspect-" + std::to_string(::getpid()) + "-" + std::to_string(count++)))
               .string();
    std::ofstream(path, std::ios::binary) << text;
  }
  ~ScratchText() { std::filesystem::remove(path); }
  ScratchText(const ScratchText&) = delete;
  ScratchText& operator=(const ScratchText&) = delete;
};

}  // namespace storm::test
