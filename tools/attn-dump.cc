// Shows what a model attends to: as a stream of every weight, as word alignments, as numbers a head.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/output.h"
#include "cpu/gemm.h"
#include "decode/special_ids.h"
#include "inspect/aligner.h"
#include "inspect/attention_stream.h"
#include "inspect/attention_summary.h"
#include "inspect/attention_tracer.h"
#include "pictures/attention_page.h"
#include "pictures/attention_svg.h"
#include "pictures/position_pictures.h"
#include "tools/attn_dump_flags.h"
#include "tools/model_device.h"
#include "tools/model_precision.h"
#include "tools/model_rows.h"
#include "tools/replicas.h"
#include "tools/shared_maps.h"
#include "tools/shared_windows.h"
#include "train/replicated_answers.h"

namespace storm {
namespace {

// What becomes of the maps: each sentence's are handed to all of these.
struct Consumer {
  std::function<void(const AttentionMaps&)> add;
  std::function<void()> flush;   // whoever reads may be waiting
  std::function<void()> finish;  // once, after the last
};

// Throws UsageError for a task whose answers are no text behind what is asked.
std::unique_ptr<Task> searching_task(const ColumnModel& model) {
  if (!model.kind.searches) throw UsageError(str("--decode has no meaning with the task ", model.kind.name));
  return model.kind.make(*model.loaded.model, model.vocabularies);
}

class AttentionDump {
 public:
  explicit AttentionDump(const Args& args)
      : args_(args),
        precision_(args, {"f32", "bf16", "int8"}),
        model_(args.text("model"), precision_.weights()),
        task_(args.on("decode") ? searching_task(model_) : nullptr),
        choice_(chosen()),
        answered_(model_.kind.texts > 0 ? 0 : model_.kind.answered),
        output_(replicas_.is_first() ? args.text("save") : "/dev/null"),
        device_(args, *model_.loaded.model) {
    if (replicas_.is_first())
      input_.emplace(model_,
                     args.on("decode") ? model_.kind.asked
                                       : std::max(model_.kind.texts > 0 ? 1 : model_.kind.asked, answered_ + 1),
                     "tokenize with --columns src,tgt, or show the model's own translation with --decode");
    if (!replicas_.is_alone()) require_same_file(replicas_, model_.loaded.name);
    precision_.begin(model_.loaded, device_.get());
  }

  void run() {
    if (args_.given("html") || args_.given("svg"))
      if (const auto n = args_.integer("sentences", 0, INT64_MAX)) drawn_ = n;
    if (replicas_.is_first()) add_consumers();
    const int64_t max_tokens = args_.integer("max-tokens", 1, kMostTokens);
    const Vocabulary &source = model_.vocabularies[0], &target = model_.vocabularies[answered_];
    AttentionTracer trace(*model_.loaded.model, special_ids(source, target, model_.loaded.model->config()), source,
                          target, choice_, max_tokens, device_.get());
    Progress progress("tracing", 0);
    // As decode: enough at once for full batches, little enough to be flat in a pipe.
    const int64_t most = (args_.on("decode") ? 64 : 1) * max_tokens * replicas_.size();
    const SharedWindows shared(replicas_);
    if (!replicas_.is_first()) {
      shared.receive([&](const Window& window) { show(window, trace); });
      return replicas_.finish();
    }
    const auto flush = [&] {
      for (const auto& consumer : consumers_) consumer.flush();
    };
    const auto work = [&](const Window& window) {
      shared.send(window);
      show(window, trace);
    };
    if (input_->read(most, drawn_, progress, work, flush))
      note("the first ", drawn_, " pairs are drawn; --sentences N draws more, or all (0)");
    shared.send_end();
    for (const auto& consumer : consumers_) consumer.finish();
    output_.commit();
    replicas_.finish();
    const double seconds = monotonic_seconds() - start_;
    args_.stat("sentences", static_cast<double>(sentences_));
    const std::string tokens = trace.has_target() ? "target_tokens" : "source_tokens";
    args_.stat(tokens, static_cast<double>(tokens_));
    args_.stat(tokens + "/s", static_cast<double>(tokens_) / seconds);
  }

