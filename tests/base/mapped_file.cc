// Files that change while they are mapped.
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "base/input.h"
#include "base/output.h"
#include "tests/catch.h"
#include "tests/scratch_folder.h"

using namespace storm;

namespace {

// What a process that does this ends with, and what it says.
template <class Body>
std::pair<int, std::string> process(const std::string& errors_path, Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open(errors_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    std::signal(SIGBUS, SIG_DFL);  // the test program has a handler of its own
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {status, read_file(errors_path)};
}

void write_bytes(const std::string& path, std::size_t n) {
  Output out(path);
  out.write(std::string(n, 'x'));
  out.commit();
}

std::byte sum(std::span<const std::byte> bytes) {
  std::byte all{};
  for (const std::byte b : bytes) all ^= b;
  return all;
}

}  // namespace

TEST_CASE("a file that is cut short while it is mapped ends the process with a line that names it, not with SIGBUS") {
  const test::ScratchFolder folder;
  const auto path = folder / "cut\nshort.st", other = folder / "other", result = folder / "result";
  write_bytes(path, 100'000);
  write_bytes(other, 100'000);
  const auto [status, message] = process(folder / "said", [&] {
    Output out(result);
    const MappedFile before(other);
    MappedFile moved(path);
    const MappedFile file(std::move(moved));
    { const MappedFile gone(other); }
    std::filesystem::resize_file(path, 5'000);
    out.write(std::string(1, static_cast<char>(sum(file.bytes()))));
    out.commit();
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(message.ends_with("cut?short.st: was cut short while it was read; run again when it is complete\n"));
  CHECK(std::ranges::count(message, '\n') == 1);
  CHECK_FALSE(std::filesystem::exists(result));
}

TEST_CASE("another SIGBUS stays one") {
  const test::ScratchFolder folder;
  write_bytes(folder / "mapped", 10);
  const auto [status, message] = process(folder / "said", [&] {
    const MappedFile file(folder / "mapped");
    const int fd = ::open((folder / "short").c_str(), O_RDWR | O_CREAT, 0600);
    const void* at = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    ::_exit(static_cast<int>(sum({static_cast<const std::byte*>(at), 4096})));
  });
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGBUS);
  CHECK(message.empty());
}
