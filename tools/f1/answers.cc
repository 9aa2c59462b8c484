#include "metrics/answers.h"

#include <memory>

#include "base/error.h"
#include "text/lines.h"
#include "tools/f1/scored.h"

namespace storm {

namespace {

RowMeasure mean_of(const std::string& name, std::vector<double> scores) {
  const auto all = std::make_shared<const std::vector<double>>(std::move(scores));
  return {name, "SQuAD", [all](std::span<const uint32_t> rows) {
            double sum = 0;
            for (const uint32_t r : rows) sum += (*all)[r];
            return sum / static_cast<double>(rows.size());
          }};
}

}  // namespace

Scored score_answers(SegmentFiles& files) {
  std::vector<double> exact, f1;  // [questions, systems]
  Block block;
  std::vector<std::string> answers;
  while (files.read(block, 8192))
    for (std::size_t i = 0; i < block.segments(); ++i) {
      answers.clear();
      for (std::string_view rest = block.references[0][i]; !rest.empty();) answers.emplace_back(take_field(rest));
      for (const auto& system : block.systems) {
        exact.push_back(exact_match(system[i], answers));
        f1.push_back(squad_f1(system[i], answers));
      }
    }
  Scored scored{"questions", exact.size() / files.num_systems(), {}, [](Figures&) {}};
  scored.measures = {mean_of("exact_match", std::move(exact)), mean_of("squad_f1", std::move(f1))};
  return scored;
}

}  // namespace storm
