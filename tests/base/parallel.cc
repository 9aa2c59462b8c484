#include "base/parallel.h"

#include <atomic>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/catch.h"

using namespace storm;

namespace {

using Ranges = std::vector<std::pair<int64_t, int64_t>>;

// Where the ranges of a loop over n lie, by their beginnings; where none begins, {-1, -1}.
Ranges ranges_of(int64_t n, int64_t grain) {
  Ranges ranges(static_cast<std::size_t>(n), {-1, -1});
  parallel_ranges(n, grain, [&](int64_t begin, int64_t end) {
    ranges[static_cast<std::size_t>(begin)] = {begin, end};
  });
  return ranges;
}

int64_t covered(const Ranges& ranges) {
  int64_t all = 0;
  for (const auto& [begin, end] : ranges) all += end - begin;
  return all;
}

// Runs the body where a parallel region gets at most so many threads, whatever it asks for, as under OMP_THREAD_LIMIT.
template <class Body>
void with_thread_limit(int limit, Body body) {
#pragma omp teams num_teams(1) thread_limit(limit)
  body();
}

struct Threads {
  explicit Threads(int n) { omp_set_num_threads(n); }
  ~Threads() { omp_set_num_threads(before); }
  int before = omp_get_max_threads();
};

}  // namespace

TEST_CASE("a loop over ranges does all of its work when OpenMP delivers fewer threads than were asked for", "[teams]") {
  const Threads threads(4);
  for (const int64_t n : {1, 3, 4, 7, 1000})
    for (const int64_t grain : {1, 3, 64}) {
      const Ranges whole = ranges_of(n, grain);
      REQUIRE(covered(whole) == n);
      for (const int limit : {1, 2, 3}) {
        Ranges few;
        with_thread_limit(limit, [&] { few = ranges_of(n, grain); });
        INFO("n " << n << ", grain " << grain << ", threads " << limit);
        CHECK(few == whole);  // the same ranges, so that sums by ranges have the same bits
      }
    }
}

TEST_CASE("a loop over items does each of them once when OpenMP delivers fewer threads than were asked for",
          "[teams]") {
  const Threads threads(4);
  for (const int limit : {1, 2, 4}) {
    std::vector<int> times(100);
    with_thread_limit(limit, [&] { parallel_items(100, [&](int64_t i) { ++times[static_cast<std::size_t>(i)]; }); });
    CHECK(times == std::vector<int>(100, 1));
  }
}

TEST_CASE("the number of a thread is below their count in every loop, also where fewer came", "[teams]") {
  const Threads threads(4);
  std::atomic<int64_t> most = 0;
  const auto note = [&](int64_t, int64_t) {
    int64_t seen = most;
    while (thread_number() > seen && !most.compare_exchange_weak(seen, thread_number())) {
    }
  };
  parallel_ranges(100, 1, note);
  with_thread_limit(2, [&] { parallel_ranges(100, 1, note); });
  CHECK(most < thread_count());
}

TEST_CASE("ranges are multiples of the grain but for the last, and follow each other") {
  const Threads threads(3);
  int64_t next = 0;
  for (const auto& [begin, end] : ranges_of(1000, 64)) {
    if (begin < 0) continue;
    CHECK(begin == next);
    CHECK((end % 64 == 0 || end == 1000));
    next = end;
  }
  CHECK(next == 1000);
}

TEST_CASE("an exception of a parallel loop reaches who called it") {
  const Threads threads(4);
  const auto thrower = [](int64_t i) {
    if (i > 30) throw std::runtime_error("of an item");
  };
  CHECK_THROWS_AS(parallel_items(100, thrower), std::runtime_error);
  CHECK_THROWS_AS(parallel_ranges(100, 1, [&](int64_t, int64_t end) { thrower(end); }), std::runtime_error);
}

TEST_CASE("a loop inside a loop runs in place, in one range") {
  const Threads threads(4);
  std::atomic<int> ranges = 0;
  parallel_items(8, [&](int64_t) { parallel_ranges(100, 1, [&](int64_t, int64_t) { ++ranges; }); });
  CHECK(ranges == 8);
}
