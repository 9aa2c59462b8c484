#include "decode/diverged.h"

#include <cmath>
#include <limits>

#include "tests/catch.h"

using namespace storm;

TEST_CASE("what is no log-probability is taken for a training that has diverged") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double sound : {-infinity, -1e6, -1.0, 0.0, 1e-5}) CHECK_NOTHROW(require_number(sound));
  for (const double wrong : {static_cast<double>(NAN), infinity, 0.001, 12.0})
    CHECK_THROWS_AS(require_number(wrong), Error);
}
