// Shows what a model attends to: as a stream of every weight, as word alignments, as numbers a head.
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/output.h"
#include "cpu/gemm.h"
#include "decode/special_ids.h"
#include "decode/translate.h"
#include "inspect/aligner.h"
#include "inspect/attention_stream.h"
#include "inspect/attention_summary.h"
#include "inspect/attention_tracer.h"
#include "models/model_file.h"
#include "stream/tokens.h"
#include "text/vocabulary.h"
#include "tools/cli.h"

namespace storm {
namespace {

const Tool kTool{
    "attn-dump",
    "shows what a model attends to, in every layer and head: weights, word alignments, numbers",
    R"(  paste x.en x.de | tokenize -m model.st --columns src,tgt | attn-dump -m model.st > attention.st
  tokenize -m model.st < x.en | attn-dump -m model.st --decode --kinds cross --layers 3-4 -o attention.st
  attn-dump -m model.st --align pharaoh < pairs.st > x.align                  (0-0 1-2: words, source-target, from 0)
  attn-dump -m model.st --align pharaoh --align-from 3.2 --align-level piece < pairs.st
  attn-dump -m model.st --align-score gold.align < pairs.st                   (precision, recall, AER of each head)
  attn-dump -m model.st --summary < pairs.st | column -t                      (what each head does)
)",
    kThreads | kDevice,
    {{"m,model", "MODEL", "", "the model, as train writes it"},
     {"o,save", "FILE", "-", "where the stream goes, or with --align, --align-score or --summary their text"},
     {"decode", "", "", "show the model's own translation of the source, not the tgt column"},
     {"beam", "N", "5", "with --decode: hypotheses that go on at each step; 1: greedy"},
     {"kinds", "LIST", "", "encoder (self-attention), decoder (likewise), cross; all when not given"},
     {"layers", "LIST", "", "such as 1,3-4, counted from 1 (0 is embed's input); all when not given"},
     {"heads", "LIST", "", "such as 1,3-4, counted from 1; all when not given"},
     {"logits", "", "", "what the softmax is taken of, instead of the probabilities"},
     {"align", "FORMAT", "", "print a line of links a pair: pharaoh"},
     {"align-level", "LEVEL", "word", "link words (what spaces separate) or pieces"},
     {"align-row", "ROW", "predicts",
      "a target piece's row: the one that predicts it, or (reads) the next, which has read it"},
     {"align-from", "HEAD", "best",
      "LAYER.HEAD, LAYER.mean or best: the lowest AER, or without --align-score the one that "
      "agrees most with the others; by 1000 pairs"},
     {"align-score", "GOLD", "", "print precision, recall and AER against this file of links (i-j sure, i?j possible)"},
     {"summary", "", "",
      "print means over each head's rows i: entropy (nats), distance |i-j|, weight on keys i-1, i, i+1, 0 "
      "and EOS; row i of cross predicts piece i"},
     {"max-tokens", "N", "1024", "tokens of a batch on its larger side, EOS included"}},
    ""};

// The rows of some documents, which keep the bytes alive.
struct Window {
  std::vector<TokenBatch> batches;
  std::vector<std::span<const int32_t>> sources, targets;
  int64_t tokens = 0;

  void add(TokenBatch batch, const std::string& source, bool with_targets) {
    for (int64_t i = 0; i < batch.size(); ++i) {
      sources.push_back(batch.column(source)[i]);
      if (with_targets) targets.push_back(batch.column("tgt")[i]);
      tokens += static_cast<int64_t>(sources.back().size()) + 1;
    }
    batches.push_back(std::move(batch));
  }
};

// What becomes of the maps: each sentence's are handed to all of these.
struct Consumer {
  std::function<void(const AttentionMaps&)> add;
  std::function<void()> flush;   // whoever reads may be waiting
  std::function<void()> finish;  // once, after the last
};

class AttentionDump {
 public:
  explicit AttentionDump(const Args& args)
      : args_(args),
        loaded_(load_model(args.text("model"))),
        source_(Vocabulary::from_bytes(loaded_.vocabulary("src"), loaded_.name)),
        target_(Vocabulary::from_bytes(loaded_.vocabulary("tgt"), loaded_.name)),
        special_(special_ids(source_, target_)),
        choice_(chosen()),
        input_(StreamReader("-")),
        output_(args.text("save")) {
    require(
        source_.size() == loaded_.model->source_vocabulary() && target_.size() == loaded_.model->target_vocabulary(),
        loaded_.name, ": the vocabulary does not have the size that the configuration says");
    const auto& columns = input_.info().columns;
    column_ = input_.info().has("src") || columns.size() > 1 ? "src" : columns.at(0);
    require_same(column_, source_);
    input_.limit(column_, source_.size());
    if (args.on("decode")) return;
    require(
        input_.info().has("tgt"), input_.name(),
        ": has no column 'tgt'; tokenize with --columns src,tgt, or show the model's own translation with --decode");
    require_same("tgt", target_);
    input_.limit("tgt", target_.size());
  }

