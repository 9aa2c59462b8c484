#include "ngram/discounts.h"

#include "base/error.h"
#include "base/log.h"

namespace storm {

namespace {

// The reason why there are none, or "".
std::string estimate(const CountsOfCounts& n, Discounts& discounts) {
  for (std::size_t j = 1; j < 4; ++j)
    if (n[j] == 0) return str("none of them has an adjusted count of ", j);
  const float y =
      static_cast<float>(n[1]) / static_cast<float>(static_cast<double>(n[1]) + 2.0 * static_cast<double>(n[2]));
  for (std::size_t j = 1; j < 4; ++j) {
    const auto count = static_cast<float>(j);
    const float d = count - (count + 1) * y * static_cast<float>(n[j + 1]) / static_cast<float>(n[j]);
    if (!(d > 0 && d <= count)) return str("the one of a count of ", j, " would be ", d);
    discounts[j] = d;
  }
  return "";
}

}  // namespace

Discounts discounts_of(const CountsOfCounts& counts, int order, const std::optional<Discounts>& fallback) {
  Discounts discounts{};
  const auto reason = estimate(counts, discounts);
  if (reason.empty()) return discounts;
  const auto why = str("the discounts of the ", order, "-grams cannot be estimated: ", reason);
  require(fallback.has_value(), why,
          "; the text is small, repeats itself or is made by a program: give more, or --discount-fallback");
  const auto& f = *fallback;
  warn(why, "; those of --discount-fallback are taken, ", f[1], ", ", f[2], " and ", f[3]);
  return f;
}

}  // namespace storm
