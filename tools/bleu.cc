// bleu: scores translations as sacreBLEU does.

#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "metrics/evaluation.h"
#include "metrics/report.h"
#include "metrics/resampling.h"
#include "metrics/worst.h"
#include "tools/bleu_options.h"

namespace storm {

namespace {

// Scores belong to text as a reader would see it: many full stops apart from their word are told of.
void warn_if_tokenised(const Block& block, int64_t& suspicious) {
  if (suspicious >= 100) return;
  for (const auto& system : block.systems)
    for (const auto& line : system) suspicious += line.ends_with(" .");
  if (suspicious >= 100)
    warn("100 lines end in ' .', so the text seems to be tokenised, which may hurt the score; --force if it is not");
}

std::vector<Column> columns_of(const Args& args, const Tests& tests, const Evaluation& evaluation) {
  const std::size_t metrics = evaluation.metrics().size();
  std::vector<std::vector<Samples>> drawn(metrics);
  std::vector<std::vector<double>> p(metrics);
  const Seed seed = seed_of(args, "SACREBLEU_SEED");
  if (tests.resampling || tests.confidence) drawn = bootstrap(evaluation, tests.samples, seed.value);
  if (tests.randomization) p = randomization_p_values(evaluation, tests.samples, seed.value);
  std::vector<Column> columns;
  for (std::size_t m = 0; m < metrics; ++m) {
    std::vector<Score> scores;
    for (std::size_t s = 0; s < evaluation.num_systems(); ++s) {
      scores.push_back(evaluation.score(m, s));
      if (tests.resampling)
        p[m].push_back(bootstrap_p_value(drawn[m][0], drawn[m][s], std::abs(scores[0].value - scores[s].value)));
    }
    columns.push_back(tested(tests, seed, evaluation.metrics()[m].signature, scores, drawn[m], p[m]));
  }
  return columns;
}

// What is printed of each sentence, as blocks come in.
class Sentences {
 public:
  Sentences(const Args& args, const Evaluation& evaluation, const ReportStyle& style,
            const std::vector<std::string>& systems)
      : kind_(args.on("sentence-level") ? line
              : args.on("per-sentence") ? table
                                        : worst),
        evaluation_(evaluation),
        style_(style),
        systems_(systems),
        worst_(static_cast<std::size_t>(args.integer("worst", args.given("worst") ? 1 : 0, 1000000)),
               evaluation.metrics()[0].key == "TER") {
    if (args.given("source")) source_.emplace(args.text("source"), 1);
  }

  void header(Output& out) const {
    if (kind_ != table) return;
    std::string text = systems_.size() > 1 ? "segment\tsystem" : "segment";
    for (const auto& metric : evaluation_.metrics()) text += "\t" + metric.name;
    out.write(text + "\n");
  }

  void add(const Block& block, Output& out) {
    for (std::size_t i = 0; i < block.segments(); ++i) {
      ++number_;
      if (kind_ == worst) {
        if (source_)
          require(source_->next(), source_->name(), " has ", number_ - 1, " lines, fewer than the translation");
        const double score = evaluation_.row_score(0, i).value;
        if (!worst_.wants(score)) continue;
        Segment segment{number_, score, source_ ? std::string(source_->fields()[0]) : "", {}, block.systems[0][i]};
        for (const auto& list : block.references) segment.references.push_back(list[i]);
        worst_.add(std::move(segment));
      } else if (kind_ == line) {
        const Score score = evaluation_.row_score(0, i);
        out.write((style_.score_only
                       ? score_only(score, style_.width)
                       : text_line(score, evaluation_.metrics()[0].signature, style_.width, style_.short_keys)) +
                  "\n");
      } else {
        for (std::size_t s = 0; s < systems_.size(); ++s) {
          std::string text = std::to_string(number_) + (systems_.size() > 1 ? "\t" + printable(systems_[s], ' ') : "");
          for (std::size_t m = 0; m < evaluation_.metrics().size(); ++m)
            text += "\t" + fixed(evaluation_.row_score(m, i * systems_.size() + s).value, style_.width);
          out.write(text + "\n");
        }
      }
    }
  }