  void run() {
    add_consumers();
    const int64_t max_tokens = args_.integer("max-tokens", 1, 1 << 24);
    AttentionTracer trace(*loaded_.model, special_, source_, target_, choice_, max_tokens);
    Progress progress("tracing", 0);
    // As decode: enough at once for full batches, little enough to be flat in a pipe.
    const int64_t most = (args_.on("decode") ? 64 : 1) * max_tokens;
    Window window;
    bool more = true;
    while (more) {
      auto batch = input_.next();
      more = batch.has_value();
      if (batch) window.add(std::move(*batch), column_, !args_.on("decode"));
      const bool hurry = more && input_.would_block();
      if (more && window.tokens < most && !hurry) continue;
      show(window, trace);
      progress.set(static_cast<uint64_t>(sentences_));
      if (hurry)
        for (const auto& consumer : consumers_) consumer.flush();
      window = {};
    }
    for (const auto& consumer : consumers_) consumer.finish();
    output_.commit();
    const double seconds = monotonic_seconds() - start_;
    args_.stat("sentences", static_cast<double>(sentences_));
    args_.stat("target_tokens", static_cast<double>(target_tokens_));
    args_.stat("target_tokens/s", static_cast<double>(target_tokens_) / seconds);
  }

 private:
  AttentionChoice chosen() const {
    AttentionChoice choice = all_attention(*loaded_.model);
    require(!choice.parts.empty(), loaded_.name, ": this model has no attention to show");
    narrow_kinds(choice, args_.text("kinds"), loaded_.name);
    narrow_layers(choice, args_.text("layers"), loaded_.name);
    narrow_heads(choice, args_.text("heads"), loaded_.name);
    if (args_.on("logits")) choice.scores = AttentionScores::logits;
    if (!args_.given("align") && !args_.given("align-score")) return choice;
    if (!choice.find(AttentionKind::cross))
      throw UsageError(
          str("alignments are read off cross-attention, which is not among what was chosen of ", loaded_.name));
    // Nothing else is made of the maps then, so no others are traced.
    narrow_kinds(choice, "cross", loaded_.name);
    if (args_.text("align-from") != "best") {
      const auto head = parse_alignment_head(args_.text("align-from"), choice.parts[0], loaded_.name);
      narrow_layers(choice, str(head.layer + 1), loaded_.name);
    }
    return choice;
  }

  void require_same(const std::string& column, const Vocabulary& vocabulary) const {
    const auto* bytes = input_.info().vocabulary(column);
    require(bytes != nullptr, input_.name(), ": carries no vocabulary for '", column, "'; tokenize with -m ",
            loaded_.name);
    require_same_vocabulary(loaded_.name, vocabulary.bytes(), *bytes);
  }

  // Each adds what is made of the maps; the stream is what nothing else was asked for.
  void add_consumers() {
    if (args_.given("align") || args_.given("align-score")) add_aligner();
    if (args_.on("summary")) add_summary();
    if (consumers_.empty()) add_stream();
  }

  void add_stream() {
    refuse_terminal(output_);
    stream_.emplace(output_, choice_, args_.command());
    consumers_.push_back({[this](const AttentionMaps& maps) { stream_->add(maps); }, [this] { stream_->flush(); },
                          [this] { stream_->finish(); }});
  }

