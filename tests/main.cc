// The main of every unit-test program: one line a test case, which tests/run counts.
#define CATCH_CONFIG_RUNNER
#include <iostream>

#include "tests/catch.h"

namespace storm::test {
namespace {

std::string skipped;

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

struct OneLineEach : Listener {
  using Listener::Listener;
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    if (stats.totals.assertions.failed > 0 || stats.totals.testCases.failed > 0)
      std::cout << "not ok - ";
    else
      std::cout << (skipped.empty() ? "ok - " : "skip - ");
    std::cout << stats
                     .testInfo
#if __has_include(<catch2/catch_all.hpp>)
                     ->name
#else
                     .name
#endif
              << (skipped.empty() ? "" : ": " + skipped) << std::endl;
    skipped.clear();
  }
};
CATCH_REGISTER_LISTENER(OneLineEach)

}  // namespace

void skip(const std::string& why) { skipped = why; }
#ifdef STORM_SANITIZE  // built at -O1, whose sums of single lanes round more than those of eight
double least_tolerance = 1e-4;
#else
double least_tolerance = 0;
#endif

}  // namespace storm::test

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
