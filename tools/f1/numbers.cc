#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/number.h"
#include "base/printable.h"
#include "metrics/correlation.h"
#include "tools/f1/scored.h"

namespace storm {

namespace {

struct Numbers {
  std::vector<double> gold, predicted;  // [rows, systems]: gold repeats
};

double number(const std::string& text, const std::string& name, int64_t line) {
  const auto value = parse_number<double>(text);
  require(value && std::isfinite(*value), name, ": line ", line, ": '", printable(text), "' is not a number");
  return *value;
}

}  // namespace

Scored score_numbers(SegmentFiles& files) {
  const auto numbers = std::make_shared<Numbers>();
  Block block;
  for (int64_t line = 1; files.read(block, 8192);)
    for (std::size_t i = 0; i < block.segments(); ++i, ++line) {
      const double gold = number(block.references[0][i], files.reference_name(0), line);
      for (std::size_t s = 0; s < block.systems.size(); ++s) {
        numbers->gold.push_back(gold);
        numbers->predicted.push_back(number(block.systems[s][i], files.system_name(s), line));
      }
    }
  Scored scored{"rows", numbers->gold.size() / files.num_systems(), {}, [](Figures&) {}};
  const auto measure = [&](const std::string& name, const std::string& convention,
                           double (*value)(std::span<const double>, std::span<const double>)) {
    scored.measures.push_back({name, convention, [numbers, value](std::span<const uint32_t> rows) {
                                 std::vector<double> gold, predicted;
                                 for (const uint32_t r : rows) {
                                   gold.push_back(numbers->gold[r]);
                                   predicted.push_back(numbers->predicted[r]);
                                 }
                                 return value(gold, predicted);
                               }});
  };
  measure("pearson", "scipy", pearson);
  measure("spearman", "scipy", spearman);
  measure("mean_squared_error", "scikit-learn", mean_squared_error);
  return scored;
}

}  // namespace storm
