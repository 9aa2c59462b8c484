// Looks at what a model's encoder makes of text: vectors, neighbours, agreement with people, a map.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "cpu/gemm.h"
#include "decode/sorted_batches.h"
#include "inspect/embedder.h"
#include "inspect/pca.h"
#include "metrics/correlation.h"
#include "models/model_file.h"
#include "pictures/scatter_plot.h"
#include "stream/embeddings.h"
#include "stream/tokens.h"
#include "text/vocabulary.h"
#include "tools/embed/learn.h"
#include "tools/embed_flags.h"
#include "tools/model_columns.h"
#include "tools/model_defaults.h"
#include "tools/model_device.h"
#include "vectors/nearest.h"
#include "vectors/word2vec.h"
#include "vectors/word_pairs.h"

namespace storm {
namespace {

// A text that is one field of one line.
std::string field(std::string_view text) { return printable(text, ' '); }

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
  std::vector<std::span<const int32_t>> lines() const {
    std::vector<std::span<const int32_t>> all;
    for (std::size_t i = 0, begin = 0; i < ends.size(); begin = ends[i++])
      all.push_back(std::span(ids).subspan(begin, ends[i] - begin));
    return all;
  }
};

class Embed {
 public:
  explicit Embed(const Args& args)
      : loaded_(load_model(model_path(args))),
        args_(with_defaults_of(loaded_, args)),
        flags_(embed_flags(args_)),
        vocabulary_(column_vocabularies(loaded_, 1)[0]),
        output_(args.text("save")) {
    const Model& model = *loaded_.model;
    const auto layers = encoder_layers(model);
    if (flags_.options.layer > layers)
      throw UsageError(str("--layer ", flags_.options.layer, ": ", loaded_.name, " has layers 0 to ", layers));
    if (flags_.last_layer) flags_.options.layer = layers;
    if (flags_.options.pool == Pool::pooler && (flags_.options.layer != layers || !flags_.options.mix.empty()))
      throw UsageError(str("--pool pooler reads the last layer, ", layers, " of ", loaded_.name,
                           "; leave --layer, --mix and --static out"));
    flags_.options.model_name = loaded_.name;
    const bool passes = flags_.options.layer != EmbedOptions::kStatic && flags_.mode != EmbedMode::vocab;
    if (passes) device_ = ModelDevice(args, model);  // which takes a moment to start
    embedder_.emplace(model, vocabulary_, flags_.options, device_.get());
  }

  void run() {
    if (flags_.mode == EmbedMode::stream) write_stream();
    if (flags_.mode == EmbedMode::nearest) write_nearest();
    if (flags_.mode == EmbedMode::similarity) write_similarity();
    if (flags_.mode == EmbedMode::plot) write_plot();
    if (flags_.mode == EmbedMode::vocab) write_table();
    output_.commit();
    const double seconds = monotonic_seconds() - start_;
    args_.stat("lines", static_cast<double>(lines_));
    args_.stat("source_tokens", static_cast<double>(tokens_));
    args_.stat("source_tokens/s", static_cast<double>(tokens_) / seconds);
  }

 private:
  static const std::string& model_path(const Args& args) {
    if (!args.given("model")) throw UsageError("-m MODEL is missing: whose vectors are wanted?");
    return args.text("model");
  }

  // A model may say how a text's pieces become its vector; who asks for pieces, words or the table does not want it.
  static Args with_defaults_of(const LoadedModel& loaded, const Args& args) {
    if (args.given("level") || args.on("static") || args.given("vocab")) return args;
    return with_model_defaults(args, loaded.model->config(), loaded.name, "embed", {"pool", "normalize"});
  }

  std::string layer_name() const {
    if (!flags_.options.mix.empty()) return "mix " + args_.text("mix");
    return flags_.options.layer == EmbedOptions::kStatic ? "static" : std::to_string(flags_.options.layer);
  }

  // named: what a line is called in errors; "line N" of the input unless it is given.
  TextVectors embed(std::span<const std::span<const int32_t>> lines,
                    const std::function<std::string(std::size_t)>& named = {},
                    std::span<const PlacedWords> words = {}) {
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
    const auto name = [&](std::size_t i) {
      return named ? named(i) : str("line ", lines_ + static_cast<int64_t>(i) + 1);
    };
    return (*embedder_)(lines, batches, name, words);
  }

