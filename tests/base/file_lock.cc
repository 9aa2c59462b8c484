// One at a time works on a name, and what a killed process left is in nobody's way.
#include "base/file_lock.h"

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/scratch_folder.h"

using namespace storm;

TEST_CASE("a lock is held once, and its file goes with it") {
  const test::ScratchFolder folder;
  const auto path = folder / "model.lock";
  {
    const FileLock lock(path, "somebody works on it");
    try {
      const FileLock second(path, "somebody works on it");
      FAIL("taken twice");
    } catch (const Error& e) {
      CHECK(std::string(e.what()) == "somebody works on it");
    }
    CHECK(std::filesystem::exists(path));
  }
  CHECK(!std::filesystem::exists(path));
  const FileLock again(path, "");
}

TEST_CASE("a lock file that nobody holds is taken over") {
  const test::ScratchFolder folder;
  std::ofstream(folder / "model.lock");
  const FileLock lock(folder / "model.lock", "");
}

TEST_CASE("a lock in a folder that is not there says so") {
  const test::ScratchFolder folder;
  CHECK_THROWS_AS(FileLock(folder / "nowhere/model.lock", ""), Error);
}
