// The log of a run whose writes fail.
#include "train/run_log.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/input.h"
#include "base/log.h"
#include "tests/catch.h"
#include "tests/scratch_folder.h"

using namespace storm;

namespace {

// No file may grow beyond this while it lives: writes are cut short, or fail.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a line that was cut off is not kept, whatever number is left of it") {
  const test::ScratchFolder folder;
  const auto path = folder / "run.tsv";
  TrainState state;
  {
    RunLog log(path, 0, {"bleu"});
    for (state.step = 110; state.step <= 120; state.step += 10) log.add(state, 0.5);
  }
  const auto whole = read_file(path);
  const auto last = whole.rfind("\n120") + 1;
  for (const auto kept : {last + 2, last + 3, last + 9}) {
    std::filesystem::resize_file(path, kept);
    { const RunLog log(path, 1000, {"bleu"}); }
    CHECK(read_file(path) == whole.substr(0, last));
    std::ofstream(path) << whole;
  }
}

TEST_CASE("a second run with the same log is refused, and not when the first is over") {
  const test::ScratchFolder folder;
  {
    const RunLog first(folder / "run.tsv", 0, {"bleu"});
    CHECK_THROWS_AS(RunLog(folder / "run.tsv", 0, {"bleu"}), Error);
  }
  const RunLog second(folder / "run.tsv", 0, {"bleu"});
}

TEST_CASE("a log line that cannot be written whole is left out, and the next ones are written") {
  std::signal(SIGXFSZ, SIG_IGN);
  const test::ScratchFolder folder;
  const auto path = folder / "run.tsv";
  RunLog log(path, 0, {"bleu"});
  const auto header = read_file(path);
  TrainState state;
  const auto add = [&](int64_t step) {
    state.step = step;
    log.add(state, 0.5);
  };
  add(1);
  const auto first = read_file(path);
  {
    const FileSizeLimit limit(first.size() + 7);
    add(2);
    add(3);
    CHECK(read_file(path) == first);
  }
  add(4);
  const auto line = first.substr(header.size());
  CHECK(read_file(path) == first + "4" + line.substr(1));
}
