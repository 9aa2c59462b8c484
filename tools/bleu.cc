// bleu: scores translations as sacreBLEU does.
#include "metrics/bleu.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "metrics/chrf.h"
#include "metrics/evaluation.h"
#include "metrics/report.h"
#include "metrics/resampling.h"
#include "metrics/ter.h"
#include "tools/bleu_flags.h"
#include "tools/cli.h"

namespace storm {

namespace {

const Tool kBleu{
    "bleu",
    "BLEU, chrF and TER of translations, with sacreBLEU's flags, digits and signatures",
    "  bleu ref.de < hyp.de                        the score as JSON\n"
    "  bleu ref.de -i hyp.de -b -w 2               the score alone, two digits\n"
    "  bleu ref.a ref.b -i hyp -m bleu chrf ter    two references, three metrics\n"
    "  bleu ref.de -i hyp.de -sl                   one line for each sentence\n"
    "  bleu ref.de -i base.de a.de b.de -pbs -f text    is a or b better than base? a paired bootstrap\n",
    kThreads,
    {
        {"i,input", "FILE...", "", "translations, a file for each system, instead of standard input"},
        {"num-refs", "N", "1", "-nr: the reference file has so many tab-separated columns"},
        {"e,encoding", "NAME", "utf-8", "of the files; no other is read"},
        {"l,language-pair", "PAIR", "", "as en-zh: the tokeniser fits the language if none is named"},
        {"m,metrics", "NAME...", "bleu", "what to compute: bleu, chrf, ter"},
        {"sentence-level", "", "", "-sl: score each sentence"},
        {"s,smooth-method", "NAME", "exp", "of BLEU: none, floor, add-k or exp"},
        {"smooth-value", "X", "", "-sv: for floor (0.1 if not given) and add-k (1)"},
        {"tokenize", "NAME", "",
         "-tok: of BLEU: none, 13a, char, intl, zh, spm, flores101, flores200 or spBLEU-1K [13a]"},
        {"spm-model", "FILE", "", "SentencePiece model for the last four [in SACREBLEU/models or ~/.sacrebleu/models]"},
        {"lowercase", "", "", "-lc: BLEU ignores case"},
        {"force", "", "", "no warning about text that looks tokenised"},
        {"chrf-char-order", "N", "6", "-cc: longest character n-gram"},
        {"chrf-word-order", "N", "0", "-cw: longest word n-gram; 2 makes it chrF++"},
        {"chrf-beta", "N", "2", "how many times more recall weighs than precision"},
        {"chrf-whitespace", "", "", "character n-grams run over spaces"},
        {"chrf-lowercase", "", "", "chrF ignores case"},
        {"chrf-eps-smoothing", "", "", "chrF averages the F-scores of all orders"},
        {"ter-case-sensitive", "", "", "TER minds case"},
        {"ter-asian-support", "", "", "Chinese characters are words of their own, and their marks punctuation"},
        {"ter-no-punct", "", "", "TER leaves punctuation out"},
        {"ter-normalized", "", "", "TER cuts punctuation off words"},
        {"confidence", "", "", "-ci: a 95 % interval by bootstrap resampling"},
        {"confidence-n", "N", "1000", "-cin: resamples for it"},
        {"paired-ar", "", "", "-par: compare with the first system by approximate randomisation"},
        {"paired-bs", "", "", "-pbs: compare with the first system by bootstrap resampling"},
        {"paired-ar-n", "N", "10000", "-parn: trials"},
        {"paired-bs-n", "N", "1000", "-pbsn: resamples"},
        {"j,paired-jobs", "N", "1", "taken for sacreBLEU's sake; --threads says how many work"},
        {"seed", "N", "", "of the resamples, or none [the variable SACREBLEU_SEED, else 12345]"},
        {"b,score-only", "", "", "print the score alone"},
        {"w,width", "N", "1", "digits after the point"},
        {"f,format", "NAME", "json", "json, text or, for several systems, latex; SACREBLEU_FORMAT goes before it"},
        {"short", "", "", "-sh: short signatures"},
        {"no-color", "", "", "taken for sacreBLEU's sake: nothing is coloured"},
    },
    "REFERENCE..."};

std::string lower_ascii(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

BleuOptions bleu_options(const Args& args) {
  BleuOptions o;
  const auto& pair = args.text("language-pair");
  if (args.given("tokenize"))
    o.tokenize = tokenization_from_name(args.text("tokenize"));
  else if (pair.ends_with("-zh"))
    o.tokenize = Tokenization::chinese;
  if (needs_vocabulary(o.tokenize)) {
    const std::string path = args.given("spm-model") ? args.text("spm-model") : vocabulary_path(o.tokenize);
    if (!args.given("spm-model") && !std::filesystem::exists(path))
      fail(path, ": no such file, and none is downloaded: put the model there or name it with --spm-model");
    o.vocabulary = Vocabulary::load(path);
  }
  o.smooth_method = smoothing_from_name(args.text("smooth-method"));
  if (args.given("smooth-value")) o.smooth_value = args.real("smooth-value", 0, 1e9);
  o.lowercase = args.on("lowercase");
  o.effective_order = args.on("sentence-level");
  return o;
}

ChrfOptions chrf_options(const Args& args) {
  ChrfOptions o;
  o.char_order = static_cast<int>(args.integer("chrf-char-order", 0, 20));
  o.word_order = static_cast<int>(args.integer("chrf-word-order", 0, 20));
  if (o.char_order + o.word_order == 0) throw UsageError("--chrf-char-order and --chrf-word-order are both 0");
  o.beta = static_cast<int>(args.integer("chrf-beta", 0, 1000));
  o.whitespace = args.on("chrf-whitespace");
  o.lowercase = args.on("chrf-lowercase");
  o.eps_smoothing = args.on("chrf-eps-smoothing");
  return o;
}

// Each once: in a paired test as they are named, otherwise in alphabetical order.
std::vector<Metric> metrics_of(const Args& args, int64_t num_refs) {
  std::vector<Metric> metrics;
  for (const auto& name : list_values(args.text("metrics"))) {
    Metric metric;
    if (name == "bleu")
      metric = bleu_metric(bleu_options(args), num_refs);
    else if (name == "chrf")
      metric = chrf_metric(chrf_options(args), num_refs);
    else if (name == "ter")
      metric = ter_metric({args.on("ter-normalized"), args.on("ter-no-punct"), args.on("ter-asian-support"),
                           args.on("ter-case-sensitive")},
                          num_refs);
    else
      throw UsageError(str("--metrics: '", name, "' is none of bleu, chrf, ter"));
    if (!std::ranges::count(metrics, metric.key, &Metric::key)) metrics.push_back(std::move(metric));
  }
  if (!args.on("paired-ar") && !args.on("paired-bs")) std::ranges::sort(metrics, {}, &Metric::key);
  return metrics;
}

ReportStyle style_of(const Args& args) {
  const std::vector<std::string> formats{"json", "text", "latex"};
  const char* variable = std::getenv("SACREBLEU_FORMAT");
  const std::string wanted = lower_ascii(variable ? variable : "");
  const std::string format = std::ranges::count(formats, wanted) ? wanted : args.choice("format", formats);
  ReportStyle style;
  style.format = format == "json" ? ReportFormat::json : format == "text" ? ReportFormat::text : ReportFormat::latex;
  style.width = static_cast<int>(args.integer("width", 0, 100));
  style.short_keys = args.on("short");
  style.score_only = args.on("score-only");
  return style;
}

struct Seed {
  std::string text;  // as signatures have it
  uint64_t value;
};
Seed seed_of(const Args& args) {
  const char* variable = std::getenv("SACREBLEU_SEED");
  const std::string text = lower_ascii(args.given("seed") ? args.text("seed") : variable ? variable : "12345");
  if (text == "none") return {text, uint64_t{std::random_device()()} << 32 | std::random_device()()};
  const auto value = parse_number<uint64_t>(text);
  if (!value) throw UsageError(str("the seed '", text, "' is neither a whole number from 0 up nor none"));
  return {text, *value};
}

// Systems in the order given; a paired test's baseline may be named again, and is then left out.
std::vector<std::string> inputs_of(const Args& args, bool paired) {
  std::vector<std::string> paths;
  for (const auto& path : list_values(args.text("input"))) {
    if (std::ranges::count(paths, path) == 0)
      paths.push_back(path);
    else if (!paired || path != paths[0])
      throw UsageError(str("--input names ", path, " twice"));
  }
  return paths;
}

std::vector<std::string> names_of(const std::vector<std::string>& paths, std::size_t num_systems, bool paired) {
  std::vector<std::string> names = paths;
  for (std::size_t s = paths.size(); s < num_systems; ++s)
    names.push_back(paired && s == 0 ? "Baseline" : str("System ", s + (paired ? 0 : 1)));
  if (paired && !paths.empty()) names[0] = "Baseline: " + names[0];
  return names;
}

// Scores belong to text as a reader would see it: many full stops apart from their word are told of.
void warn_if_tokenised(const Block& block, int64_t& suspicious) {
  if (suspicious >= 100) return;
  for (const auto& system : block.systems)
    for (const auto& line : system) suspicious += line.ends_with(" .");
  if (suspicious >= 100)
    warn("100 lines end in ' .', so the text seems to be tokenised, which may hurt the score; --force if it is not");
}

std::vector<Column> columns_of(const Args& args, const Evaluation& evaluation) {
  const bool randomization = args.on("paired-ar"), resampling = args.on("paired-bs"),
             confidence_wanted = args.on("confidence");
  const int64_t samples = randomization ? args.integer("paired-ar-n", 1, INT32_MAX)
                          : resampling  ? args.integer("paired-bs-n", 1, INT32_MAX)
                                        : args.integer("confidence-n", 2, INT32_MAX);
  std::vector<std::vector<Samples>> drawn;
  std::vector<std::vector<double>> p;
  const Seed seed = seed_of(args);
  if (resampling || confidence_wanted) drawn = bootstrap(evaluation, samples, seed.value);
  if (randomization) p = randomization_p_values(evaluation, samples, seed.value);

  std::vector<Column> columns;
  for (std::size_t m = 0; m < evaluation.metrics().size(); ++m) {
    Column column{evaluation.metrics()[m].signature, {}};
    if (randomization || !drawn.empty()) {
      const std::string kind = randomization ? "ar" : "bs";
      column.signature.fields.insert(column.signature.fields.begin() + 1,
                                     {{kind, kind, std::to_string(samples)}, {"seed", "rs", seed.text}});
    }
    for (std::size_t s = 0; s < evaluation.num_systems(); ++s) {
      Outcome outcome{evaluation.score(m, s), {}};
      if (confidence_wanted) outcome.score.confidence = confidence(drawn[m][s]);
      if (resampling) outcome.score.confidence = paired_confidence(drawn[m][s]);
      if (resampling && s > 0)
        outcome.p_value =
            bootstrap_p_value(drawn[m][0], drawn[m][s], std::abs(evaluation.score(m, 0).value - outcome.score.value));
      if (randomization && s > 0) outcome.p_value = p[m][s];
      column.outcomes.push_back(outcome);
    }
    columns.push_back(column);
  }
  return columns;
}

void bleu(const Args& args) {
  const bool by_sentence = args.on("sentence-level"), paired = args.on("paired-ar") || args.on("paired-bs");
  const bool tested = paired || args.on("confidence");
  const auto paths = inputs_of(args, paired);
  if (args.operands().empty()) throw UsageError("no reference given; see bleu --help");
  if (args.on("paired-ar") && args.on("paired-bs")) throw UsageError("--paired-ar and --paired-bs exclude each other");
  if (const auto code = lower_ascii(args.text("encoding")); code != "utf-8" && code != "utf8")
    throw UsageError(str("--encoding ", code, ": only utf-8 is read; convert the text with iconv"));
  const auto num_refs = static_cast<std::size_t>(args.integer("num-refs", 1, 1000));
  if (num_refs > 1 && args.operands().size() > 1) throw UsageError("--num-refs goes with one reference file");
  const ReportStyle style = style_of(args);

  SegmentFiles files(paths, args.operands(), num_refs);
  Evaluation evaluation(metrics_of(args, static_cast<int64_t>(files.num_refs())), files.num_systems(), tested);
  const bool several = files.num_systems() > 1;
  if (by_sentence && evaluation.metrics().size() > 1) throw UsageError("--sentence-level takes one metric only");
  if (by_sentence && several) throw UsageError("--sentence-level takes one system only");
  if (by_sentence && tested) throw UsageError("--sentence-level goes with no statistical test");
  if (paired && !several) throw UsageError("a paired test needs several systems: --input BASELINE SYSTEM...");
  if (several && args.on("confidence")) throw UsageError("--confidence is for one system; use a paired test");

  Output out("-");
  Block block;
  int64_t suspicious = args.on("force") || evaluation.metrics()[0].key != "BLEU" ? 100 : 0;
  while (files.read(block, 8192)) {
    warn_if_tokenised(block, suspicious);
    evaluation.add(block);
    for (std::size_t i = 0; by_sentence && i < block.segments(); ++i) {
      const Score score = evaluation.row_score(0, i);
      out.write((style.score_only
                     ? score_only(score, style.width)
                     : text_line(score, evaluation.metrics()[0].signature, style.width, style.short_keys)) +
                "\n");
    }
  }
  require(evaluation.segments() > 0, "the input is empty: there is nothing to score");
  if (!by_sentence) {
    const auto columns = columns_of(args, evaluation);
    std::optional<PairedTest> test;
    if (paired)
      test = {args.on("paired-bs"), args.integer(args.on("paired-bs") ? "paired-bs-n" : "paired-ar-n", 1, INT32_MAX)};
    out.write(several ? systems_report(names_of(paths, files.num_systems(), paired), columns, style, test)
                      : single_report(columns, style));
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
