#include "exchange/folder.h"

#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"

namespace storm {

namespace {

const std::string& folder_that_is_there(const std::string& path) {
  std::error_code ignored;
  require(std::filesystem::is_directory(path, ignored), path, ": no folder; give the one that holds config.json");
  return path;
}

}  // namespace

std::string file_in(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

std::string read_text_file(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  require(bytes.size() <= (std::size_t{1} << 30), path, ": ", bytes.size(), " bytes, more than a text file has");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Folder::Folder(const std::string& path, const std::string& task)
    : path_(folder_that_is_there(path)), config_(json("config.json")), weights_(path) {
  if (!task.empty()) config_[kOwnKey]["task"] = task;
}

bool has_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return false;
  require(std::filesystem::is_regular_file(path, ignored), path, ": is no regular file");
  return true;
}

bool Folder::has(const std::string& name) const { return has_file(path_of(name)); }

std::string Folder::text(const std::string& name) const {
  require(has(name), path_, ": ", name, " is missing");
  return read_text_file(path_of(name));
}

nlohmann::json Folder::json(const std::string& name) const {
  auto json = parse_json(text(name), path_of(name));
  require(json.is_object(), path_of(name), ": no object");
  return json;
}

nlohmann::json Folder::json_if_there(const std::string& name) const {
  return has(name) ? json(name) : nlohmann::json::object();
}

}  // namespace storm
