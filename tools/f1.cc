// f1: scores labels, entities, answers and numbers as scikit-learn, seqeval, conlleval, SQuAD's scripts and scipy do.

#include <cmath>
#include <optional>

#include "base/log.h"
#include "base/output.h"
#include "base/split.h"
#include "tools/f1/scored.h"
#include "tools/f1_flags.h"
#include "tools/significance.h"

namespace storm {

namespace {

ReportStyle style_of(const Args& args) {
  const std::string format = args.choice("format", {"text", "json", "latex"});
  ReportStyle style;
  style.format = format == "json" ? ReportFormat::json : format == "latex" ? ReportFormat::latex : ReportFormat::text;
  style.width = static_cast<int>(args.integer("width", 0, 100));
  style.score_only = args.on("score-only");
  return style;
}

Scored scored_of(const Args& args, const std::vector<std::string>& systems, std::size_t& num_systems) {
  if (args.given("spans") + args.on("squad") + args.on("regression") > 1)
    throw UsageError("--spans, --squad and --regression exclude one another");
  const bool columns = args.on("conll");
  if (columns && !args.given("spans")) throw UsageError("--conll is for --spans");
  const bool both = columns && args.operands().empty();
  if (args.operands().size() != 1 && !both)
    throw UsageError(args.operands().empty() ? "no gold file given; see f1 --help"
                                             : "f1 takes one gold file; systems are named by --input");
  if (!both && args.operands()[0] == "-" && (systems.empty() || std::ranges::count(systems, "-") > 0))
    throw UsageError("gold and predicted cannot both be standard input");
  if (args.given("spans")) return score_spans(args.operands(), systems, args.text("spans"), columns, num_systems);
  SegmentFiles files(systems, args.operands(), 1);
  num_systems = files.num_systems();
  return args.on("squad") ? score_answers(files) : args.on("regression") ? score_numbers(files) : score_labels(files);
}

// The measures that were asked for, in that order.
void choose(std::vector<RowMeasure>& measures, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::vector<RowMeasure> chosen;
  std::vector<std::string> known;
  for (const RowMeasure& m : measures) known.push_back(m.name);
  for (const auto& name : names) {
    const auto found = std::ranges::find(measures, name, &RowMeasure::name);
    if (found == measures.end()) throw UsageError(str("--metrics: '", name, "' is none of ", joined(known, ", ")));
    chosen.push_back(*found);
  }
  measures = std::move(chosen);
}

// What is undefined is 0, and said so.
Score score_of(const RowMeasure& measure, std::size_t system, std::size_t rows, std::size_t systems) {
  double value = value_of(measure, system, rows, systems);
  require(!std::isinf(value), measure.name, " is larger than a number may be; scale both columns down");
  if (std::isnan(value)) {
    warn(measure.name, " is undefined, since there is too little to compare or a column is constant; it is given as 0");
    value = 0;
  }
  return {measure.name, value, "", {}};
}

std::vector<Column> columns_of(const Args& args, const Tests& tests, const Scored& scored, std::size_t systems) {
  const Seed seed = seed_of(args, nullptr);
  std::vector<std::vector<Samples>> drawn(scored.measures.size());
  std::vector<std::vector<double>> p(scored.measures.size());
  if (tests.resampling || tests.confidence)
    drawn = bootstrap(scored.measures, scored.rows, systems, tests.samples, seed.value);
  if (tests.randomization) p = randomization_p_values(scored.measures, scored.rows, systems, tests.samples, seed.value);
  std::vector<Column> columns;
  for (std::size_t m = 0; m < scored.measures.size(); ++m) {
    const RowMeasure& measure = scored.measures[m];
    std::vector<Score> scores;
    for (std::size_t s = 0; s < systems; ++s) {
      scores.push_back(score_of(measure, s, scored.rows, systems));
      if (tests.resampling) p[m].push_back(paired_p_value(drawn[m][0], drawn[m][s], scores[s].value - scores[0].value));
    }
    const Signature signature{
        {{"convention", "c", measure.convention}, {scored.unit, "n", std::to_string(scored.rows)}}};
    columns.push_back(tested(tests, seed, signature, scores, drawn[m], p[m]));
  }
  return columns;
}

void f1(const Args& args) {
  const Tests tests = tests_of(args);
  const ReportStyle style = style_of(args);
  const auto paths = inputs_of(args, tests.paired());
  std::size_t systems = 0;
  Scored scored = scored_of(args, paths, systems);
  check(tests, systems > 1);
  require(scored.rows > 0, "the input is empty: there is nothing to score");
  choose(scored.measures, list_values(args.text("metrics")));

  Output out("-");
  const auto columns = columns_of(args, tests, scored, systems);
  if (systems == 1) {
    Figures figures{scored.unit, static_cast<int64_t>(scored.rows), columns, {}, {}};
    if (!style.score_only) scored.details(figures);
    out.write(figures_report(figures, style));
  } else {
    std::optional<PairedTest> test;
    if (tests.paired()) test = {tests.resampling, tests.samples, "predictions"};
    out.write(systems_report(names_of(paths, systems, tests.paired()), columns, style, test));
  }
  out.commit();
  args.stat(scored.unit, static_cast<double>(scored.rows));
}

}  // namespace

}  // namespace storm

int main(int argc, char** argv) {
  const auto words = storm::rewrite_bleu_flags(argc, argv, storm::kF1.flags);
  std::vector<const char*> pointers;
  for (const auto& word : words) pointers.push_back(word.c_str());
  return storm::run_tool(storm::kF1, static_cast<int>(pointers.size()), pointers.data(), storm::f1);
}
