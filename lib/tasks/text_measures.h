// Measures that compare texts: what a model says with what it should have said. BLEU and chrF as the tool bleu gives
// them (lib/metrics), with its defaults.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

struct TextMeasure {
  std::string name;  // "bleu"
  // Counts the references once; what it returns scores a hypothesis for each, higher being better. Throws Error where
  // there are no references.
  using Score = std::function<double(const std::vector<std::string>& hypotheses)>;
  Score (*against)(const std::vector<std::string>& references);
};

std::span<const TextMeasure> text_measures();
const TextMeasure& text_measure(std::string_view name);  // throws UsageError that lists the names

}  // namespace storm
