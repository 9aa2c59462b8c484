// Says what a model says to a token stream: translations, continuations; or scores given ones.
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/split.h"
#include "decode/generate.h"
#include "decode/perplexity.h"
#include "decode/stop_strings.h"
#include "stream/tokens.h"
#include "tools/cli.h"
#include "tools/decode/ngrams.h"
#include "tools/decode_answers.h"
#include "tools/decode_flags.h"
#include "tools/decode_text.h"
#include "tools/load_models.h"
#include "tools/model_defaults.h"
#include "tools/model_device.h"
#include "tools/model_precision.h"
#include "tools/model_rows.h"
#include "tools/replicas.h"
#include "tools/shared_windows.h"
#include "tools/spread_files.h"
#include "train/replicated_answers.h"

namespace storm {
namespace {

using namespace decode_flags;

class Decode {
 public:
  explicit Decode(const Args& args)
      : precision_(args, {"f32", "tf32", "bf16", "f16", "int8"}),
        model_(load_models(model_paths(args), ensemble_weights(args), precision_.weights())),
        args_(with_defaults_of(model_, args)),
        options_(options_of(args_)),
        stop_(stop_strings(args, model_)),
        output_(replicas_.is_first() ? args.text("save") : "/dev/null") {
    const auto columns = columns_read();
    if (replicas_.is_first())
      input_.emplace(model_, columns, str("tokenize with --columns ", joined(model_.kind.columns)), input_path(args));
    if (!model_.kind.searches)
      refuse_flags(args, "the task " + model_.kind.name, {kOfSearches.begin(), kOfSearches.end()});
    options_.stop = stop_ ? &*stop_ : nullptr;
    if (model_.kind.searches) {
      require_found(options_);
      options_.banned_ids = banned_ids(args_, model_.answered());
      fused_ = fused_model(args_, model_.answered(), model_.loaded.name);
      options_.fused = fused_.get();
      long_ = long_sources(args_, model_.vocabularies[0], model_.answered());
      options_.long_sources = long_.get();
    }
    require_shared(args);
    choose_device();
  }

  void run() {
    const bool scoring = args_.on("score"), text = args_.on("text"), extras = args_.on("scores") || options_.nbest > 1;
    std::optional<AnswerWriter> writer;
    if (!scoring && !text && replicas_.is_first()) {
      if (!is_launched()) refuse_terminal(output_);
      writer.emplace(output_, answer_info(model_, args_.command()), extras);
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
        write_answers(window, writer ? &*writer : nullptr);
    };
    const SharedWindows shared(replicas_);
    if (replicas_.is_first()) {
      input_->read(
          text ? 1 : 64 * options_.max_tokens * replicas_.size(), INT64_MAX, progress,
          [&](const Window& window) {
            shared.send(window);
            work(window);
          },
          [&] { writer ? writer->flush() : output_.flush(); });
      shared.send_end();
    } else {
      shared.receive(work);
    }
    if (writer) writer->finish();
    if (scoring) write_scores(scorer_->finish());
    output_.commit();
    if (long_) long_->note_count();
    replicas_.finish();
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
    if (!replicas_.is_alone()) options_.dealer = &dealer_;
    device_ = ModelDevice(args_, *model_.loaded.model);
    options_.device = device_.get();
    if (options_.max_tokens == 0) options_.max_tokens = options_.device ? 4096 : 1024;
    precision_.begin(model_.loaded, options_.device);
  }

  // What several processes cannot share.
  void require_shared(const Args& args) const {
    if (replicas_.is_alone()) return;
    for (const char* flag : {"text", "stride"})
      if (args.given(flag))
        throw UsageError(str("--", flag, " is for one process: each row there needs the one before it"));
    for (const auto& path : model_paths(args)) require_same_file(replicas_, path);
    if (fused_) require_same_file(replicas_, fused_->name());
  }

