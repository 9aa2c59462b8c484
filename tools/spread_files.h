// --spread: the files of the first of several processes for those that have none of them.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/output.h"
#include "tools/cli.h"
#include "train/replicas.h"

namespace storm {

// Copies lie in a folder of this process's in $TMPDIR, and go with this.
class SpreadFiles {
 public:
  explicit SpreadFiles(Replicas& replicas) : replicas_(replicas) {}
  ~SpreadFiles() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  SpreadFiles(const SpreadFiles&) = delete;
  SpreadFiles& operator=(const SpreadFiles&) = delete;

  // The command line, with the copies in place of the files that these flags name; as it is where --spread is not
  // given.
  Args operator()(const Args& args, const std::vector<std::string>& flags) {
    if (!args.on("spread") || replicas_.is_alone()) return args;
    Args changed = args;
    for (const auto& flag : flags) {
      std::vector<std::string> files;
      for (const auto& path : args.texts(flag)) files.push_back(file(path, flag + std::to_string(files.size())));
      if (!files.empty()) changed = changed.with_texts(flag, files);
    }
    return changed;
  }
  // A copy of one file, which is called `name` there; where the first process has none, none is made.
  std::string file(const std::string& path, const std::string& name) {
    std::optional<MappedFile> mapped;
    std::error_code none;
    uint64_t size = kNone;
    if (replicas_.is_first() && std::filesystem::exists(path, none)) size = mapped.emplace(path).bytes().size();
    replicas_.broadcast(std::as_writable_bytes(std::span(&size, 1)));
    const std::string to = replicas_.is_first() ? path : (folder() / name).string();
    if (size == kNone) return to;
    std::optional<Output> copy;
    if (!mapped) copy.emplace(to);
    std::vector<std::byte> part;
    for (uint64_t at = 0; at < size; at += part.size()) {
      part.resize(std::min(kPart, size - at));
      if (mapped) std::ranges::copy(mapped->bytes().subspan(at, part.size()), part.begin());
      replicas_.broadcast(std::span<std::byte>(part));
      if (copy) copy->write({reinterpret_cast<const char*>(part.data()), part.size()});
    }
    if (copy) copy->commit();
    return to;
  }

 private:
  static constexpr uint64_t kNone = UINT64_MAX, kPart = uint64_t{16} << 20;

  std::filesystem::path folder() {
    if (folder_.empty()) {
      std::error_code failed;
      auto made = (std::filesystem::temp_directory_path(failed) / "storm-XXXXXX").string();
      require(!failed && ::mkdtemp(made.data()),
              "--spread: cannot make a folder in $TMPDIR; set it to a place with room");
      folder_ = made;
    }
    return folder_;
  }

  Replicas& replicas_;
  std::filesystem::path folder_;
};

}  // namespace storm
