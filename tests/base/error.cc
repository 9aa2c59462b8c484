#include "base/error.h"

#include <cstdlib>
#include <new>

#include "tests/catch.h"

using namespace storm;

#ifndef STORM_SANITIZE  // sanitizers bring operators of their own, and mind where one of a pair is replaced

namespace {
int allocations_left = -1;  // before one fails; negative: none does
}

void* operator new(std::size_t bytes) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("whichever allocation fails inside str(), it throws or the text is whole") {
  const std::string part(3000, 'x'), wanted = part + "7" + part;
  int thrown = 0;
  for (int n = 0;; ++n) {
    std::string text;
    bool failed = false;
    allocations_left = n;
    try {
      text = str(part, 7, part);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    const bool all_came = allocations_left > 0;
    allocations_left = -1;
    if (!failed) REQUIRE(text == wanted);
    thrown += failed;
    if (all_came) break;
  }
  CHECK(thrown > 1);
}

#endif
