// A trained model: an encoder's vectors of token streams, and its embedding table.
#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "decode/dealt_by_length.h"
#include "decode/sorted_batches.h"
#include "models/model_file.h"
#include "stream/tokens.h"
#include "text/vocabulary.h"
#include "tools/embed/space.h"
#include "tools/model_columns.h"
#include "tools/model_defaults.h"
#include "tools/model_device.h"
#include "tools/model_precision.h"
#include "tools/replicas.h"
#include "train/packed_message.h"
#include "vectors/vocabulary_words.h"

namespace storm {
namespace {

// Lines that pass the model together.
struct LineBatch {
  std::vector<int32_t> ids;
  std::vector<std::size_t> ends;
  int64_t tokens = 0;              // ends included
  std::vector<PlacedWords> words;  // where the input says where its pieces stand

  void add(std::span<const int32_t> line, const TextFrame& frame) {
    ids.insert(ids.end(), line.begin(), line.end());
    ends.push_back(ids.size());
    tokens += frame.tokens(line.size());
  }
  // Those of some places.
  LineBatch of(std::span<const std::size_t> places, const TextFrame& frame) const {
    const auto all = lines();
    LineBatch some;
    for (const std::size_t i : places) {
      some.add(all[i], frame);
      if (!words.empty()) some.words.push_back(words[i]);
    }
    return some;
  }
  std::vector<std::span<const int32_t>> lines() const {
    std::vector<std::span<const int32_t>> all;
    for (std::size_t i = 0, begin = 0; i < ends.size(); begin = ends[i++])
      all.push_back(std::span(ids).subspan(begin, ends[i] - begin));
    return all;
  }
};

class ModelSpace : public Space {
 public:
  explicit ModelSpace(const Args& args)
      : precision_(args, {"f32", "bf16", "int8"}),
        loaded_(load_model(args.text("model"), precision_.weights())),
        args_(with_defaults_of(loaded_, args)),
        flags_(embed_flags(args_)),
        vocabulary_(column_vocabularies(loaded_, 1)[0]) {
    Model& model = *loaded_.model;
    const auto layers = encoder_layers(model);
    if (flags_.options.layer > layers)
      throw UsageError(str("--layer ", flags_.options.layer, ": ", loaded_.name, " has layers 0 to ", layers));
    if (flags_.last_layer) flags_.options.layer = layers;
    if (flags_.options.pool == Pool::pooler && (flags_.options.layer != layers || !flags_.options.mix.empty()))
      throw UsageError(str("--pool pooler reads the last layer, ", layers, " of ", loaded_.name,
                           "; leave --layer, --mix and --static out"));
    if (args.given("most-frequent") && flags_.mode == EmbedMode::similarity)
      throw UsageError("--most-frequent has no meaning with the --similarity of a model, which spells words by pieces");
    if (!replicas_.is_alone()) require_same_file(replicas_, loaded_.name);
    flags_.options.model_name = loaded_.name;
    const bool passes =
        flags_.options.layer != EmbedOptions::kStatic && flags_.mode != EmbedMode::vocab && !flags_.asks_words();
    if (passes) device_ = ModelDevice(args, model);  // which takes a moment to start
    precision_.begin(loaded_, device_.get());
    embedder_.emplace(model, vocabulary_, flags_.options, device_.get());
  }

  const std::string& name() const override { return loaded_.name; }
  int64_t width() const override { return embedder_->width(); }
  const EmbedFlags& flags() const override { return flags_; }

  std::map<std::string, std::string> metadata() const override {
    constexpr const char* levels[] = {"piece", "word", "line"};
    return {{"embeddings.layer", layer_name()},
            {"embeddings.level", levels[static_cast<std::size_t>(flags_.options.level)]},
            {"embeddings.pool", flags_.pool_name},
            {"embeddings.normalize", flags_.options.normalize ? "true" : "false"},
            {"embeddings.vocabulary", vocabulary_.fingerprint()}};
  }

