// decode's flags, and what they say as the library's structs.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "base/split.h"
#include "data/batch.h"
#include "decode/generate.h"
#include "decode/long_sources.h"
#include "ngram/ngram_model.h"
#include "stream/stream.h"
#include "text/vocabulary.h"
#include "tools/cli.h"

namespace storm::decode_flags {

inline const Tool kTool{
    "decode",
    "what a model says to a token stream: translations, continuations, labels, tags, answers",
    R"(  tokenize -m model.st < test.en | decode -m model.st | tokenize -d
  decode -m model.st --beam 10 --nbest 5 < test.st | tokenize -d              (i ||| text ||| score)
  decode -m model.st --sample --temperature 0.8 --top-p 0.9 --seed 7 < test.st > samples.st
  tokenize -m lm.st < begin.txt | decode -m lm.st --text --sample --min-p 0.05 --repetition-penalty 1.2 --stop .
  paste test.en test.de | tokenize -m model.st --columns src,tgt | decode -m model.st --score   (a number a line)
  tokenize -m model.st < test.en | decode -m model.st --lm lm.st --lm-weight 0.2 | tokenize -d
  decode -m a.st -m b.st --weights 0.6,0.4 < test.st | tokenize -d            (an ensemble)
  decode -m 5-gram.st --score --stats < test.txt                              (n-gram models read plain text, too)
  decode -m model.st --device cuda --precision f16 < test.st | tokenize -d
  echo "it was [MASK] in 1991" | tokenize -m bert.st | decode -m bert.st --nbest 5 | tokenize -d
  paste test.en begin.de | tokenize -m model.st --columns src,tgt --empty keep | decode -m model.st --prefix | tokenize -d
)",
    kThreads | kDevice | kSeed,
    {{"m,model", "MODEL", "",
      "the model, as train writes it; several, each with an -m, answer together by the mean of their probabilities",
      "Model and output"},
     {"weights", "W,W,...", "", "with several -m: the share of each in that mean, in their order (all alike)"},
     {"o,save", "FILE", "-", "where the stream or the text goes"},
     {"text", "", "", "print text, a line a row, piece by piece while it is made; rows are answered one by one"},
     {"nbest", "N", "1", "answers given for each row, with rank and score"},
     {"scores", "", "", "give the score of the best answer, too"},
     {"beam", "N", "5", "hypotheses that go on at each step; 1: greedy", "Searching"},
     {"length-penalty", "X", "1", "a hypothesis' log-probability is divided by its length to this power"},
     {"length-norm", "KIND", "power", "power: |y|^X, EOS counts if alone; power-eos: (|y|+1)^X; gnmt: ((5+|y|)/6)^X"},
     {"early-stopping", "yes|no", "yes",
      "a search ends when it has --beam hypotheses that are finished; no: when what is open scores no more than these"},
     {"min-length", "N", "0", "tokens that each output has at least"},
     {"max-length", "N", "0",
      "tokens that each output has at most (0: 3 times the source's, and 50; 100 new ones of a text; or --min-length, "
      "if more)"},
     {"forced-eos", "KIND", "scored",
      "at --max-length an output gets its EOS, whose probability counts (scored) or is 1 (free), or ends without "
      "(none)"},
     {"begin-with-eos", "[yes|no]", "yes", "a text is fed with EOS before it, as the end of what came before"},
     {"long", "KIND", "refuse",
      "sources of more tokens than the model takes: refuse; cut; split: translate parts, of whole sentences where they "
      "can be, and join what comes out"},
     {"slide", "", "", "of a text that leaves no room in the model for what is new, read the last part alone"},
     {"stop", "TEXT", "", "outputs end where they contain it, without it; may be given several times"},
     {"lm", "FILE", "",
      "an n-gram model over the same vocabulary, fused with the model at each step of a search or sample"},
     {"lm-weight", "X", "0.2", "with --lm: its log-probabilities are multiplied by X and added to the logits"},
     {"repetition-penalty", "X", "1", "logits of tokens that were said are divided by it, negative ones multiplied"},
     {"no-repeat-ngram", "N", "0", "no N tokens in a row come twice (0: they may)"},
     {"ban", "PIECE", "", "a piece of the vocabulary that outputs never have; may be given several times"},
     {"renormalize", "yes|no", "no", "a search shares the probability of what is banned out among what is left"},
     {"max-tokens", "N", "0",
      "source tokens of a batch, EOS included, and hypotheses of a batch (0: 1024, on a device 4096)",
      "Batches and precision"},
     {"spread", "", "",
      "under mpirun: the first process's files are sent to the others, which keep copies in $TMPDIR while they run"},
     {"precision", "KIND", "f32",
      "what products' operands are rounded to: f32 (not at all), bf16 or int8, whole numbers with a scale a row; on a "
      "device bf16, tf32 and f16"},
     {"sample", "", "", "draw outputs instead of searching; --nbest of each sentence", "Sampling"},
     {"temperature", "X", "1", "with --sample: probabilities to the power 1/X"},
     {"top-k", "N", "0", "with --sample: draw from the N likeliest (0: all)"},
     {"top-p", "X", "1", "with --sample: draw from the fewest that together reach X"},
     {"min-p", "X", "0", "with --sample: draw from those with X times the likeliest one's probability at least"},
     {"typical-p", "X", "1", "with --sample: draw from the fewest that together reach X, the most typical first"},
     {"prefix", "", "", "outputs begin with the tgt column", "What is asked"},
     {"score", "", "", "print log p(tgt | src), or of a text, EOS included, of each line instead of answering"},
     {"stride", "N", "0",
      "with --score of texts: all lines are one running text, read in windows of the model's longest, N tokens on from "
      "one to the next (0: each line is a text of its own)"}},
    "[FILE]"};

