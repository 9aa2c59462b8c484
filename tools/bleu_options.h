// bleu's flags, and what they say.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/number.h"
#include "metrics/bleu.h"
#include "metrics/chrf.h"
#include "metrics/report.h"
#include "metrics/ter.h"
#include "tools/bleu_flags.h"
#include "tools/cli.h"
#include "tools/significance.h"

namespace storm {

inline const Tool kBleu{
    "bleu",
    "BLEU, chrF and TER of translations, with sacreBLEU's flags, digits and signatures",
    "  bleu ref.de < hyp.de                        the score as JSON\n"
    "  bleu ref.de -i hyp.de -b -w 2               the score alone, two digits\n"
    "  bleu ref.a ref.b -i hyp -m bleu chrf ter    two references, three metrics\n"
    "  bleu ref.de -i hyp.de -sl                   one line for each sentence\n"
    "  decode -m model.st < test.st | bleu ref.de  a token stream is read as the text it stands for\n"
    "  bleu ref.de -i base.de a.de b.de -pbs -f text    is a or b better than base? a paired bootstrap\n",
    kThreads,
    {
        {"i,input", "FILE...", "", "translations, a file for each system, instead of standard input"},
        {"num-refs", "N", "1", "-nr: the reference file has so many tab-separated columns"},
        {"e,encoding", "NAME", "utf-8", "of the files; no other is read"},
        {"t,test-set", "NAME", "", "refused, as are --list, --download, --echo, --origlang, --subset and --citation"},
        {"l,language-pair", "PAIR", "", "as en-zh: the tokeniser fits the language if none is named"},
        {"m,metrics", "NAME...", "bleu", "what to compute: bleu, chrf, ter"},
        {"sentence-level", "", "", "-sl: score each sentence"},
        {"per-sentence", "", "", "a table of tab-separated values instead: every metric of every sentence"},
        {"worst", "N", "0", "the N sentences that the first metric likes least instead, with their texts"},
        {"source", "FILE", "", "what was translated, for --worst"},
        {"s,smooth-method", "NAME", "exp", "of BLEU: none, floor, add-k or exp"},
        {"smooth-value", "X", "", "-sv: for floor (0.1 if not given) and add-k (1)"},
        {"tokenize", "NAME", "",
         "-tok: of BLEU: none, 13a, char, intl, zh, ja-mecab, spm, flores101, flores200 or spBLEU-1K [13a]"},
        {"spm-model", "FILE", "", "SentencePiece model for the last four [in SACREBLEU/models or ~/.sacrebleu/models]"},
        {"mecab-dictionary", "FOLDER", "", "IPA dictionary in UTF-8 for ja-mecab [Debian's mecab-ipadic-utf8]"},
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
        {"d,detail", "", "", "scores as text; sacreBLEU's test sets, whose parts it would tell of, are not there"},
        {"no-color", "", "", "taken for sacreBLEU's sake: nothing is coloured"},
    },
    "REFERENCE..."};

inline bool by_sentence(const Args& args) {
  return args.on("sentence-level") || args.on("per-sentence") || args.given("worst");
}

// "zh" of "en-zh"; empty without a pair.
inline std::string target_language(const Args& args) {
  const auto& pair = args.text("language-pair");
  const auto dash = pair.find('-');
  if (args.given("language-pair") && dash == std::string::npos)
    throw UsageError(str("--language-pair: '", pair, "' is no pair of languages such as en-de"));
  return dash == std::string::npos ? "" : pair.substr(dash + 1, pair.find('-', dash + 1) - dash - 1);
}

inline TokenizerOptions tokenizer_options(const Args& args) {
  TokenizerOptions o;
  const std::string language = target_language(args);
  o.tokenize = tokenization_from_name(args.given("tokenize") ? args.text("tokenize")
                                      : language == "zh"     ? "zh"
                                      : language == "ja"     ? "ja-mecab"
                                      : language == "ko"     ? "ko-mecab"
                                                             : "13a");
  o.lowercase = args.on("lowercase");
  return o;
}

inline BleuOptions bleu_options(const Args& args) {
  BleuOptions o;
  o.tokenizer = tokenizer_options(args);
  o.smooth_method = smoothing_from_name(args.text("smooth-method"));
  if (args.given("smooth-value")) o.smooth_value = args.real("smooth-value", 0, 1e9);
  o.effective_order = by_sentence(args);
  return o;
}

// What a tokenisation needs is opened: its SentencePiece model, or MeCab.
inline void open_models(TokenizerOptions& o, const Args& args) {
  if (o.tokenize == Tokenization::japanese) o.mecab = Mecab::open(args.text("mecab-dictionary"));
  if (needs_vocabulary(o.tokenize)) {
    const std::string path = args.given("spm-model") ? args.text("spm-model") : vocabulary_path(o.tokenize);
    if (!args.given("spm-model") && !std::filesystem::exists(path))
      fail(path, ": no such file, and none is downloaded: put the model there or name it with --spm-model");
    o.vocabulary = Vocabulary::load(path);
  }
}

inline ChrfOptions chrf_options(const Args& args) {
  ChrfOptions o;
  o.char_order = static_cast<int>(args.integer("chrf-char-order", 0, 20));
  o.word_order = static_cast<int>(args.integer("chrf-word-order", 0, 20));
  o.beta = static_cast<int>(args.integer("chrf-beta", 0, 1000));
  o.whitespace = args.on("chrf-whitespace");
  o.lowercase = args.on("chrf-lowercase");
  o.eps_smoothing = args.on("chrf-eps-smoothing");
  return o;
}

// Values are checked whether or not anything uses them, as sacreBLEU checks them.
// Each once: in a paired test as they are named, otherwise in alphabetical order.
inline std::vector<Metric> metrics_of(const Args& args, int64_t num_refs) {
  std::vector<Metric> metrics;
  BleuOptions bleu = bleu_options(args);
  const ChrfOptions chrf = chrf_options(args);
  for (const auto& name : list_values(args.text("metrics"))) {
    Metric metric;
    if (name == "bleu") {
      open_models(bleu.tokenizer, args);
      metric = bleu_metric(bleu, num_refs);
    } else if (name == "chrf") {
      if (chrf.char_order + chrf.word_order == 0)
        throw UsageError("--chrf-char-order and --chrf-word-order are both 0");
      metric = chrf_metric(chrf, num_refs);
    } else if (name == "ter") {
      metric = ter_metric({args.on("ter-normalized"), args.on("ter-no-punct"), args.on("ter-asian-support"),
                           args.on("ter-case-sensitive")},
                          num_refs);
    } else {
      throw UsageError(str("--metrics: '", name, "' is none of bleu, chrf, ter"));
    }
    if (!std::ranges::count(metrics, metric.key, &Metric::key)) metrics.push_back(std::move(metric));
  }
  if (metrics.empty()) throw UsageError("--metrics: '' is none of bleu, chrf, ter");
  if (!args.on("paired-ar") && !args.on("paired-bs")) std::ranges::sort(metrics, {}, &Metric::key);
  return metrics;
}

inline ReportStyle style_of(const Args& args) {
  const std::vector<std::string> formats{"json", "text", "latex"};
  const char* variable = std::getenv("SACREBLEU_FORMAT");
  const std::string wanted = lower_ascii(variable ? variable : "");
  const std::string format = std::ranges::count(formats, wanted) ? wanted : args.choice("format", formats);
  ReportStyle style;
  style.format = format == "json"   ? (args.on("detail") ? ReportFormat::text : ReportFormat::json)
                 : format == "text" ? ReportFormat::text
                                    : ReportFormat::latex;
  style.width = static_cast<int>(args.integer("width", 0, 100));
  style.short_keys = args.on("short");
  style.score_only = args.on("score-only");
  return style;
}

}  // namespace storm
