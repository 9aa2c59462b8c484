// Files are complete or absent, and stay what and where they were.
#include "base/output.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/input.h"
#include "tests/catch.h"
#include "tests/scratch_folder.h"

using namespace storm;
namespace fs = std::filesystem;

namespace {

std::ptrdiff_t files_in(const test::ScratchFolder& folder) {
  return std::distance(fs::directory_iterator(folder.path), fs::directory_iterator());
}

void write(const std::string& path, std::string_view text) {
  Output output(path);
  output.write(text);
  output.commit();
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

}  // namespace

TEST_CASE("a file appears with commit, and without it nothing stays behind") {
  const test::ScratchFolder folder;
  const auto path = folder / "a";
  { Output(path).write(std::string_view("lost")); }
  CHECK(files_in(folder) == 0);
  write(path, "first");
  {
    Output output(path);
    output.write(std::string(200'000, 'x'));
    CHECK(read_file(path) == "first");
  }
  CHECK(read_file(path) == "first");
  write(path, "second");
  CHECK(read_file(path) == "second");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a symbolic link stays, and what it leads to is written") {
  const test::ScratchFolder folder;
  fs::create_directory(folder.path / "there");
  fs::create_symlink("there/real", folder / "near");
  fs::create_symlink("near", folder / "far");  // a link to a link to nothing yet
  write(folder / "far", "one");
  CHECK(read_file(folder / "there/real") == "one");
  write(folder / "far", "two");
  CHECK(read_file(folder / "there/real") == "two");
  CHECK((fs::is_symlink(folder / "far") && fs::is_symlink(folder / "near")));
  fs::create_symlink("round", folder / "round");
  CHECK_THROWS_AS(Output(folder / "round"), Error);
}

TEST_CASE("an existing file keeps its mode") {
  const test::ScratchFolder folder;
  const auto path = folder / "secret";
  for (const mode_t mode : {0600, 0640, 0755}) {
    std::ofstream(path) << "old";
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    write(path, "new");
    CHECK(mode_of(path) == mode);
    CHECK(read_file(path) == "new");
  }
}

TEST_CASE("what a killed process left beside its file goes, and what is still being written or another's stays") {
  const test::ScratchFolder folder;
  for (const char* name : {"a.123.tmp", "a.456.tmp", "a.x.tmp", "b.123.tmp", "a.tmp"})
    std::ofstream(folder / name) << 1;
  const int busy = ::open((folder / "a.456.tmp").c_str(), O_RDONLY);
  REQUIRE(::flock(busy, LOCK_EX) == 0);
  write(folder / "a", "text");
  ::close(busy);
  CHECK_FALSE(fs::exists(folder / "a.123.tmp"));
  for (const char* name : {"a.456.tmp", "a.x.tmp", "b.123.tmp", "a.tmp"}) CHECK(fs::exists(folder / name));
  write(folder / "b", "text");  // what was seen when this process came to the folder is enough
  CHECK_FALSE(fs::exists(folder / "b.123.tmp"));
}

TEST_CASE("an output that cannot be written says so at once") {
  const test::ScratchFolder folder;
  CHECK_THROWS_AS(Output(folder / "nowhere/a"), Error);
  CHECK_THROWS_AS(Output(folder.path.string()), Error);
  CHECK_THROWS_AS(Output(folder / std::string(250, 'x')), Error);  // a name that commit() could not have made
  CHECK(files_in(folder) == 0);
}