  static const std::vector<std::string>& model_paths(const Args& args) {
    if (!args.given("model")) throw UsageError("-m MODEL is missing: which model is to answer?");
    return args.texts("model");
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

  // Of the task's columns: those that are asked about; scoring and prefixes need the answered one, too.
  std::size_t columns_read() const {
    const TaskKind& kind = model_.kind;
    if (args_.on("prefix") && kind.answered < kind.asked)
      throw UsageError(str("--prefix has no meaning with the task ", kind.name, ": answers begin with what is asked"));
    if (args_.given("long") && kind.searches && kind.answered < kind.asked)
      throw UsageError(str("--long has no meaning with the task ", kind.name, ", which --slide is for"));
    if (args_.on("score") && kind.answered >= model_.vocabularies.size())
      throw UsageError(str("--score has no meaning for ", kind.name, ", whose answers are numbers"));
    const bool all = args_.on("prefix") || args_.on("score");
    return std::max(kind.asked, all ? kind.answered + 1 : 0);
  }

  void write_answers(const Window& window, AnswerWriter* writer) {
    options_.first_sentence = static_cast<uint64_t>(sentences_);
    const auto answers = answers_to(window);
    for (std::size_t row = 0; row < answers.size(); ++row, ++sentences_)
      for (std::size_t rank = 0; rank < answers[row].size(); ++rank) {
        const auto& h = answers[row][rank];
        target_tokens_ += tokens_with_eos(h.ids.size());
        if (writer) writer->add(h, static_cast<int32_t>(rank), sentences_, window, row);
      }
  }

  // Those of all processes. A search deals out what it is asked itself; else rows are dealt.
  std::vector<Hypotheses> answers_to(const Window& window) {
    if (replicas_.is_alone() || model_.kind.searches)
      return model_.task->answers(window.columns, options_, &workspaces_);
    const SharedWindows shared(replicas_);
    auto own = model_.task->answers(shared.own_columns(window), options_, &workspaces_);
    std::vector<Hypotheses> answers(static_cast<std::size_t>(window.size()));
    const auto rows = shared.own_rows(window);
    for (std::size_t i = 0; i < rows.size(); ++i) answers[rows[i]] = std::move(own[i]);
    dealer_.exchange(answers, shared.owners(window));
    return answers;
  }

  void write_text(const Window& window) {
    TextAnswers write(model_.answered(), options_.stop, output_);
    const std::size_t answered = model_.kind.answered;
    for (std::size_t row = 0; row < window.columns[0].size(); ++row) {
      options_.first_sentence = static_cast<uint64_t>(sentences_++);
      std::vector<std::vector<std::span<const int32_t>>> columns;
      for (const auto& column : window.columns) columns.push_back({column[row]});
      const auto prompt = answered < columns.size() ? columns[answered][0] : std::span<const int32_t>();
      const auto ids = write(prompt, options_, [&](const DecodeOptions& options) {
        return model_.task->answers(columns, options, &workspaces_)[0][0];
      });
      target_tokens_ += tokens_with_eos(ids.size());
    }
  }

  void score(const Window& window) {
    for (const auto& ids : window.columns[model_.kind.answered]) asked_.emplace_back(ids.begin(), ids.end());
    if (replicas_.is_alone()) return write_scores(scorer_->add(window.columns));
    const SharedWindows shared(replicas_);
    const auto own = scorer_->add(shared.own_columns(window));
    std::vector<double> all(static_cast<std::size_t>(window.size()));
    const auto rows = shared.own_rows(window);
    for (std::size_t i = 0; i < rows.size(); ++i) all[rows[i]] = own[i];
    replicas_.sum(all);
    write_scores(all);
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

  Replicas& replicas_ = open_replicas();
  ModelPrecision precision_;
  TaskModel model_;
  Args args_;  // with what the model sets
  DecodeOptions options_;
  std::optional<StopStrings> stop_;
  std::unique_ptr<NgramModel> fused_;
  std::unique_ptr<LongSources> long_;  // null: none may be
  ModelDevice device_;
  ReplicatedAnswers dealer_{replicas_};
  std::vector<Workspace> workspaces_;  // of the device: they go before it
  std::optional<RowReader> input_;     // the first process's
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
  return storm::run_tool(storm::decode_flags::kTool, argc, argv, [](const storm::Args& given) {
    storm::decode_flags::check(given);  // what is wrong in the command line is said before a model is read
    storm::Replicas& replicas = storm::join(given);
    storm::SpreadFiles spread(replicas);
    const storm::Args args = spread(given, {"model", "lm"});
    if (args.texts("model").size() != 1 || storm::kind_of_file(args.text("model")) != storm::kNgramKind)
      return storm::Decode(args).run();
    storm::require_one_process("decode with an n-gram model");
    storm::ask_ngrams(args);
  });
}
