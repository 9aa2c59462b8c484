// embed's flags, and what they ask for.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/number.h"
#include "base/split.h"
#include "data/batch.h"
#include "inspect/embedder.h"
#include "tools/cli.h"
#include "vectors/expression.h"
#include "vectors/nearest_to_sums.h"
#include "vectors/word2vec.h"

namespace storm {

inline const Tool kEmbedTool{
    "embed",
    "vectors of pieces, words and sentences, of a model's encoder or of a table of word vectors: their neighbours, "
    "what "
    "they know, and how well they agree with people",
    R"(  tokenize -m model.st < x.en | embed -m model.st > pieces.st                    (the last layer, a row each piece)
  tokenize -m model.st < x.en | embed -m model.st --pool mean --normalize -o sentences.st
  tokenize -m model.st < x.en | embed -m model.st --layer 2 --level word --dtype bf16 > words.st
  tokenize -m model.st < words.txt | embed -m model.st --static --nearest 10      (line, rank, cosine, text)
  tokenize -m model.st < x.en | embed -m model.st --nearest 5 --index sentences.st
  embed -m model.st --static --similarity EN-WS-353-ALL.txt                       (Spearman's rank correlation)
  tokenize -m model.st < words.txt | embed -m model.st --static --level word --plot words.svg
  embed -m model.st --vocab --format text -o vectors.txt                          (word2vec's format)
  embed --learn --dim 300 -o vectors.st corpus.txt                                (word2vec's skip-gram)
  echo king | embed -m vectors.st --nearest 10                                    (of word vectors: plain text)
  embed -m vectors.st --analogy questions-words.txt                               (as gensim and word2vec count)
  embed -m vectors.st --arithmetic "king - man + woman"
  embed -m en.st --align de.st --dictionary en-de.tsv -o en-in-de.st              (then --nearest with --index de.st)
)",
    kThreads | kDevice,
    {{"m,model", "MODEL", "", "a model, as train writes it, or a stream of word vectors"},
     {"o,save", "FILE", "-", "where the stream or the text goes"},
     {"static", "", "", "rows of the embedding table, without any pass; all that word vectors have"},
     {"level", "LEVEL", "piece", "a vector for each piece or word", "Vectors of texts"},
     {"pool", "HOW", "none",
      "a vector for each line, of its pieces without EOS, but with BERT's [CLS] and [SEP]: mean, max, cls (the first "
      "piece's), last; or pooler, BERT's own; an imported model may set another default"},
     {"normalize", "[yes|no]", "no", "vectors of length 1"},
     {"dtype", "TYPE", "f32", "of the stream: f32, bf16 or f16"},
     {"layer", "L", "last", "0: embeddings and positions; 1, 2, ...: after that layer of the encoder",
      "Vectors of a model"},
     {"mix", "W0,W1,...", "", "the layers' states added up, each times its weight, layer 0 first"},
     {"word-pool", "HOW", "mean", "with --level word: mean of its pieces, or first"},
     {"max-tokens", "N", "1024", "tokens of a batch, EOS included"},
     {"spread", "", "",
      "under mpirun: the first process's files are sent to the others, which keep copies in $TMPDIR while they run"},
     {"precision", "KIND", "f32",
      "what products' operands are rounded to: f32 (not at all), bf16 or int8, whole numbers with a scale a row"},
     {"nearest", "K", "", "print each line's K nearest rows by cosine, of the table or of --index", "Questions"},
     {"index", "FILE", "", "with --nearest: an embeddings stream, which is mapped"},
     {"arithmetic", "SUM", "", "the rows nearest to a sum of words, 10 or --nearest K: \"king - man + 0.5*woman\""},
     {"odd-one-out", "", "", "of each line's words, the one that does not go with the others"},
     {"plot", "FILE", "", "the two principal components: a picture (.svg, .html) or numbers (.tsv)"},
     {"similarity", "FILE...", "", "agreement with pairs of words: word TAB word TAB score", "Evaluation"},
     {"analogy", "FILE...", "", "questions as questions-words.txt has them, counted as gensim and word2vec do"},
     {"score", "HOW", "cosadd", "of --analogy and --arithmetic: cosadd or cosmul (Levy and Goldberg 2014)"},
     {"most-frequent", "N", "300000",
      "of --analogy, and of --similarity of word vectors: the first N words alone; 0: all"},
     {"vocab", "", "", "export the table as word2vec does", "The table"},
     {"format", "FORMAT", "text", "with --vocab: text, binary, or fasttext (.vec)"},
     {"align", "OTHER", "", "turn the words' space into that of OTHER's word vectors, and write it to -o"},
     {"dictionary", "FILE", "", "with --align: pairs to learn from, word TAB its translation in OTHER"},
     {"test-dictionary", "FILE", "", "with --align: other pairs, to say how often a translation is found"}},
    "[FILE...]: with --learn, text or one token stream (none: standard input)"};

enum class EmbedMode : uint8_t { stream, nearest, arithmetic, odd_one_out, plot, similarity, analogy, vocab, align };

struct EmbedFlags {
  EmbedMode mode = EmbedMode::stream;
  std::string mode_flag;  // the flag that asks for it; empty: none
  EmbedOptions options;   // but for the layer, if it is the last
  bool last_layer = false;
  std::string pool_name;  // as --pool or --word-pool has it
  DType dtype = DType::F32;
  int64_t max_tokens = 0, nearest = 0;
  int64_t most_frequent = 0;
  SumScore score = SumScore::cosadd;
  Word2vecFormat format = Word2vecFormat::text;
  std::vector<WeightedWord> sum;   // of --arithmetic
  std::vector<std::string> files;  // of --similarity or --analogy

  // Whether it is words of the table that are asked, and no texts.
  bool asks_words() const {
    return mode == EmbedMode::arithmetic || mode == EmbedMode::odd_one_out || mode == EmbedMode::analogy;
  }
};

// The mode, from the one flag that asks for it. --nearest is one, too, but for --arithmetic a number.
inline void choose_mode(const Args& args, EmbedFlags& f) {
  constexpr std::pair<const char*, EmbedMode> kModes[] = {{"nearest", EmbedMode::nearest},
                                                          {"arithmetic", EmbedMode::arithmetic},
                                                          {"odd-one-out", EmbedMode::odd_one_out},
                                                          {"plot", EmbedMode::plot},
                                                          {"similarity", EmbedMode::similarity},
                                                          {"analogy", EmbedMode::analogy},
                                                          {"vocab", EmbedMode::vocab},
                                                          {"align", EmbedMode::align}};
  for (const auto& [flag, mode] : kModes) {
    if (!args.given(flag) || (mode == EmbedMode::nearest && args.given("arithmetic"))) continue;
    if (!f.mode_flag.empty())
      throw UsageError(
          "give one of --nearest, --arithmetic, --odd-one-out, --plot, --similarity, --analogy, --vocab, --align");
    f.mode = mode;
    f.mode_flag = flag;
  }
}

// How vectors of texts are made. Throws UsageError for what does not go together.
inline void read_options(const Args& args, EmbedFlags& f, bool one_each) {
  const auto pool = args.choice("pool", {"none", "mean", "max", "cls", "last", "pooler"});
  const auto level = args.choice("level", {"piece", "word"});
  if (args.given("level") && pool != "none")
    throw UsageError("--level has no meaning with --pool, which gives one vector a line");
  if (args.given("word-pool") && (pool != "none" || level != "word" || one_each))
    throw UsageError("--word-pool has no meaning without --level word");
  const auto word_pool = args.choice("word-pool", {"mean", "first"});

  EmbedOptions& o = f.options;
  if (pool != "none" || one_each) {
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
}

// What --arithmetic adds up.
inline std::vector<WeightedWord> sum_of(const Args& args, SumScore score) {
  std::vector<WeightedWord> sum;
  try {
    sum = parse_expression(args.text("arithmetic"));
  } catch (const Error& e) {
    throw UsageError(str("--arithmetic: ", e.what()));
  }
  for (const auto& term : sum)
    if (score == SumScore::cosmul && std::abs(term.weight) != 1)
      throw UsageError(str("--score cosmul weighs no words; leave the weight of '", term.word, "' out"));
  return sum;
}

// Throws UsageError for what does not go together.
inline EmbedFlags embed_flags(const Args& args) {
  EmbedFlags f;
  choose_mode(args, f);
  const auto is = [&](auto... modes) { return ((f.mode == modes) || ...); };
  const auto only = [&](const char* flag, bool has_meaning, const std::string& with) {
    if (args.given(flag) && !has_meaning) throw UsageError(str("--", flag, " has no meaning ", with));
  };
  for (const char* flag : {"layer", "mix", "static", "level", "pool", "normalize", "max-tokens"})
    only(flag, !is(EmbedMode::vocab), "with --vocab, which exports the table");
  for (const char* flag :
       {"layer", "mix", "level", "pool", "word-pool", "normalize", "max-tokens", "precision", "device"})
    only(flag, !f.asks_words() && !is(EmbedMode::align), "with --" + f.mode_flag + ", which asks words of the table");
  only("layer", !args.on("static"), "with --static");
  only("mix", !args.on("static") && !args.given("layer"), "with --layer or --static");
  only("index", is(EmbedMode::nearest), "without --nearest");
  only("format", is(EmbedMode::vocab), "without --vocab");
  only("score", is(EmbedMode::analogy, EmbedMode::arithmetic), "without --analogy or --arithmetic");
  only("most-frequent", is(EmbedMode::analogy, EmbedMode::similarity), "without --analogy or --similarity");
  only("dictionary", is(EmbedMode::align), "without --align");
  only("test-dictionary", is(EmbedMode::align), "without --align");
  only("save", !is(EmbedMode::plot), "with --plot, which names its file");
  only("dtype", is(EmbedMode::stream, EmbedMode::align), "where no stream is written");
  const bool one_each = is(EmbedMode::nearest, EmbedMode::similarity);
  only("level", !one_each, "where each line or word has one vector; see --pool");
  if (is(EmbedMode::align) && !args.given("dictionary"))
    throw UsageError("--align needs --dictionary FILE: which words are translations of one another?");
  if (is(EmbedMode::align) && args.given("save") && args.text("save") == "-")
    throw UsageError("--align prints figures on standard output; write the stream to a file with -o");
  read_options(args, f, one_each);

  const auto dtype = args.choice("dtype", {"f32", "bf16", "f16"});
  f.dtype = dtype == "f32" ? DType::F32 : dtype == "bf16" ? DType::BF16 : DType::F16;
  f.max_tokens = args.integer("max-tokens", 1, kMostTokens);
  f.nearest = args.given("nearest") ? args.integer("nearest", 1, 10000) : 10;
  f.score = args.choice("score", {"cosadd", "cosmul"}) == "cosadd" ? SumScore::cosadd : SumScore::cosmul;
  if (is(EmbedMode::arithmetic)) f.sum = sum_of(args, f.score);
  f.most_frequent = args.integer("most-frequent", 0, INT32_MAX);
  if (f.most_frequent == 0) f.most_frequent = std::numeric_limits<int64_t>::max();
  const auto format = args.choice("format", {"text", "binary", "fasttext"});
  f.format = format == "text"     ? Word2vecFormat::text
             : format == "binary" ? Word2vecFormat::binary
                                  : Word2vecFormat::fasttext;
  const auto& plot = args.text("plot");
  if (is(EmbedMode::plot) && !plot.ends_with(".svg") && !plot.ends_with(".html") && !plot.ends_with(".tsv"))
    throw UsageError(str("--plot: '", plot, "' ends with none of .svg, .html, .tsv"));
  if (is(EmbedMode::similarity, EmbedMode::analogy)) {
    f.files = args.texts(f.mode_flag);
    f.files.insert(f.files.end(), args.operands().begin(), args.operands().end());
  } else if (!args.operands().empty()) {
    throw UsageError(str("unexpected operand '", args.operands()[0], "'; see embed --help"));
  }
  return f;
}

}  // namespace storm
