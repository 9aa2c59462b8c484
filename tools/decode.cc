// Says what a model says to a token stream: translations, continuations; or scores given ones.
#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/split.h"
#include "cpu/gemm.h"
#include "decode/generate.h"
#include "decode/perplexity.h"
#include "decode/stop_strings.h"
#include "stream/tokens.h"
#include "tools/cli.h"
#include "tools/decode_answers.h"
#include "tools/decode_text.h"
#include "tools/model_defaults.h"
#include "tools/model_device.h"
#include "tools/model_rows.h"

namespace storm {
namespace {

const Tool kTool{
    "decode",
    "what a model says to a token stream: translations, continuations, labels, tags, answers",
    R"(  tokenize -m model.st < test.en | decode -m model.st | tokenize -d
  decode -m model.st --beam 10 --nbest 5 < test.st | tokenize -d              (i ||| text ||| score)
  decode -m model.st --sample --temperature 0.8 --top-p 0.9 --seed 7 < test.st > samples.st
  tokenize -m lm.st < begin.txt | decode -m lm.st --text --sample --min-p 0.05 --repetition-penalty 1.2 --stop .
  paste test.en test.de | tokenize -m model.st --columns src,tgt | decode -m model.st --score   (a number a line)
  decode -m model.st --device cuda --precision f16 < test.st | tokenize -d
  echo "it was [MASK] in 1991" | tokenize -m bert.st | decode -m bert.st --nbest 5 | tokenize -d
  paste test.en begin.de | tokenize -m model.st --columns src,tgt --empty keep | decode -m model.st --prefix | tokenize -d
)",
    kThreads | kDevice | kSeed,
    {{"m,model", "MODEL", "", "the model, as train writes it", "Model and output"},
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
     {"slide", "", "", "of a text that leaves no room in the model for what is new, read the last part alone"},
     {"stop", "TEXT", "", "outputs end where they contain it, without it; may be given several times"},
     {"repetition-penalty", "X", "1", "logits of tokens that were said are divided by it, negative ones multiplied"},
     {"no-repeat-ngram", "N", "0", "no N tokens in a row come twice (0: they may)"},
     {"ban", "PIECE", "", "a piece of the vocabulary that outputs never have; may be given several times"},
     {"renormalize", "yes|no", "no", "a search shares the probability of what is banned out among what is left"},
     {"max-tokens", "N", "0",
      "source tokens of a batch, EOS included, and hypotheses of a batch (0: 1024, on a device 4096)",
      "Batches and precision"},
     {"precision", "KIND", "f32",
      "what products' operands are rounded to: f32 (not at all) or bf16; on a device also tf32 and f16"},
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
    ""};

// Flags of searches and samples, which answers that are told at once have no use for.
constexpr std::array kOfSearches{"prefix",          "sample",     "beam",        "length-penalty", "length-norm",
                                 "early-stopping",  "min-length", "max-length",  "forced-eos",     "begin-with-eos",
                                 "slide",           "seed",       "text",        "stop",           "repetition-penalty",
                                 "no-repeat-ngram", "ban",        "renormalize", "temperature",    "top-k",
                                 "top-p",           "min-p",      "typical-p"};

DecodeOptions options_of(const Args& args) {
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
  if (!o.sample)
    for (const char* flag : {"temperature", "top-k", "top-p", "min-p", "typical-p", "seed"})
      if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning without --sample"));
  if (o.sample)
    for (const char* flag : {"beam", "early-stopping", "renormalize"})
      if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning with --sample"));
  if (o.max_length > 0 && o.min_length > o.max_length) throw UsageError("--min-length is more than --max-length");
  return o;
}

class Decode {
 public:
  explicit Decode(const Args& args)
      : precision_(*product_precision_named(args.choice("precision", {"f32", "tf32", "bf16", "f16"}))),
        model_(model_path(args)),
        args_(with_defaults_of(model_, args)),
        options_(options_of(args_)),
        stop_(stop_strings(args, model_)),
        input_(model_, columns_read(), str("tokenize with --columns ", joined(model_.kind.columns))),
        output_(args.text("save")) {
    if (!model_.kind.searches)
      refuse_flags(args, "the task " + model_.kind.name, {kOfSearches.begin(), kOfSearches.end()});
    else if (!options_.sample && options_.nbest > options_.beam)
      throw UsageError(str("--nbest ", options_.nbest, " is more than --beam ", options_.beam, " finds"));
    options_.stop = stop_ ? &*stop_ : nullptr;
    options_.banned_ids = banned_ids(args_, model_);
    choose_device();
  }

  void run() {
    const bool scoring = args_.on("score"), text = args_.on("text"), extras = args_.on("scores") || options_.nbest > 1;
    std::optional<AnswerWriter> writer;
    if (!scoring && !text) {
      refuse_terminal(output_);
      writer.emplace(output_, model_, args_.command(), extras);
    }
    if (scoring)
      scorer_ = model_.task->scorer({.max_tokens = options_.max_tokens,
                                     .stride = args_.integer("stride", 0, kMostTokens),
                                     .device = options_.device});
    if (text) set_quiet(true);  // what it says shows how far it is
    Progress progress("decoding", 0);
    // Enough at once for batches of like lengths, little enough to be flat in a pipe.
    const auto work = [&](const Window& window) {
      if (scoring)
        score(window);
      else if (text)
        write_text(window);
      else
        write_answers(window, *writer);
    };
    input_.read(text ? 1 : 64 * options_.max_tokens, INT64_MAX, progress, work,
                [&] { writer ? writer->flush() : output_.flush(); });
    if (writer) writer->finish();
    if (scoring) write_scores(scorer_->finish());
    output_.commit();
    const double seconds = monotonic_seconds() - start_;
    args_.stat("sentences", static_cast<double>(sentences_));
    args_.stat("target_tokens", static_cast<double>(target_tokens_));
    args_.stat("target_tokens/s", static_cast<double>(target_tokens_) / seconds);
    if (scoring) measured_.each([&](const char* name, double value) { args_.stat(name, value, true); });
    if (options_.device) args_.stat("device_MiB", device_.used_mib());
  }

