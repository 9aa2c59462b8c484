// Catch2 2 (Debian 12) or 3 (Ubuntu 24.04), and a way to skip a test and have it counted.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <string>

namespace storm::test {
// Marks the running test case as skipped; return from it afterwards.
void skip(const std::string& why);
// What a comparison with a reference allows: the tolerance of the CPU's sums or, where a device takes sums in another
// order, least_tolerance of the largest value (tests/cuda/card).
extern double least_tolerance;
inline double allowed(double tolerance) { return tolerance < least_tolerance ? least_tolerance : tolerance; }
}  // namespace storm::test
