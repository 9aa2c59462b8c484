// bleu: scores translations as sacreBLEU does.
#include "metrics/bleu.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "base/output.h"
#include "metrics/evaluation.h"
#include "tools/bleu_flags.h"
#include "tools/cli.h"

namespace storm {

namespace {

const Tool kBleu{"bleu",
                 "BLEU of translations, with sacreBLEU's flags, digits and signatures",
                 "  bleu ref.de < hyp.de                 the score as JSON\n"
                 "  bleu ref.de -i hyp.de -b -w 2        the score alone, two digits\n"
                 "  bleu ref.a ref.b -i hyp -f text      two references, one line of text\n"
                 "  bleu ref.de -i a.de b.de             several systems\n"
                 "  bleu ref.de -i hyp.de -sl            one line for each sentence\n",
                 kThreads,
                 {
                     {"i,input", "FILE...", "", "translations, a file for each system, instead of standard input"},
                     {"num-refs", "N", "1", "-nr: the reference file has so many tab-separated columns"},
                     {"m,metrics", "NAME...", "bleu", "what to compute: bleu"},
                     {"sentence-level", "", "", "-sl: score each sentence"},
                     {"tokenize", "NAME", "13a", "-tok: none, 13a, char, intl or zh"},
                     {"s,smooth-method", "NAME", "exp", "none, floor, add-k or exp"},
                     {"smooth-value", "X", "", "-sv: for floor (0.1 if not given) and add-k (1)"},
                     {"lowercase", "", "", "-lc: ignore case"},
                     {"force", "", "", "no warning about text that looks tokenised"},
                     {"b,score-only", "", "", "print the score alone"},
                     {"w,width", "N", "1", "digits after the point"},
                     {"f,format", "NAME", "json", "json or text; the variable SACREBLEU_FORMAT goes before it"},
                     {"short", "", "", "-sh: short signatures"},
                 },
                 "REFERENCE..."};

std::vector<Metric> metrics_of(const Args& args, int64_t num_refs) {
  BleuOptions bleu;
  bleu.tokenize = tokenization_from_name(args.text("tokenize"));
  bleu.smooth_method = smoothing_from_name(args.text("smooth-method"));
  if (args.given("smooth-value")) bleu.smooth_value = args.real("smooth-value", 0, 1e9);
  bleu.lowercase = args.on("lowercase");
  bleu.effective_order = args.on("sentence-level");
  for (const auto& name : list_values(args.text("metrics")))
    if (name != "bleu") throw UsageError(str("--metrics: '", name, "' is none of bleu"));
  return {bleu_metric(bleu, num_refs)};
}

std::string format_of(const Args& args) {
  const std::vector<std::string> formats{"json", "text"};
  const char* variable = std::getenv("SACREBLEU_FORMAT");
  std::string wanted = variable ? variable : "";
  for (char& c : wanted) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return std::ranges::count(formats, wanted) ? wanted : args.choice("format", formats);
}

// Scores belong to text as a reader would see it: an odd number of full stops apart from their word is told of.
void warn_if_tokenised(const Block& block, int64_t& suspicious) {
  if (suspicious >= 100) return;
  for (const auto& system : block.systems)
    for (const auto& line : system) suspicious += line.ends_with(" .");
  if (suspicious >= 100)
    warn("100 lines end in ' .', so the text seems to be tokenised, which may hurt the score; --force if it is not");
}

void bleu(const Args& args) {
  const auto systems = list_values(args.text("input"));
  if (args.operands().empty()) throw UsageError("no reference given; see bleu --help");
  const auto num_refs = static_cast<std::size_t>(args.integer("num-refs", 1, 1000));
  if (num_refs > 1 && args.operands().size() > 1) throw UsageError("--num-refs goes with one reference file");
  for (std::size_t i = 0; i < systems.size(); ++i)
    if (std::find(systems.begin(), systems.begin() + static_cast<std::ptrdiff_t>(i), systems[i]) !=
        systems.begin() + static_cast<std::ptrdiff_t>(i))
      throw UsageError(str("--input names ", systems[i], " twice"));
  const int width = static_cast<int>(args.integer("width", 0, 100));
  const std::string format = format_of(args);
  const bool by_sentence = args.on("sentence-level");

  SegmentFiles files(systems, args.operands(), num_refs);
  if (by_sentence && files.num_systems() > 1) throw UsageError("--sentence-level takes one system only");
  if (!by_sentence && files.num_systems() > 1 && format == "text")
    throw UsageError("--format text: only for one system so far; use json");
  Evaluation evaluation(metrics_of(args, static_cast<int64_t>(files.num_refs())), files.num_systems(), false);
  const Signature& signature = evaluation.metrics()[0].signature;

  Output out("-");
  Block block;
  int64_t suspicious = args.on("force") ? 100 : 0;
  while (files.read(block, 8192)) {
    warn_if_tokenised(block, suspicious);
    evaluation.add(block);
    for (std::size_t i = 0; by_sentence && i < block.segments(); ++i) {
      const Score score = evaluation.row_score(0, i);
      out.write(
          (args.on("score-only") ? score_only(score, width) : text_line(score, signature, width, args.on("short"))) +
          "\n");
    }
  }
  require(evaluation.segments() > 0, "the input is empty: there is nothing to score");
  if (!by_sentence && files.num_systems() == 1) {
    const Score score = evaluation.score(0, 0);
    out.write((args.on("score-only") ? score_only(score, width)
               : format == "json"    ? json_object(score, signature, width)
                                     : text_line(score, signature, width, args.on("short"))) +
              "\n");
  } else if (!by_sentence) {
    std::string json = "[";
    for (std::size_t s = 0; s < files.num_systems(); ++s)
      json += (s ? ",\n" : "\n") + std::string("    {\n        \"system\": ") +
              json_string(systems.empty() ? str("System ", s + 1) : systems[s], true) + ",\n        \"BLEU\": \"" +
              score_only(evaluation.score(0, s), width) + "\"\n    }";
    out.write(json + "\n]\n");
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