  // Calls each(vectors) for the lines of the input, many at once, and flush() whenever somebody may be waiting.
  template <class Each, class Flush>
  void each_batch(Each&& each, Flush&& flush) {
    TokenReader input(StreamReader("-"));
    const auto column = first_column(input.info(), task_of(loaded_));
    require_column(input, column, vocabulary_, loaded_.name);

    // Enough at once for batches of like lengths, little enough to be flat in a pipe.
    const int64_t most = std::max(flags_.max_tokens, std::min(64 * flags_.max_tokens, (1 << 24) / embedder_->width()));
    Progress progress("embedding", 0);
    LineBatch waiting;
    const auto pass = [&] {
      if (waiting.ends.empty()) return;
      each(embed(waiting.lines(), {}, waiting.words));
      lines_ += static_cast<int64_t>(waiting.ends.size());
      tokens_ += waiting.tokens;
      waiting = {};
      progress.set(static_cast<uint64_t>(lines_));
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
  }

  void write_stream() {
    refuse_terminal(output_);
    constexpr const char* levels[] = {"piece", "word", "line"};
    EmbeddingsWriter writer(output_,
                            {{kCommandKey, args_.command()},
                             {"embeddings.layer", layer_name()},
                             {"embeddings.level", levels[static_cast<std::size_t>(flags_.options.level)]},
                             {"embeddings.pool", flags_.pool_name},
                             {"embeddings.normalize", flags_.options.normalize ? "true" : "false"},
                             {"embeddings.vocabulary", vocabulary_.fingerprint()}},
                            embedder_->width(), flags_.dtype);
    const auto each = [&](const TextVectors& v) {
      const auto width = static_cast<std::size_t>(v.width);
      for (std::size_t i = 0; i + 1 < v.offsets.size(); ++i) {
        const auto begin = v.offsets[i], n = v.offsets[i + 1] - begin;
        writer.add(std::span(v.vectors).subspan(begin * width, n * width), std::span(v.texts).subspan(begin, n));
      }
    };
    each_batch(each, [&] { writer.flush(); });
    writer.finish();
    args_.stat("rows", static_cast<double>(writer.rows()));
  }

  void write_table() {
    const bool binary = args_.text("format") == "binary";
    if (binary) refuse_terminal(output_);
    write_word2vec(
        as<TextEncoder>(*loaded_.model).token_embeddings(), embedder_->table_width(),
        [&](int64_t id) { return vocabulary_.piece(static_cast<int32_t>(id)); },
        binary ? Word2vecFormat::binary : Word2vecFormat::text, output_);
  }

  void write_nearest() {
    std::vector<VectorBlock> blocks;
    std::optional<EmbeddingsFile> file;
    if (args_.given("index")) {
      file = map_embeddings(args_.text("index"));
      require(file->width == embedder_->width(), file->name, ": its vectors have ", file->width, " numbers, those of ",
              loaded_.name, " have ", embedder_->width(), "; make the index with the same model");
      const auto metadata = [&](const char* key, const std::string& otherwise) {
        const auto it = file->metadata.find(key);
        return it == file->metadata.end() ? otherwise : it->second;
      };
      const auto print = metadata("embeddings.vocabulary", vocabulary_.fingerprint()),
                 layer = metadata("embeddings.layer", layer_name());
      require(print == vocabulary_.fingerprint(), file->name, ": made with another vocabulary than ", loaded_.name,
              "'s (", print, " ≠ ", vocabulary_.fingerprint(), "); make the index with the same model");
      if (layer != layer_name())
        warn(file->name, ": made with layer ", layer, ", the lines' vectors are of layer ", layer_name());
      if (const auto pool = metadata("embeddings.pool", flags_.pool_name); pool != flags_.pool_name)
        warn(file->name, ": made with --pool ", pool, ", the lines' vectors with ", flags_.pool_name);
      for (const auto& b : file->batches)
        blocks.push_back({b.vectors().dtype, b.rows, b.vectors().bytes, b.document.where});
    } else {
      if (embedder_->width() != embedder_->table_width())
        throw UsageError(str("--nearest: the vectors of layer ", layer_name(), " have ", embedder_->width(),
                             " numbers, the embedding table's rows ", embedder_->table_width(),
                             "; give --index FILE with vectors of that layer, or take --static"));
      const auto table = as<TextEncoder>(*loaded_.model).token_embeddings();
      blocks.push_back({DType::F32, loaded_.model->description().vocabularies[0], std::as_bytes(table), loaded_.name});
    }
    const auto text = [&](int64_t row) {
      return field(file ? file->text(row) : vocabulary_.piece(static_cast<int32_t>(row)));
    };
    const auto each = [&](const TextVectors& v) {
      // Lines that pass the index together, and what they find: 32 MiB at most.
      const auto at_once = static_cast<std::size_t>(std::clamp<int64_t>((int64_t{1} << 20) / flags_.nearest, 16, 4096));
      const auto width = static_cast<std::size_t>(v.width), lines = v.texts.size();
      for (std::size_t first = 0; first < lines; first += at_once) {
        const auto n = std::min(at_once, lines - first);
        const auto found =
            nearest(blocks, v.width, std::span(v.vectors).subspan(first * width, n * width), flags_.nearest);
        for (std::size_t i = 0; i < n; ++i) {
          const auto line = lines_ + static_cast<int64_t>(first + i) + 1;
          const auto row = v.row(first + i);
          require(v.texts[first + i].empty() || std::any_of(row.begin(), row.end(), [](float x) { return x != 0; }),
                  "line ", line, ", '", v.texts[first + i], "': its vector is zero and has no neighbours");
          for (std::size_t rank = 0; rank < found[i].size(); ++rank)
            output_.write(
                str(line, '\t', rank + 1, '\t', fixed(found[i][rank].score, 6), '\t', text(found[i][rank].row), '\n'));
        }
      }
    };
    each_batch(each, [&] { output_.flush(); });
  }

  void write_similarity() {
    const auto& path = args_.text("similarity");
    const auto pairs = read_word_pairs(path);
    std::vector<std::vector<int32_t>> words;
    std::vector<std::size_t> known;  // pairs without an unknown piece
    int64_t whole = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto a = vocabulary_.encode(pairs[i].first), b = vocabulary_.encode(pairs[i].second);
      const auto unknown = [&](const std::vector<int32_t>& ids) {
        return ids.empty() || std::find(ids.begin(), ids.end(), vocabulary_.unk_id()) != ids.end();
      };
      if (unknown(a) || unknown(b)) continue;
      whole += a.size() == 1 && b.size() == 1;
      known.push_back(i);
      words.push_back(a);
      words.push_back(b);
    }
    std::vector<double> theirs, ours;
    const std::vector<std::span<const int32_t>> lines(words.begin(), words.end());
    const auto vectors = embed(lines, [&](std::size_t i) { return str(path, ": line ", pairs[known[i / 2]].line); });
    for (std::size_t i = 0; i < known.size(); ++i) {
      const auto& pair = pairs[known[i]];
      const auto a = vectors.row(2 * i), b = vectors.row(2 * i + 1);
      for (const auto& [word, v] : {std::pair(pair.first, a), std::pair(pair.second, b)})
        require(std::any_of(v.begin(), v.end(), [](float x) { return x != 0; }), path, ": line ", pair.line,
                ": the vector of '", word, "' is zero");
      theirs.push_back(pair.score);
      ours.push_back(cosine(a, b));
    }
    const double correlation = spearman(theirs, ours);
    require(!std::isnan(correlation), path, ": ", known.size(), " of ", pairs.size(),
            " pairs have words that the vocabulary can spell; a rank correlation needs two that differ");
    output_.write(str("pairs\t", pairs.size(), "\nfound\t", known.size(), "\nboth words one piece\t", whole,
                      "\nspearman\t", fixed(correlation, 6), '\n'));
  }

