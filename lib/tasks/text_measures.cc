#include "tasks/text_measures.h"

#include <memory>

#include "base/named.h"
#include "metrics/bleu_references.h"
#include "metrics/chrf.h"
#include "metrics/evaluation.h"

namespace storm {

namespace {

TextMeasure::Score bleu_against(const std::vector<std::string>& references) {
  const auto counted = std::make_shared<const BleuReferences>(std::span(&references, 1));
  return [counted](const std::vector<std::string>& hypotheses) { return counted->score(hypotheses).score; };
}

TextMeasure::Score chrf_against(const std::vector<std::string>& references) {
  return [references](const std::vector<std::string>& hypotheses) {
    Block block;
    block.references = {references};
    block.systems = {hypotheses};
    Evaluation evaluation({chrf_metric({}, 1)}, 1, false);
    evaluation.add(block);
    return evaluation.score(0, 0).value;
  };
}

}  // namespace

std::span<const TextMeasure> text_measures() {
  // A measure is added by its line here. The table is made when it is first asked for: tasks' own tables ask before
  // main.
  static const std::vector<TextMeasure> measures{{"bleu", bleu_against}, {"chrf", chrf_against}};
  return measures;
}

const TextMeasure& text_measure(std::string_view name) { return named_entry(text_measures(), name, "--measure:"); }

}  // namespace storm
