// A file that says "somebody works on this" to other processes: locked while the object lives, removed by it.
#pragma once

#include <string>

namespace storm {

// Locks an open file for as long as it is open. False when another process holds it; true, too, where the file system
// has no locks.
bool try_lock(int fd);

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