 private:
  // After the input was looked at: a device takes a moment to start.
  void choose_device() {
    device_ = ModelDevice(args_, *model_.loaded.model);
    options_.device = device_.get();
    if (options_.max_tokens == 0) options_.max_tokens = options_.device ? 4096 : 1024;
    if (options_.device)
      options_.device->set_products(precision_);
    else
      rounding_.emplace(precision_);
  }

  static const std::string& model_path(const Args& args) {
    if (!args.given("model")) throw UsageError("-m MODEL is missing: which model is to answer?");
    return args.text("model");
  }

  static Args with_defaults_of(const TaskModel& model, const Args& args) {
    return with_model_defaults(
        args, model.loaded.model->config(), model.loaded.name, "decode",
        {"beam", "length-penalty", "length-norm", "early-stopping", "min-length", "max-length", "forced-eos", "ban",
         "renormalize", "begin-with-eos", "repetition-penalty", "no-repeat-ngram"});
  }

  static std::optional<StopStrings> stop_strings(const Args& args, const TaskModel& model) {
    if (!args.given("stop") || !model.kind.searches) return {};
    return StopStrings(model.answered(), args.texts("stop"));
  }

  static std::vector<int32_t> banned_ids(const Args& args, const TaskModel& model) {
    if (args.texts("ban").empty() || !model.kind.searches) return {};
    const Vocabulary& vocabulary = model.answered();
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

  // Of the task's columns: those that are asked about; scoring and prefixes need the answered one, too.
  std::size_t columns_read() const {
    const TaskKind& kind = model_.kind;
    if (args_.on("prefix") && kind.answered < kind.asked)
      throw UsageError(str("--prefix has no meaning with the task ", kind.name, ": answers begin with what is asked"));
    if (args_.on("score") && kind.answered >= model_.vocabularies.size())
      throw UsageError(str("--score has no meaning for ", kind.name, ", whose answers are numbers"));
    const bool all = args_.on("prefix") || args_.on("score");
    return std::max(kind.asked, all ? kind.answered + 1 : 0);
  }

  void write_answers(const Window& window, AnswerWriter& writer) {
    options_.first_sentence = static_cast<uint64_t>(sentences_);
    const auto answers = model_.task->answers(window.columns, options_, &workspaces_);
    for (std::size_t row = 0; row < answers.size(); ++row, ++sentences_)
      for (std::size_t rank = 0; rank < answers[row].size(); ++rank) {
        const auto& h = answers[row][rank];
        target_tokens_ += tokens_with_eos(h.ids.size());
        writer.add(h, static_cast<int32_t>(rank), sentences_, window, row);
      }
  }

  void write_text(const Window& window) {
    TextAnswers answer(model_, options_.stop, output_);
    for (std::size_t row = 0; row < window.columns[0].size(); ++row) {
      options_.first_sentence = static_cast<uint64_t>(sentences_++);
      target_tokens_ += tokens_with_eos(answer(window, row, options_, workspaces_).size());
    }
  }

  void score(const Window& window) {
    for (const auto& ids : window.columns[model_.kind.answered]) asked_.emplace_back(ids.begin(), ids.end());
    write_scores(scorer_->add(window.columns));
  }

  void write_scores(const std::vector<double>& log_probs) {
    for (const double log_prob : log_probs) {
      const auto& ids = asked_.front();
      output_.write(fixed(log_prob, 6) + "\n");
      measured_.add(log_prob, ids, model_.answered(), scorer_->has_ends());
      target_tokens_ += scorer_->has_ends() ? tokens_with_eos(ids.size()) : std::ssize(ids);
      asked_.pop_front();
    }
    sentences_ += static_cast<int64_t>(log_probs.size());
  }

  ProductPrecision precision_;
  TaskModel model_;
  Args args_;  // with what the model sets
  DecodeOptions options_;
  std::optional<StopStrings> stop_;
  ModelDevice device_;
  std::optional<ProductPrecisionScope> rounding_;  // on the CPU
  std::vector<Workspace> workspaces_;              // of the device: they go before it
  RowReader input_;
  Output output_;
  int64_t sentences_ = 0, target_tokens_ = 0;
  std::unique_ptr<Scorer> scorer_;
  std::deque<std::vector<int32_t>> asked_;  // of the rows that are not scored yet
  Perplexity measured_;                     // of what is scored
  double start_ = monotonic_seconds();
};

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  return storm::run_tool(storm::kTool, argc, argv, [](const storm::Args& args) {
    if (args.given("stride") && !args.on("score")) throw storm::UsageError("--stride has no meaning without --score");
    if (args.on("score"))
      storm::refuse_flags(args, "--score", [] {
        std::vector<std::string> flags(storm::kOfSearches.begin(), storm::kOfSearches.end());
        flags.insert(flags.end(), {"scores", "nbest"});
        return flags;
      }());
    if (args.on("text")) storm::refuse_flags(args, "--text", {"nbest", "scores", "max-tokens"});
    storm::options_of(args);  // what is wrong in the command line is said before a model is read
    storm::Decode(args).run();
  });
}