  void finish(Output& out) {
    if (source_ && source_->next())
      fail(source_->name(), " has more than ", number_, " lines, the translation has not");
    for (const Segment& s : worst_.segments()) {
      out.write("line " + std::to_string(s.line) + ": " + evaluation_.metrics()[0].name + " = " +
                fixed(s.score, style_.width) + "\n");
      if (source_) out.write("  source:    " + printable(s.source, ' ') + "\n");
      for (const auto& reference : s.references) out.write("  reference: " + printable(reference, ' ') + "\n");
      out.write("  output:    " + printable(s.hypothesis, ' ') + "\n");
    }
  }

 private:
  enum { line, table, worst } kind_;
  const Evaluation& evaluation_;
  const ReportStyle& style_;
  const std::vector<std::string>& systems_;
  Worst worst_;
  std::optional<SegmentFile> source_;
  int64_t number_ = 0;
};

// Flags that do not go together.
void check(const Args& args, const Tests& tests, bool several, std::size_t num_metrics) {
  args.integer("paired-jobs", 0, INT32_MAX);
  if (args.on("sentence-level") && num_metrics > 1) throw UsageError("--sentence-level takes one metric only");
  if ((args.on("sentence-level") || args.given("worst")) && several)
    throw UsageError("--sentence-level and --worst take one system only");
  if (by_sentence(args) && (tests.paired() || tests.confidence))
    throw UsageError("scores of sentences go with no statistical test");
  if (args.on("sentence-level") + args.on("per-sentence") + args.given("worst") > 1)
    throw UsageError("--sentence-level, --per-sentence and --worst exclude one another");
  if (args.given("source") && !args.given("worst")) throw UsageError("--source is for --worst");
  check(tests, several);
}

void bleu(const Args& args) {
  const auto paths = inputs_of(args, args.on("paired-ar") || args.on("paired-bs"));
  if (args.given("test-set"))
    throw UsageError(args.text("test-set") +
                     ": test sets are neither known nor downloaded here; write the reference to a file once "
                     "(sacrebleu --echo ref) and name that");
  if (args.operands().empty()) throw UsageError("no reference given; see bleu --help");
  const Tests tests = tests_of(args);
  if (const auto code = lower_ascii(args.text("encoding")); code != "utf-8" && code != "utf8" && code != "utf_8")
    throw UsageError(str("--encoding ", code, ": only utf-8 is read; convert the text with iconv"));
  const auto num_refs = static_cast<std::size_t>(args.integer("num-refs", 1, 1000));
  if (num_refs > 1 && args.operands().size() > 1) throw UsageError("--num-refs goes with one reference file");
  const ReportStyle style = style_of(args);

  SegmentFiles files(paths, args.operands(), num_refs);
  const bool several = files.num_systems() > 1;
  const auto names = names_of(paths, files.num_systems(), tests.paired());
  Evaluation evaluation(metrics_of(args, static_cast<int64_t>(files.num_refs())), files.num_systems(),
                        tests.paired() || tests.confidence);
  check(args, tests, several, evaluation.metrics().size());

  Output out("-");
  std::optional<Sentences> sentences;
  if (by_sentence(args)) {
    sentences.emplace(args, evaluation, style, names);
    sentences->header(out);
  }
  Block block;
  int64_t suspicious = args.on("force") || evaluation.metrics()[0].key != "BLEU" ? 100 : 0;
  while (files.read(block, 8192)) {
    warn_if_tokenised(block, suspicious);
    evaluation.add(block);
    if (sentences) sentences->add(block, out);
  }
  require(evaluation.segments() > 0, "the input is empty: there is nothing to score");
  if (sentences) {
    sentences->finish(out);
  } else {
    const auto columns = columns_of(args, tests, evaluation);
    std::optional<PairedTest> test;
    if (tests.paired()) test = {tests.resampling, tests.samples};
    out.write(several ? systems_report(names, columns, style, test) : single_report(columns, style));
    if (args.on("detail") && !several) out.write("No subset information found. Consider using --origlang argument.\n");
  }
  out.commit();
  args.stat("segments", static_cast<double>(evaluation.segments()));
}

}  // namespace

}  // namespace storm

int main(int argc, char** argv) {
  const auto words = storm::rewrite_bleu_flags(argc, argv, storm::kBleu.flags);
  std::vector<const char*> pointers;
  for (const auto& word : words) pointers.push_back(word.c_str());
  return storm::run_tool(storm::kBleu, static_cast<int>(pointers.size()), pointers.data(), storm::bleu);
}