 private:
  AttentionChoice chosen() const {
    AttentionChoice choice = all_attention(*model_.loaded.model);
    choice.model_name = model_.loaded.name;
    require(!choice.parts.empty(), model_.loaded.name, ": this model has no attention to show");
    if (model_.kind.texts > 1)
      throw UsageError(str(model_.loaded.name, ": is a model for ", model_.kind.name,
                           ", which reads two texts at once; attn-dump shows models of one text"));
    narrow_kinds(choice, args_.text("kinds"), model_.loaded.name);
    narrow_layers(choice, args_.text("layers"), model_.loaded.name);
    narrow_heads(choice, args_.text("heads"), model_.loaded.name);
    if (args_.on("logits")) choice.scores = AttentionScores::logits;
    if (!args_.given("align") && !args_.given("align-score")) return choice;
    if (!choice.find(AttentionKind::cross))
      throw UsageError(
          str("alignments are read off cross-attention, which is not among what was chosen of ", model_.loaded.name));
    // Nothing else is made of the maps then, so no others are traced.
    narrow_kinds(choice, "cross", model_.loaded.name);
    if (args_.text("align-from") != "best") {
      const auto head = parse_alignment_head(args_.text("align-from"), choice.parts[0], model_.loaded.name);
      narrow_layers(choice, str(head.layer + 1), model_.loaded.name);
    }
    return choice;
  }

  // Each adds what is made of the maps; the stream is what nothing else was asked for.
  void add_consumers() {
    if (args_.given("align") || args_.given("align-score")) add_aligner();
    if (args_.on("summary")) add_summary();
    if (args_.given("html")) add_page();
    if (args_.given("svg")) add_svgs();
    if (consumers_.empty()) add_stream();
  }

  void add_stream() {
    if (!is_launched()) refuse_terminal(output_);
    stream_.emplace(output_, choice_, args_.command());
    consumers_.push_back({[this](const AttentionMaps& maps) { stream_->add(maps); }, [this] { stream_->flush(); },
                          [this] { stream_->finish(); }});
  }

  void add_page() {
    page_.emplace(args_.text("html"), str("Attention of ", model_.loaded.name), choice_.scores);
    consumers_.push_back({[this](const AttentionMaps& maps) { page_->add(maps); }, [] {},
                          [this] {
                            page_->commit();
                            std::error_code none;
                            const auto bytes = std::filesystem::file_size(args_.text("html"), none);
                            if (!none && bytes > 20'000'000)
                              note(args_.text("html"), ": ", bytes / 1'000'000,
                                   " MB; fewer --sentences, --kinds, --layers or --heads open faster");
                          }});
  }

  void add_svgs() {
    consumers_.push_back(
        {[this](const AttentionMaps& maps) { write_attention_svgs(args_.text("svg"), maps, choice_.scores); }, [] {},
         [] {}});
  }

  void add_summary() {
    consumers_.push_back({[this](const AttentionMaps& maps) { summary_.add(maps); }, [] {},
                          [this] { output_.write(summary_.table()); }});
  }

  void add_aligner() {
    const auto& cross = *choice_.find(AttentionKind::cross);
    auto heads = alignment_heads(cross);
    if (args_.text("align-from") != "best")
      heads = {parse_alignment_head(args_.text("align-from"), cross, model_.loaded.name)};
    if (args_.given("align-score")) gold_.emplace(args_.text("align-score"));
    const auto level = args_.text("align-level") == "word" ? Aligner::Level::word : Aligner::Level::piece;
    const auto row = args_.text("align-row") == "predicts" ? AlignmentRow::predicts : AlignmentRow::reads;
    aligner_.emplace(heads, row, level, args_.given("align") ? &output_ : nullptr, gold_ ? &*gold_ : nullptr);
    consumers_.push_back({[this](const AttentionMaps& maps) { aligner_->add(maps, words_); },
                          [this] {
                            if (args_.given("align")) output_.flush();
                          },
                          [this] { finish_aligner(); }});
  }

  void finish_aligner() {
    aligner_->finish();
    if (const auto head = aligner_->chosen(); head && sentences_ > 0 && args_.text("align-from") == "best")
      note("best head: layer ", head->layer + 1, ", head ", head->head + 1, " (--align-from ", head->name(), ")");
    if (!gold_) return;
    std::optional<Output> standard;
    Output& table = args_.given("align") ? standard.emplace("-") : output_;
    table.write(aligner_->scores());
    table.flush();
  }

