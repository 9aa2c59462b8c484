// Modified Kneser-Ney's discounts (Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques for Language
// Modeling", equation 26), with KenLM's arithmetic.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace storm {

// How many n-grams of an order have an (adjusted) count of 1, 2, 3 and 4: [0] is not used.
using CountsOfCounts = std::array<uint64_t, 5>;

// What is taken from a count of 1, 2, and 3 or more: [0] is 0.
using Discounts = std::array<float, 4>;

constexpr Discounts kFallbackDiscounts{0, 0.5F, 1, 1.5F};  // KenLM's

// A discount of 0, which KenLM takes, would leave nothing to the words that a history was never followed by, and their
// log-probability would be minus infinity: it is none. Throws Error that names --discount-fallback where the counts
// give no discounts, as those of small or artificial data; with a fallback, it is what is returned then, and a warning
// says so.
Discounts discounts_of(const CountsOfCounts& counts, int order, const std::optional<Discounts>& fallback);

// A count less its discount.
inline float discounted(uint32_t count, const Discounts& discounts) {
  return static_cast<float>(count) - discounts[count < 3 ? count : 3];
}

}  // namespace storm