// Flags of searches and samples, which answers that are told at once have no use for.
inline constexpr std::array kOfSearches{"prefix",
                                        "sample",
                                        "beam",
                                        "length-penalty",
                                        "length-norm",
                                        "early-stopping",
                                        "min-length",
                                        "max-length",
                                        "forced-eos",
                                        "begin-with-eos",
                                        "slide",
                                        "long",
                                        "seed",
                                        "text",
                                        "stop",
                                        "repetition-penalty",
                                        "no-repeat-ngram",
                                        "ban",
                                        "renormalize",
                                        "temperature",
                                        "top-k",
                                        "top-p",
                                        "min-p",
                                        "typical-p",
                                        "lm",
                                        "lm-weight"};

// Each model's share of an ensemble's probabilities, before they are made to sum to 1.
inline std::vector<double> ensemble_weights(const Args& args) {
  const std::size_t models = args.texts("model").size();
  if (!args.given("weights")) return std::vector<double>(models, 1);
  std::vector<double> weights;
  for (const auto& field : split_at_commas(args.text("weights"))) {
    const auto weight = parse_number<double>(field);
    if (!weight || !(*weight >= 0 && *weight <= 1e6))
      throw UsageError(str("--weights: '", field, "' is no number from 0 to 1e6; write one for each -m, 0.6,0.4"));
    weights.push_back(*weight);
  }
  if (weights.size() != models)
    throw UsageError(str("--weights has ", weights.size(), " for ", models, " models; write one for each -m"));
  if (std::ranges::none_of(weights, [](double weight) { return weight > 0; }))
    throw UsageError("--weights are all 0; one at least must be more");
  return weights;
}

inline DecodeOptions options_of(const Args& args) {
  DecodeOptions o;
  o.beam = static_cast<int32_t>(args.integer("beam", 1, 1000));
  o.length_penalty = args.real("length-penalty", 0, 100);
  const auto norm = args.choice("length-norm", {"power", "power-eos", "gnmt"});
  o.length_norm = norm == "gnmt" ? LengthNorm::gnmt : norm == "power" ? LengthNorm::power : LengthNorm::power_eos;
  o.early_stopping = args.choice("early-stopping", {"yes", "no"}) == "yes";
  o.nbest = static_cast<int32_t>(args.integer("nbest", 1, 1000));
  o.min_length = static_cast<int32_t>(args.integer("min-length", 0, 1 << 20));
  o.max_length = static_cast<int32_t>(args.integer("max-length", 0, 1 << 20));
  const auto forced = args.choice("forced-eos", {"scored", "free", "none"});
  o.forced_eos = forced == "free" ? ForcedEos::free : forced == "none" ? ForcedEos::none : ForcedEos::scored;
  o.max_tokens = args.integer("max-tokens", 0, kMostTokens);
  o.begin_with_eos = args.on("begin-with-eos");
  o.slide = args.on("slide");
  o.sample = args.on("sample");
  o.temperature = args.real("temperature", 1e-6, 1e6);
  o.top_k = static_cast<int32_t>(args.integer("top-k", 0, INT32_MAX));
  o.top_p = args.real("top-p", 1e-9, 1);
  o.min_p = args.real("min-p", 0, 1);
  o.typical_p = args.real("typical-p", 1e-9, 1);
  o.repetition_penalty = args.real("repetition-penalty", 0.01, 100);
  o.no_repeat_ngram = static_cast<int32_t>(args.integer("no-repeat-ngram", 0, INT32_MAX));
  o.renormalize = args.choice("renormalize", {"yes", "no"}) == "yes";
  o.seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  o.fused_weight = args.real("lm-weight", 0, 100);
  if (args.given("lm-weight") && !args.given("lm")) throw UsageError("--lm-weight has no meaning without --lm");
  if (!o.sample)
    for (const char* flag : {"temperature", "top-k", "top-p", "min-p", "typical-p", "seed"})
      if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning without --sample"));
  if (o.sample)
    for (const char* flag : {"beam", "early-stopping", "renormalize"})
      if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning with --sample"));
  if (o.max_length > 0 && o.min_length > o.max_length) throw UsageError("--min-length is more than --max-length");
  return o;
}

