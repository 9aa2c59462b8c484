#include "tools/decode/ngrams.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/output.h"
#include "decode/ngram_texts.h"
#include "decode/perplexity.h"
#include "decode/stop_strings.h"
#include "tools/decode/ngram_rows.h"
#include "tools/decode_answers.h"
#include "tools/decode_flags.h"
#include "tools/decode_text.h"

namespace storm {

namespace {

using namespace decode_flags;
using Rows = std::vector<std::span<const int32_t>>;

// Flags of networks alone.
constexpr std::array kOfNetworks{"precision", "prefix", "slide", "long", "stride"};
constexpr int64_t kMostLogits = int64_t{1} << 24;  // of the hypotheses that a thread has open

class Ngrams {
 public:
  explicit Ngrams(const Args& args)
      : args_(checked(args)),
        options_(options_of(args)),
        model_(args.text("model")),
        generator_(model_),
        output_(args.text("save")) {
    const Vocabulary& vocabulary = model_.vocabulary();
    if (args.given("stop")) stop_.emplace(vocabulary, args.texts("stop"));
    options_.stop = stop_ ? &*stop_ : nullptr;
    options_.banned_ids = banned_ids(args, vocabulary);
    fused_ = fused_model(args, vocabulary, model_.name());
    options_.fused = fused_.get();
    if (options_.max_tokens == 0) options_.max_tokens = std::clamp<int64_t>(kMostLogits / vocabulary.size(), 1, 1024);
    rows_.emplace(model_, decode_flags::input_path(args));
  }

  void run() {
    const bool scoring = args_.on("score"), text = args_.on("text");
    std::optional<AnswerWriter> writer;
    if (!scoring && !text) {
      refuse_terminal(output_);
      const auto& column = model_.column();
      const TokenInfo info{{column.empty() ? "text" : column},
                           {{kCommandKey, args_.command()}},
                           {{"vocab", model_.vocabulary().bytes()}}};
      writer.emplace(output_, info, args_.on("scores") || options_.nbest > 1);
    }
    Progress progress("decoding", 0);
    for (Rows rows; rows_->next(rows);) {
      if (scoring)
        score(rows);
      else if (text)
        write_text(rows);
      else
        write_answers(rows, *writer);
      progress.set(static_cast<uint64_t>(sentences_));
      if (!rows_->waits()) continue;
      if (writer)
        writer->flush();
      else
        output_.flush();
    }
    if (writer) writer->finish();
    output_.commit();
    args_.stat("sentences", static_cast<double>(sentences_));
    args_.stat("target_tokens", static_cast<double>(target_tokens_));
    args_.stat("target_tokens/s", static_cast<double>(target_tokens_) / (monotonic_seconds() - start_));
    if (scoring) say_measures();
  }

 private:
  // What is wrong in the command line is said before the model is read.
  static const Args& checked(const Args& args) {
    refuse_flags(args, "an n-gram model", {kOfNetworks.begin(), kOfNetworks.end()});
    if (args.given("device") && args.text("device") != "cpu" && args.text("device") != "auto")
      throw UsageError(str("--device ", args.text("device"), ": n-gram models are for the CPU; leave it out"));
    require_found(options_of(args));
    return args;
  }

  void score(const Rows& rows) {
    const auto scores = ngram_scores(model_, rows, sentences_ + 1);
    for (const auto& score : scores) output_.write(fixed(score.log_prob, 6) + "\n");
    sentences_ += std::ssize(rows);
    for (const auto& ids : rows) target_tokens_ += tokens_with_eos(ids.size());
    if (!args_.given("stats")) return;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto& score = scores[row];
      measured_.add(score.log_prob, rows[row], model_.vocabulary());
      known_log_prob_ += score.log_prob - score.unknown_log_prob;
      unknown_ += score.unknown;
    }
  }

  void say_measures() {
    measured_.each([&](const char* name, double value) { args_.stat(name, value, true); });
    args_.stat("unknown", static_cast<double>(unknown_));
    if (target_tokens_ > unknown_)
      args_.stat("perplexity_known", std::exp(-known_log_prob_ / static_cast<double>(target_tokens_ - unknown_)), true);
  }

  void write_answers(const Rows& rows, AnswerWriter& writer) {
    options_.first_sentence = static_cast<uint64_t>(sentences_);
    for (const auto& hypotheses : generator_.continue_texts(rows, options_, &workspaces_)) {
      for (std::size_t rank = 0; rank < hypotheses.size(); ++rank) {
        target_tokens_ += tokens_with_eos(hypotheses[rank].ids.size());
        writer.add(hypotheses[rank], static_cast<int32_t>(rank), sentences_);
      }
      ++sentences_;
    }
  }

  void write_text(const Rows& rows) {
    TextAnswers write(model_.vocabulary(), options_.stop, output_);
    for (const auto& row : rows) {
      options_.first_sentence = static_cast<uint64_t>(sentences_++);
      const auto ids = write(row, options_, [&](const DecodeOptions& options) {
        return generator_.continue_texts({&row, 1}, options, &workspaces_)[0][0];
      });
      target_tokens_ += tokens_with_eos(ids.size());
    }
  }

  const Args& args_;
  DecodeOptions options_;
  NgramModel model_;
  NgramGenerator generator_;
  std::optional<NgramRows> rows_;
  Output output_;
  std::optional<StopStrings> stop_;
  std::unique_ptr<NgramModel> fused_;
  std::vector<Workspace> workspaces_;
  int64_t sentences_ = 0, target_tokens_ = 0;
  Perplexity measured_;        // of what is scored
  double known_log_prob_ = 0;  // without that of unknown words
  int64_t unknown_ = 0;
  double start_ = monotonic_seconds();
};

}  // namespace

void ask_ngrams(const Args& args) { Ngrams(args).run(); }

}  // namespace storm