  void write_plot() {
    Output picture(args_.text("plot"));  // now, not after the work, is when to find that it cannot be written
    constexpr std::size_t kMostPoints = 20000;
    std::vector<float> vectors;
    std::vector<std::string> texts;
    const auto each = [&](const TextVectors& v) {
      for (std::size_t i = 0; i < v.texts.size(); ++i) {
        if (v.texts[i].empty() && flags_.options.level == Level::line) continue;  // an empty line is no point
        require(texts.size() < kMostPoints, "--plot: more than ", kMostPoints, " points; give fewer lines");
        texts.push_back(field(v.texts[i]));
        vectors.insert(vectors.end(), v.row(i).begin(), v.row(i).end());
      }
    };
    each_batch(each, [] {});
    require(texts.size() >= 2, "--plot: ", texts.size(), " points make no picture; give two lines at least");
    const auto found = pca(vectors, embedder_->width(), 2);
    note("components: ", fixed(100 * found.explained[0], 1), " % and ",
         fixed(found.explained.size() > 1 ? 100 * found.explained[1] : 0, 1), " % of the variance");
    draw(found, texts, picture);
  }

  // points: [texts, 2]
  void draw(const Pca& found, const std::vector<std::string>& texts, Output& picture) const {
    const auto& path = args_.text("plot");
    const auto width = found.explained.size();
    ScatterPlot plot{.title = str(loaded_.name, ", layer ", layer_name()), .labels = texts, .points = {}};
    for (std::size_t i = 0; i < texts.size(); ++i)
      plot.points.push_back({static_cast<float>(found.points[i * width]),
                             static_cast<float>(width > 1 ? found.points[i * width + 1] : 0)});
    for (std::size_t i = 0; i < std::min<std::size_t>(width, 2); ++i) plot.variance_shares[i] = found.explained[i];
    if (path.ends_with(".svg")) picture.write(scatter_svg(plot));
    if (path.ends_with(".html")) picture.write(scatter_page(plot));
    if (path.ends_with(".tsv")) {
      picture.write("x\ty\ttext\n");
      for (std::size_t i = 0; i < texts.size(); ++i)
        picture.write(str(fixed(plot.points[i][0], 6), '\t', fixed(plot.points[i][1], 6), '\t', texts[i], '\n'));
    }
    picture.commit();
  }

  LoadedModel loaded_;
  Args args_;  // with what the model sets
  EmbedFlags flags_;
  Vocabulary vocabulary_;  // the source's
  Output output_;
  ModelDevice device_;
  std::optional<Embedder> embedder_;  // with the device's memory: it goes before it
  int64_t lines_ = 0, tokens_ = 0;
  double start_ = monotonic_seconds();
};

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  auto tool = storm::kEmbedTool;
  for (auto& flag : storm::learn_flags()) tool.flags.push_back(std::move(flag));
  return storm::run_tool(tool, argc, argv, [](const storm::Args& args) {
    if (args.on("learn")) return storm::learn_vectors(args);
    storm::refuse_learning(args);
    storm::embed_flags(args);  // what is wrong in the command line is said before a model is read
    storm::Embed(args).run();
  });
}