// Throws UsageError for more answers of a search than it finds.
inline void require_found(const DecodeOptions& o) {
  if (!o.sample && o.nbest > o.beam)
    throw UsageError(str("--nbest ", o.nbest, " is more than --beam ", o.beam, " finds"));
}

// Throws UsageError for flags that contradict one another.
inline void check(const Args& args) {
  if (args.operands().size() > 1)
    throw UsageError(str("unexpected operand '", args.operands()[1], "': one stream is read; see decode --help"));
  ensemble_weights(args);
  if (args.given("stride") && !args.on("score")) throw UsageError("--stride has no meaning without --score");
  std::vector<std::string> others(kOfSearches.begin(), kOfSearches.end());
  others.insert(others.end(), {"scores", "nbest"});
  if (args.on("score")) refuse_flags(args, "--score", others);
  if (args.on("text")) refuse_flags(args, "--text", {"nbest", "scores", "max-tokens"});
  if (args.choice("long", {"refuse", "cut", "split"}) == "split")
    refuse_flags(args, "--long split", {"prefix", "text"});
  options_of(args);
}

// --ban's, of the answers' vocabulary.
inline std::vector<int32_t> banned_ids(const Args& args, const Vocabulary& vocabulary) {
  std::set<int32_t> ids;
  for (const auto& piece : args.texts("ban")) {
    const int32_t id = vocabulary.id_of(piece);
    if (id < 0) throw UsageError(str("--ban: the vocabulary has no piece '", piece, "'"));
    if (id == vocabulary.eos_id())
      throw UsageError(str("--ban: '", piece, "' is the end of sentence, by which outputs end"));
    ids.insert(id);
  }
  if (std::ssize(ids) >= vocabulary.size() - 1) throw UsageError("--ban: no piece is left but the end of sentence");
  return {ids.begin(), ids.end()};
}

// What is read: the operand, or standard input.
inline std::string input_path(const Args& args) { return args.operands().empty() ? "-" : args.operands()[0]; }

// --long's rule, of translations from one vocabulary to another; none: sources that are too long are refused.
inline std::unique_ptr<LongSources> long_sources(const Args& args, const Vocabulary& source, const Vocabulary& target) {
  const auto kind = args.choice("long", {"refuse", "cut", "split"});
  if (kind == "refuse") return nullptr;
  return std::make_unique<LongSources>(kind == "cut" ? LongSources::Rule::cut : LongSources::Rule::split, source,
                                       target);
}

// --lm's model. Throws Error unless it is over the answers' vocabulary, which is that of `model`.
inline std::unique_ptr<NgramModel> fused_model(const Args& args, const Vocabulary& vocabulary,
                                               const std::string& model) {
  if (!args.given("lm")) return nullptr;
  const auto kind = kind_of_file(args.text("lm"));
  require(kind.empty() || kind == kNgramKind, "--lm: ", args.text("lm"), ": holds '", kind,
          "', not an n-gram model, as train --preset 5-gram makes it");
  auto lm = std::make_unique<NgramModel>(args.text("lm"));
  require(lm->vocabulary() == vocabulary, "--lm: ", lm->name(), ": its vocabulary differs from that of ", model,
          "'s answers (", lm->vocabulary().fingerprint(), " ≠ ", vocabulary.fingerprint(),
          "); count it from text of tokenize -m ", model);
  return lm;
}

}  // namespace storm::decode_flags
