#include "base/address_space.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <new>

#include "tests/catch.h"

using namespace storm;

TEST_CASE("what cannot be mapped under a limit of address space is known before, and what can is free again") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit = before;
  limit.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (std::size_t{256} << 20);
  REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
  int free_again = 0;
  bool refused = false;
  try {
    for (int i = 0; i < 10; ++i, ++free_again) require_address_space(128 << 20);
    require_address_space(512 << 20);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  REQUIRE(::setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(free_again == 10);
  CHECK(refused);
}