  void each_batch(const Each& each, const std::function<void()>& flush) override {
    if (!replicas_.is_first()) return help_first();
    TokenReader input(StreamReader("-"));
    const auto column = first_column(input.info(), task_of(loaded_));
    require_column(input, column, vocabulary_, loaded_.name);

    // Enough at once for batches of like lengths, little enough to be flat in a pipe.
    const int64_t most = std::max(flags_.max_tokens, std::min(64 * flags_.max_tokens, (1 << 24) / embedder_->width()));
    Progress progress("embedding", 0);
    LineBatch waiting;
    const double start = monotonic_seconds();
    int64_t lines = 0, tokens = 0;
    const auto pass = [&] {
      if (waiting.ends.empty()) return;
      if (!replicas_.is_alone()) send(waiting);
      each(embed(waiting, lines), lines);
      lines += static_cast<int64_t>(waiting.ends.size());
      tokens += waiting.tokens;
      waiting = {};
      progress.set(static_cast<uint64_t>(lines));
    };
    while (const auto batch = input.next()) {
      const bool places = flags_.options.level == Level::word && batch->column(column).has_ranges();
      if (places == waiting.words.empty()) pass();  // the document before had them, or not
      for (int64_t i = 0; i < batch->size(); ++i) {
        const auto& ids = batch->column(column);
        waiting.add(ids[i], embedder_->frame());
        if (places) waiting.words.push_back(placed_words(ids.line(i), ids.begins_of(i), ids.ends_of(i)));
        if (waiting.tokens >= most) pass();
      }
      if (!input.would_block()) continue;
      pass();
      flush();
    }
    pass();
    if (!replicas_.is_alone()) send({});
    args_.stat("lines", static_cast<double>(lines));
    args_.stat("source_tokens", static_cast<double>(tokens));
    args_.stat("source_tokens/s", static_cast<double>(tokens) / (monotonic_seconds() - start));
  }

  Spelling spelling(const std::string& word) override {
    const auto ids = vocabulary_.encode(word);
    if (ids.empty() || std::ranges::find(ids, vocabulary_.unk_id()) != ids.end()) return Spelling::unknown;
    return ids.size() == 1 ? Spelling::row : Spelling::parts;
  }

  TextVectors vectors_of(std::span<const std::string> words,
                         const std::function<std::string(std::size_t)>& named) override {
    std::vector<std::vector<int32_t>> ids;
    for (const auto& word : words) ids.push_back(vocabulary_.encode(word));
    return embed(std::vector<std::span<const int32_t>>(ids.begin(), ids.end()), named);
  }
  const char* row_name() const override { return "one piece"; }

  std::vector<VectorBlock> rows() override {
    if (embedder_->width() != embedder_->table_width())
      throw UsageError(str("--nearest: the vectors of layer ", layer_name(), " have ", embedder_->width(),
                           " numbers, the embedding table's rows ", embedder_->table_width(),
                           "; give --index FILE with vectors of that layer, or take --static"));
    return {{DType::F32, loaded_.model->description().vocabularies[0], std::as_bytes(rows_of_table()), loaded_.name}};
  }
  std::string row_text(int64_t row) const override { return vocabulary_.piece(static_cast<int32_t>(row)); }
  std::vector<int64_t> own_rows(const std::string&) const override { return {}; }  // a line is text, and not a row

  const WordTable& words() override {
    if (flags_.options.layer != EmbedOptions::kStatic)
      throw UsageError(str("--", flags_.mode_flag, " asks the words of the embedding table; give --static"));
    if (!words_) {
      std::vector<int32_t> ids(static_cast<std::size_t>(vocabulary_.size()));
      std::iota(ids.begin(), ids.end(), 0);
      words_.emplace(loaded_.name, vocabulary_, ids, rows_of_table(), embedder_->table_width());
    }
    return *words_;
  }

  std::vector<float> table() const override { return {rows_of_table().begin(), rows_of_table().end()}; }
  int64_t table_width() const override { return embedder_->table_width(); }

 private:
  // A model may say how a text's pieces become its vector; who asks for pieces, words or the table does not want it.
  static Args with_defaults_of(const LoadedModel& loaded, const Args& args) {
    if (args.given("level") || args.on("static") || args.given("vocab")) return args;
    return with_model_defaults(args, loaded.model->config(), loaded.name, "embed", {"pool", "normalize"});
  }

  std::string layer_name() const {
    if (!flags_.options.mix.empty()) return "mix " + args_.text("mix");
    return flags_.options.layer == EmbedOptions::kStatic ? "static" : std::to_string(flags_.options.layer);
  }

  std::span<const float> rows_of_table() const { return as<TextEncoder>(*loaded_.model).token_embeddings(); }