  void show(const Window& window, AttentionTracer& trace) {
    std::vector<Hypotheses> answers;
    if (args_.on("decode")) {
      DecodeOptions options;
      options.beam = static_cast<int32_t>(args_.integer("beam", 1, 1000));
      options.max_tokens = args_.integer("max-tokens", 1, kMostTokens);
      options.first_sentence = static_cast<uint64_t>(sentences_);
      options.device = device_.get();
      if (!replicas_.is_alone()) options.dealer = &dealer_;
      answers = task_->answers(window.columns, options, nullptr);
    }
    std::vector<SentencePair> pairs;
    for (std::size_t i = 0; i < window.columns[0].size(); ++i) {
      SentencePair& pair = pairs.emplace_back();
      if (trace.has_source()) pair.source = window.columns[0][i];
      if (trace.has_target())
        pair.target = answers.empty() ? window.columns[answered_][i] : std::span(answers[i][0].ids);
      tokens_ += tokens_with_eos(trace.has_target() ? pair.target.size() : pair.source.size());
    }
    const auto words = [&](std::size_t row, std::size_t c, bool given) {
      const auto& [batch, at] = window.places[row];
      const auto& column = window.batches[batch].column(input_->column(c));
      return given && column.has_ranges() ? words_of(column.line(at), column.begins_of(at), column.ends_of(at))
                                          : std::vector<PieceWords>();
    };
    trace_shared(replicas_, pairs, sentences_ + 1, trace, [&](const AttentionMaps& maps) {
      const auto row = static_cast<std::size_t>(maps.sentence - sentences_ - 1);
      if (aligner_) words_ = {words(row, 0, answered_ > 0), words(row, answered_, answers.empty())};
      for (const auto& consumer : consumers_) consumer.add(maps);
    });
    sentences_ += static_cast<int64_t>(pairs.size());
  }

  Replicas& replicas_ = open_replicas();
  ReplicatedAnswers dealer_{replicas_};
  const Args& args_;
  ModelPrecision precision_;
  ColumnModel model_;
  std::unique_ptr<Task> task_;  // what --decode asks
  AttentionChoice choice_;
  std::size_t answered_;            // the column of targets; of a model with a head, that of its text
  std::optional<RowReader> input_;  // the first process's
  Output output_;
  ModelDevice device_;
  std::optional<AttentionWriter> stream_;
  std::optional<AttentionPage> page_;
  int64_t drawn_ = INT64_MAX;  // pairs that the pictures show, and after which nothing more is read
  AttentionSummary summary_;
  std::optional<GoldAlignments> gold_;
  std::optional<Aligner> aligner_;
  SentenceWords words_;  // of the sentence that is traced
  std::vector<Consumer> consumers_;
  int64_t sentences_ = 0, tokens_ = 0;  // tokens: of the target, or of the source where there is none
  double start_ = monotonic_seconds();
};

void draw_positions(const Args& args) {
  constexpr int64_t positions = 128;  // longer sentences are seldom looked at
  const auto loaded = load_model(args.text("model"), WeightForm::as_stored);
  const Description& description = loaded.model->description();
  const int64_t width = description.width;
  const auto& path = args.text("positions");
  if (!description.sinusoidal_positions)
    warn(loaded.name, ": this model has no sinusoidal positions; the pictures show what those of its width are");
  const auto write = [](const std::string& to, const std::string& text) {
    Output output(to);
    output.write(text);
    output.commit();
  };
  if (path.ends_with(".html")) return write(path, positions_page(positions, width));
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require(!error, path, ": cannot make the folder: ", error.message());
  for (const auto& picture : position_pictures(positions, width))
    write(path + "/" + picture.name + ".svg", picture.svg);
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  return storm::run_tool(storm::kAttentionDump, argc, argv, [](const storm::Args& args) {
    storm::check_attention_dump(args);
    if (!args.given("positions")) {
      storm::join(args);
      return storm::AttentionDump(args).run();
    }
    storm::require_one_process("attn-dump --positions");
    storm::draw_positions(args);
  });
}