  void add_summary() {
    consumers_.push_back({[this](const AttentionMaps& maps) { summary_.add(maps); }, [] {},
                          [this] { output_.write(summary_.table()); }});
  }

  void add_aligner() {
    const auto& cross = *choice_.find(AttentionKind::cross);
    auto heads = alignment_heads(cross);
    if (args_.text("align-from") != "best")
      heads = {parse_alignment_head(args_.text("align-from"), cross, loaded_.name)};
    if (args_.given("align-score")) gold_.emplace(args_.text("align-score"));
    const auto level = args_.text("align-level") == "word" ? Aligner::Level::word : Aligner::Level::piece;
    const auto row = args_.text("align-row") == "predicts" ? AlignmentRow::predicts : AlignmentRow::reads;
    aligner_.emplace(heads, row, level, args_.given("align") ? &output_ : nullptr, gold_ ? &*gold_ : nullptr);
    consumers_.push_back({[this](const AttentionMaps& maps) { aligner_->add(maps); },
                          [this] {
                            if (args_.given("align")) output_.flush();
                          },
                          [this] { finish_aligner(); }});
  }

  void finish_aligner() {
    aligner_->finish();
    if (const auto head = aligner_->chosen(); head && args_.text("align-from") == "best")
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
      options.max_tokens = args_.integer("max-tokens", 1, 1 << 24);
      options.first_sentence = static_cast<uint64_t>(sentences_);
      answers = translate(*loaded_.model, special_, window.sources, options);
    }
    std::vector<SentencePair> pairs;
    for (std::size_t i = 0; i < window.sources.size(); ++i) {
      pairs.push_back({window.sources[i], answers.empty() ? window.targets[i] : std::span(answers[i][0].ids)});
      target_tokens_ += static_cast<int64_t>(pairs.back().target.size()) + 1;
    }
    trace(pairs, sentences_ + 1, [&](const AttentionMaps& maps) {
      for (const auto& consumer : consumers_) consumer.add(maps);
    });
    sentences_ += static_cast<int64_t>(pairs.size());
  }

  const Args& args_;
  LoadedModel loaded_;
  Vocabulary source_, target_;
  SpecialIds special_;
  AttentionChoice choice_;
  TokenReader input_;
  Output output_;
  std::string column_;  // of the input, that is the source
  std::optional<AttentionWriter> stream_;
  AttentionSummary summary_;
  std::optional<GoldAlignments> gold_;
  std::optional<Aligner> aligner_;
  std::vector<Consumer> consumers_;
  int64_t sentences_ = 0, target_tokens_ = 0;
  double start_ = monotonic_seconds();
};

// What does not go together, before anything is read.
void check(const Args& args) {
  if (!args.given("model")) throw UsageError("-m MODEL is missing: which model is to be looked into?");
  const bool align = args.given("align"), score = args.given("align-score"), summary = args.on("summary");
  if (align) args.choice("align", {"pharaoh"});
  args.choice("align-level", {"word", "piece"});
  args.choice("align-row", {"predicts", "reads"});
  args.integer("beam", 1, 1000);
  args.integer("max-tokens", 1, 1 << 24);
  if (args.given("beam") && !args.on("decode")) throw UsageError("--beam has no meaning without --decode");
  if (summary && (align || score)) throw UsageError("--summary and alignments are two outputs; ask for one at a time");
  if (args.on("logits") && (align || score || summary))
    throw UsageError("--logits are for the stream; alignments and --summary are made of probabilities");
  for (const char* flag : {"align-level", "align-row", "align-from"})
    if (args.given(flag) && !align && !score)
      throw UsageError(str("--", flag, " has no meaning without --align or --align-score"));
  if (args.given("align-from") && args.text("align-from") != "best" && (args.given("layers") || args.given("heads")))
    throw UsageError("--layers and --heads are what --align-from best chooses from; --align-from names one itself");
  if (align && score && args.text("save") == "-")
    throw UsageError("--align and --align-score both print to standard output; send the links to a file with -o FILE");
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  return storm::run_tool(storm::kTool, argc, argv, [](const storm::Args& args) {
    storm::check(args);
    storm::AttentionDump(args).run();
  });
}
