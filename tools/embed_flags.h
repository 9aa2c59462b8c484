// embed's flags, and what they ask for.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "base/dtype.h"
#include "base/error.h"
#include "base/number.h"
#include "base/split.h"
#include "data/batch.h"
#include "inspect/embedder.h"
#include "tools/cli.h"

namespace storm {

inline const Tool kEmbedTool{
    "embed",
    "vectors of pieces, words and sentences from a model's encoder, their neighbours, and how well they agree with "
    "people",
    R"(  embed --learn --dim 300 -o vectors.st corpus.txt                                (word2vec's skip-gram)
  tokenize -m model.st < x.en | embed -m model.st > pieces.st                    (the last layer, a row each piece)
  tokenize -m model.st < x.en | embed -m model.st --pool mean --normalize -o sentences.st
  tokenize -m model.st < x.en | embed -m model.st --layer 2 --level word --dtype bf16 > words.st
  tokenize -m model.st < words.txt | embed -m model.st --static --nearest 10      (line, rank, cosine, text)
  tokenize -m model.st < x.en | embed -m model.st --nearest 5 --index sentences.st
  embed -m model.st --static --similarity EN-WS-353-ALL.txt                       (Spearman's rank correlation)
  tokenize -m model.st < words.txt | embed -m model.st --static --level word --plot words.svg
  embed -m model.st --vocab --format text -o vectors.txt                          (word2vec's format)
)",
    kThreads | kDevice,
    {{"m,model", "MODEL", "", "the model, as train writes it"},
     {"o,save", "FILE", "-", "where the stream or the text goes"},
     {"layer", "L", "last", "0: embeddings and positions; 1, 2, ...: after that layer of the encoder"},
     {"mix", "W0,W1,...", "", "the layers' states added up, each times its weight, layer 0 first"},
     {"static", "", "", "rows of the embedding table, without any pass"},
     {"level", "LEVEL", "piece", "a vector for each piece or word"},
     {"word-pool", "HOW", "mean", "with --level word: mean of its pieces, or first"},
     {"pool", "HOW", "none",
      "a vector for each line, of its pieces without EOS, but with BERT's [CLS] and [SEP]: mean, max, cls (the first "
      "piece's), last; or pooler, BERT's own; an imported model may set another default"},
     {"normalize", "[yes|no]", "no", "vectors of length 1"},
     {"dtype", "TYPE", "f32", "of the stream: f32, bf16 or f16"},
     {"max-tokens", "N", "1024", "tokens of a batch, EOS included"},
     {"nearest", "K", "", "print each line's K nearest rows by cosine, of the embedding table or of --index"},
     {"index", "FILE", "", "with --nearest: an embeddings stream, which is mapped"},
     {"similarity", "FILE", "", "agreement with pairs of words: word TAB word TAB score"},
     {"plot", "FILE", "", "the two principal components: a picture (.svg, .html) or numbers (.tsv)"},
     {"vocab", "", "", "export the embedding table as word2vec does"},
     {"format", "FORMAT", "text", "with --vocab: text or binary"}},
    "FILE...: with --learn, text or one token stream (none: standard input)"};

enum class EmbedMode : uint8_t { stream, nearest, similarity, plot, vocab };

struct EmbedFlags {
  EmbedMode mode = EmbedMode::stream;
  EmbedOptions options;  // but for the layer, if it is the last
  bool last_layer = false;
  std::string pool_name;  // as --pool or --word-pool has it
  DType dtype = DType::F32;
  int64_t max_tokens = 0, nearest = 0;
};

// Throws UsageError for what does not go together.
inline EmbedFlags embed_flags(const Args& args) {
  EmbedFlags f;
  const auto only = [&](const char* flag, bool has_meaning, const char* with) {
    if (args.given(flag) && !has_meaning) throw UsageError(str("--", flag, " has no meaning ", with));
  };
  int modes = 0;
  const auto choose = [&](const char* flag, EmbedMode mode) {
    if (!args.given(flag)) return;
    f.mode = mode;
    if (++modes > 1) throw UsageError("give one of --nearest, --similarity, --plot, --vocab");
  };
  choose("nearest", EmbedMode::nearest);
  choose("similarity", EmbedMode::similarity);
  choose("plot", EmbedMode::plot);
  choose("vocab", EmbedMode::vocab);
  const bool table = f.mode == EmbedMode::vocab;
  const bool lines_only = f.mode == EmbedMode::nearest || f.mode == EmbedMode::similarity;
  for (const char* flag : {"layer", "mix", "static", "level", "pool", "normalize", "max-tokens"})
    only(flag, !table, "with --vocab, which exports the table");
  only("layer", !args.on("static"), "with --static");
  only("mix", !args.on("static") && !args.given("layer"), "with --layer or --static");
  only("index", f.mode == EmbedMode::nearest, "without --nearest");
  only("format", table, "without --vocab");
  only("save", f.mode != EmbedMode::plot, "with --plot, which names its file");
  only("dtype", f.mode == EmbedMode::stream, "where no stream is written");
  only("level", !lines_only, "where each line or word has one vector; see --pool");
  const auto pool = args.choice("pool", {"none", "mean", "max", "cls", "last", "pooler"});
  const auto level = args.choice("level", {"piece", "word"});
  only("level", pool == "none", "with --pool, which gives one vector a line");
  only("word-pool", pool == "none" && level == "word" && !lines_only, "without --level word");
  const auto word_pool = args.choice("word-pool", {"mean", "first"});

  EmbedOptions& o = f.options;
  if (pool != "none" || lines_only) {
    o.level = Level::line;
    f.pool_name = pool == "none" ? "mean" : pool;
  } else if (level == "word") {
    o.level = Level::word;
    f.pool_name = word_pool;
  } else {
    f.pool_name = "none";
  }
  o.pool = f.pool_name == "max"      ? Pool::max
           : f.pool_name == "mean"   ? Pool::mean
           : f.pool_name == "last"   ? Pool::last
           : f.pool_name == "pooler" ? Pool::pooler
                                     : Pool::first;
  o.normalize = args.on("normalize");
  f.last_layer = !args.on("static") && args.text("layer") == "last";
  if (!args.on("static") && !f.last_layer) o.layer = args.integer("layer", 0, INT32_MAX);
  if (args.given("mix"))
    for (const auto& field : split_at_commas(args.text("mix"))) {
      const auto weight = parse_number<float>(field);
      if (!weight || !std::isfinite(*weight))
        throw UsageError(str("--mix: '", field, "' is no number; write a weight for each layer, 0.2,0.5,0.3"));
      o.mix.push_back(*weight);
    }
  const auto dtype = args.choice("dtype", {"f32", "bf16", "f16"});
  f.dtype = dtype == "f32" ? DType::F32 : dtype == "bf16" ? DType::BF16 : DType::F16;
  f.max_tokens = args.integer("max-tokens", 1, kMostTokens);
  if (f.mode == EmbedMode::nearest) f.nearest = args.integer("nearest", 1, 10000);
  const auto& plot = args.text("plot");
  if (args.given("plot") && !plot.ends_with(".svg") && !plot.ends_with(".html") && !plot.ends_with(".tsv"))
    throw UsageError(str("--plot: '", plot, "' ends with none of .svg, .html, .tsv"));
  args.choice("format", {"text", "binary"});
  return f;
}

}  // namespace storm