  // Several processes: the first one's lines for all of them; none are the end.
  void send(const LineBatch& batch) const {
    PackedMessage message;
    message.put(batch.ids, batch.ends, batch.words.size());
    for (const PlacedWords& w : batch.words) message.put(w.starts, w.texts);
    replicas_.broadcast(message.bytes());
  }
  void help_first() {
    for (int64_t lines = 0;;) {
      PackedMessage message;
      replicas_.broadcast(message.bytes());
      LineBatch batch;
      std::size_t words = 0;
      message.take(batch.ids, batch.ends, words);
      batch.words.resize(words);
      for (PlacedWords& w : batch.words) message.take(w.starts, w.texts);
      if (batch.ends.empty()) return;
      embed(batch, lines);
      lines += static_cast<int64_t>(batch.ends.size());
    }
  }

  // The vectors of all lines, of which each process makes a share, dealt by length; for the first. before: lines that
  // came before these.
  TextVectors embed(const LineBatch& batch, int64_t before) {
    const auto lines = batch.lines();
    const auto line_name = [&](std::size_t i) { return str("line ", before + static_cast<int64_t>(i) + 1); };
    if (replicas_.is_alone()) return embed(lines, line_name, batch.words);
    std::vector<std::size_t> lengths;
    for (const auto& line : lines) lengths.push_back(line.size());
    const auto owner = dealt_by_length(lengths, static_cast<std::size_t>(replicas_.size()));
    const auto share_of = [&](int rank) {
      std::vector<std::size_t> share;
      for (std::size_t i = 0; i < owner.size(); ++i)
        if (owner[i] == static_cast<std::size_t>(rank)) share.push_back(i);
      return share;
    };
    const auto own = share_of(replicas_.rank());
    const LineBatch some = batch.of(own, embedder_->frame());
    TextVectors vectors = embed(
        some.lines(), [&](std::size_t i) { return line_name(own[i]); }, some.words);
    if (!replicas_.is_first()) {
      PackedMessage message;
      message.put(vectors.vectors, vectors.offsets, vectors.texts);
      replicas_.send_bytes(0, message.bytes());
      return {};
    }
    std::vector<TextVectors> parts;
    std::vector<std::pair<std::size_t, std::size_t>> where(
        lines.size());  // of each line: its part, and its place there
    for (int r = 0; r < replicas_.size(); ++r) {
      if (r == 0) {
        parts.push_back(std::move(vectors));
      } else {
        PackedMessage message(replicas_.receive_bytes(r));
        TextVectors& part = parts.emplace_back();
        part.width = width();
        message.take(part.vectors, part.offsets, part.texts);
      }
      const auto share = share_of(r);
      for (std::size_t i = 0; i < share.size(); ++i) where[share[i]] = {parts.size() - 1, i};
    }
    TextVectors all;
    all.width = width();
    for (const auto& [number, i] : where) {
      const TextVectors& part = parts[number];
      for (std::size_t row = part.offsets[i]; row < part.offsets[i + 1]; ++row) {
        const auto one = part.row(row);
        all.vectors.insert(all.vectors.end(), one.begin(), one.end());
        all.texts.push_back(part.texts[row]);
      }
      all.offsets.push_back(all.texts.size());
    }
    return all;
  }

  TextVectors embed(std::span<const std::span<const int32_t>> lines,
                    const std::function<std::string(std::size_t)>& named, std::span<const PlacedWords> words = {}) {
    std::vector<int64_t> lengths;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].empty() && !embedder_->frame().shown) continue;
      places.push_back(i);
      lengths.push_back(embedder_->frame().tokens(lines[i].size()) - tokens_with_eos(0));
    }
    auto batches = sorted_batches(lengths, flags_.max_tokens, flags_.max_tokens);
    for (auto& batch : batches)
      for (auto& at : batch) at = places[at];
    return (*embedder_)(lines, batches, named, words);
  }

  Replicas& replicas_ = open_replicas();
  ModelPrecision precision_;
  LoadedModel loaded_;
  Args args_;  // with what the model sets
  EmbedFlags flags_;
  Vocabulary vocabulary_;  // the source's
  ModelDevice device_;
  std::optional<Embedder> embedder_;  // with the device's memory: it goes before it
  std::optional<VocabularyWords> words_;
};

}  // namespace

std::unique_ptr<Space> model_space(const Args& args) { return std::make_unique<ModelSpace>(args); }

}  // namespace storm
