// A file that says "somebody works on this" to other processes: locked while the object lives, removed by it.
#pragma once

#include <string>

namespace storm {

class FileLock {
 public:
  // Throws Error when another process holds it, with `refusal` as its text, or when the file cannot be written. Where
  // the file system has no locks, none is taken. What a killed process left is taken over.
  FileLock(std::string path, const std::string& refusal);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace storm
