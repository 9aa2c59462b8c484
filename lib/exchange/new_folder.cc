#include "exchange/new_folder.h"

#include <unistd.h>

#include "base/error.h"

namespace storm {

namespace fs = std::filesystem;

NewFolder::NewFolder(const std::string& path) {
  path_ = fs::path(path).lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();  // "folder/"
  std::error_code ignored;
  require(!fs::exists(path_, ignored) || (fs::is_directory(path_, ignored) && fs::is_empty(path_, ignored)), path,
          ": is there already; give the name of a new folder");
  making_ = path_.string() + str(".", ::getpid(), ".tmp");
  std::error_code error;
  fs::remove_all(making_, ignored);
  const bool made = fs::create_directory(making_, error);
  require(made, path, ": cannot make the folder: ", error.message());
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!making_.empty()) fs::remove_all(making_, ignored);
}

std::string NewFolder::file(const std::string& name) const {
  const auto path = making_ / name;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  require(!error, path_.string(), ": cannot make the folder: ", error.message());
  return path.string();
}

void NewFolder::commit() {
  std::error_code error;
  fs::rename(making_, path_, error);
  require(!error, path_.string(), ": cannot make the folder: ", error.message());
  making_.clear();
}

}  // namespace storm
