// Text to token streams and back, and the learning of vocabularies.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/output.h"
#include "stream/tokens.h"
#include "text/rows.h"
#include "tools/cli.h"
#include "tools/model_defaults.h"
#include "tools/tokenize_learn.h"

namespace storm {
namespace {

// Somebody may be waiting for each row, unless the rows go to a file.
bool is_live(const std::string& path) {
  struct stat info {};
  return path == "-" ? ::fstat(STDOUT_FILENO, &info) != 0 || !S_ISREG(info.st_mode)
                     : ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

struct Column {
  std::string name, model;
  bool is_number = false;
};

// NAME, or NAME:number of a column that has no model.
Column column_of(const std::string& part, const std::string& model, std::string_view flag) {
  const auto colon = part.find(':');
  if (colon == part.npos) return {part, model};
  if (colon == 0 || part.substr(colon) != ":number")
    throw UsageError(str("--", flag, ": '", part, "' is neither a column's NAME nor NAME:number"));
  return {part.substr(0, colon), "", true};
}

// Whether -m names one for all columns, and not COLUMN=MODEL,....
bool is_one_model(const std::string& text) {
  std::error_code ignored;
  return text.find('=') == text.npos || std::filesystem::exists(text, ignored);
}

// "-m MODEL --columns src,tgt,score:number" or "-m src=A,tgt=B,score:number".
std::vector<Column> columns_of(const Args& args) {
  const auto& text = args.text("model");
  std::vector<Column> columns;
  if (is_one_model(text)) {
    for (const auto& name : split_names(args.text("columns"), "columns"))
      columns.push_back(column_of(name, text, "columns"));
    const bool all_numbers = std::ranges::all_of(columns, &Column::is_number);
    if (!args.given("model") && !all_numbers) throw UsageError("give -m MODEL, or --learn or -d; see tokenize --help");
    if (args.given("model") && all_numbers) throw UsageError("--model has no meaning where all columns are numbers");
  } else {
    if (args.given("columns")) throw UsageError("--columns: -m already names the columns");
    for (const auto& part : split_names(text, "model")) {
      const auto equal = part.find('=');
      if (equal == part.npos && part.find(':') != part.npos) {
        columns.push_back(column_of(part, "", "model"));
        continue;
      }
      if (equal == 0 || equal == part.npos || equal + 1 == part.size())
        throw UsageError(str("--model: '", part, "' is not COLUMN=MODEL"));
      columns.push_back({part.substr(0, equal), part.substr(equal + 1)});
    }
  }
  for (auto it = columns.begin(); it != columns.end(); ++it)
    if (std::any_of(columns.begin(), it, [&](const Column& c) { return c.name == it->name; }))
      throw UsageError(str("two columns '", it->name, "'"));
  return columns;
}

RowRule rule(const Args& args, std::string_view flag, const std::vector<std::string>& words, RowRule preset) {
  if (!args.given(flag)) return preset;
  const auto word = args.choice(flag, words);
  return word == "keep"   ? RowRule::keep
         : word == "drop" ? RowRule::drop
         : word == "cut"  ? RowRule::cut
                          : RowRule::refuse;
}

void report(const RowCounts& counts, const EncodeOptions& options, const Args& args) {
  const bool pairs = options.columns.size() > 1;
  const auto verb = [](RowRule r) { return r == RowRule::drop ? "dropped" : r == RowRule::cut ? "cut" : "kept"; };
  if (pairs && counts.empty)
    note(counts.empty, " of ", counts.lines, " lines are empty on one side: ", verb(options.empty));
  else if (counts.empty && options.empty == RowRule::drop)
    note(counts.empty, " of ", counts.lines, " lines are empty: dropped");
  if (counts.uneven) note(counts.uneven, " of ", counts.lines, " lines have another count of columns: dropped");
  if (counts.too_long)
    note(counts.too_long, " of ", counts.lines, " lines are longer than ", options.max_length,
         " tokens: ", verb(options.too_long));
  if (counts.invalid) note(counts.invalid, " of ", counts.lines, " lines were not valid UTF-8: mended with U+FFFD");
  args.stat("lines", static_cast<double>(counts.lines));
  args.stat("rows", static_cast<double>(counts.lines - counts.dropped));
  args.stat("tokens", static_cast<double>(counts.tokens));
}

// The command line with what a model sets of it: which columns its task asks about, whether it looks at where pieces
// stand, and how long its texts are.
Args with_model(const Args& args, const std::string& model) {
  return with_defaults_of_file(args, model, "tokenize", {"max-length", "columns", "offsets"});
}

void encode(const Args& given) {
  const bool one_model = is_one_model(given.text("model"));
  const Args args = one_model ? with_model(given, given.text("model")) : given;
  EncodeOptions options;
  const auto form = args.choice("output", {"stream", "pieces", "ids"});
  if (form != "stream") options.form = form == "ids" ? EncodeOptions::Form::ids : EncodeOptions::Form::pieces;
  const auto columns = columns_of(args);
  const bool text = form != "stream", pairs = columns.size() > 1;
  if (given.given("max-length") || !text) options.max_length = given.integer("max-length", 0, INT64_MAX);
  if (!given.given("max-length") && !text)  // models whose texts are shorter say so
    for (const auto& column : columns) {
      const auto own = one_model ? args : with_model(given, column.model);
      options.max_length = std::min(options.max_length, own.integer("max-length", 1, INT64_MAX));
    }
  options.too_long =
      rule(args, "long", {"keep", "drop", "cut", "refuse"}, pairs && !text ? RowRule::drop : RowRule::cut);
  options.empty = rule(args, "empty", {"keep", "drop", "refuse"}, pairs && !text ? RowRule::drop : RowRule::keep);
  options.uneven = rule(args, "uneven", {"refuse", "drop"}, RowRule::refuse);
  options.replace_invalid = args.on("replace-invalid");
  options.bpe_dropout = args.real("bpe-dropout", 0, 1);
  if (args.given("seed") && options.bpe_dropout == 0)
    throw UsageError("--seed has no meaning with --model, but for --bpe-dropout");
  options.seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  options.offsets = args.on("offsets") && (given.given("offsets") || !text);  // what a model sets is for streams
  if (options.offsets && text) throw UsageError("--offsets goes into a stream; leave --output out");
  if (options.offsets && options.bpe_dropout > 0) throw UsageError("--offsets has no meaning with --bpe-dropout");
  std::optional<bool> uncased;
  if (args.given("uncased")) uncased = args.choice("uncased", {"yes", "no"}) == "yes";
  TokenInfo info{{}, {{kCommandKey, args.command()}}, {}};
  for (const auto& [name, model, is_number] : columns) {
    options.columns.push_back(name);
    auto& vocabulary = options.vocabularies.emplace_back();
    if (is_number)
      info.numbers.insert(name);
    else
      info.vocabularies["vocab." + name] = vocabulary.emplace(Vocabulary::load(model, name, uncased)).bytes();
  }
  info.columns = options.columns;
  const auto& all = info.vocabularies;
  if (std::ranges::all_of(all, [&](const auto& v) { return v.second == all.begin()->second; }) && !all.empty())
    info.vocabularies = {{"vocab", all.begin()->second}};

  const auto path = args.text("save");
  Output output(path);
  const bool live = is_live(path);
  RowEncoder encoder(options);
  LineReader reader(args.operands());
  LineBlock block;
  if (text) {
    while (reader.next(block, live)) {
      encoder.write(block, output);
      if (live) output.flush();
    }
  } else {
    refuse_terminal(output);
    TokenWriter writer(output, info);
    while (reader.next(block, live)) {
      encoder.write(block, writer);
      if (live) writer.flush();
    }
    writer.finish();
  }
  output.commit();
  report(encoder.counts(), options, args);
}

// rows, sentences: those of the inputs before, to which this one's are added.
void decode_one(const std::string& input, const Args& args, Output& output, int64_t& rows, int64_t& sentences) {
  TokenReader reader(input);
  reader.number_from(sentences);
  auto columns = reader.info().columns;
  if (args.given("column")) {
    require(reader.info().has(args.text("column")), reader.name(), ": has no column '", args.text("column"), "'");
    columns = {args.text("column")};
  }
  std::vector<std::optional<Vocabulary>> vocabularies;
  for (const auto& name : columns) {
    if (reader.info().numbers.contains(name)) {
      vocabularies.emplace_back();
      continue;
    }
    const auto* bytes = reader.info().vocabulary(name);
    require(bytes || args.given("model"), reader.name(), ": carries no vocabulary for column '", name,
            "'; give -m MODEL");
    vocabularies.push_back(args.given("model") ? Vocabulary::load(args.text("model"), name)
                                               : Vocabulary::from_bytes(*bytes, reader.name()));
    if (bytes && args.given("model")) require_same_vocabulary(args.text("model"), vocabularies.back()->bytes(), *bytes);
    reader.limit(name, vocabularies.back()->size());
  }
  const auto spans = reader.info().metadata.find(kSpansKey);
  while (auto batch = reader.next()) {
    std::vector<TokenColumn> wanted;
    for (const auto& column : batch->columns)
      if (std::ranges::find(columns, column.name) != columns.end()) wanted.push_back(column);
    batch->columns = wanted;
    write_text(*batch, vocabularies, spans == reader.info().metadata.end() ? "" : spans->second, output);
    rows += batch->size();
    if (reader.would_block()) output.flush();
  }
  sentences = reader.sentences();
}

void decode(const Args& args) {
  Output output(args.text("save"));
  int64_t rows = 0, sentences = 0;
  if (args.operands().empty()) decode_one("-", args, output, rows, sentences);
  for (const auto& input : args.operands()) decode_one(input, args, output, rows, sentences);
  output.commit();
  args.stat("lines", static_cast<double>(rows));
}

const Tool tool{
    "tokenize",
    "text to token streams and back, with SentencePiece or lists of words",
    R"(  tokenize --learn --vocab-size 8000 -o spm.model train.en train.de
  paste train.en train.de | tokenize -m spm.model --columns src,tgt > train.st
  tokenize -m model.st < test.en | decode -m model.st | tokenize -d
  tokenize -m spm.model --output pieces < test.en
  tokenize --learn --type list -o words.list wiki.train.txt
  cut -f2 train.tsv | tokenize --learn --type labels -o labels.list
  tokenize -m text=spm.model,label=labels.list train.tsv > train.st
  tokenize -m spm.model --columns text,score:number scored.tsv > scored.st
)",
    kThreads | kSeed,
    {{"m,model", "MODEL", "",
      "a SentencePiece model, a tokenizer.json, a list, vocab.txt, vocab.json+merges.txt, source.spm+vocab.json, any "
      "stream that carries one, or COLUMN=MODEL,..."},
     {"uncased", "yes|no", "",
      "text is lower-cased and loses its accents: of vocab.txt, which does not say it, and of --type wordpiece (yes)"},
     {"columns", "NAMES", "src",
      "what the TAB-separated columns of a line are called: src,tgt; NAME:number holds numbers"},
     {"max-length", "N", "4096", "tokens that a row may have in a column (0: no limit, as for --output pieces|ids)"},
     {"long", "RULE", "", "longer rows: keep, drop (default for pairs), cut (default for one column), refuse"},
     {"empty", "RULE", "", "rows with an empty column: keep (default for one column), drop (for pairs), refuse"},
     {"uneven", "RULE", "refuse", "lines with another count of columns: refuse or drop"},
     {"offsets", "[yes|no]", "no", "the stream says where each piece stands in its line, and holds the line"},
     {"replace-invalid", "", "", "U+FFFD for bytes that are not valid UTF-8, instead of an error"},
     {"bpe-dropout", "RATE", "0", "pass over merges at this rate, for training data: 0.1 (Provilkov et al. 2020)"},
     {"output", "FORM", "stream", "stream, pieces or ids (as spm_encode prints them)"},
     {"d,decode", "", "", "the text of a token stream; decode's scores as i ||| text ||| score"},
     {"column", "NAME", "", "with -d: only this column"},
     {"learn", "", "", "learn a vocabulary; of SentencePiece and lists pad is 0, unk 1, bos 2, eos 3"},
     {"vocab-size", "N", "",
      "with --learn: how many pieces; with --type list: the most frequent N, 4 special ones included"},
     {"type", "TYPE", "bpe",
      "with --learn: bpe, unigram, char, word; wordpiece and byte-bpe, as BERT's and GPT-2's; list: all words as they "
      "are; labels: without special ones"},
     {"symbols", "LIST", "", "with --learn: user-defined symbols, always one piece: <a>,<b>"},
     {"symbols-file", "FILE", "",
      "the same, one a line; a line that begins with a space is a word with the space before it"},
     {"extend", "MODEL", "",
      "with --learn: this vocabulary with the symbols as pieces behind its own, which keep their ids"},
     {"max-sentence-length", "N", "4192", "with --learn: longer lines, in bytes, are left out"},
     {"character-coverage", "P", "0.9995",
      "with --learn: share of the characters that get their own piece (wordpiece: 1)"},
     {"no-byte-fallback", "", "", "with --learn: other characters become unk, instead of bytes"},
     {"no-normalize", "", "", "with --learn: text as it is, instead of NFKC and single spaces"},
     {"sample", "N", "10000000", "with --learn: from a uniform sample of N lines (0: from all)"},
     {"verbose", "", "", "with --learn: show SentencePiece's own log"},
     {"o,save", "FILE", "-", "where the output goes; it appears when complete"}},
    "FILE... (none, or -: standard input)",
};

void run(const Args& args) {
  const std::vector<std::string> learning{
      "max-sentence-length", "vocab-size",       "type",         "symbols", "symbols-file", "extend",
      "character-coverage",  "no-byte-fallback", "no-normalize", "sample",  "verbose"};
  const std::vector<std::string> encoding{"columns", "max-length", "long",        "empty",
                                          "uneven",  "output",     "bpe-dropout", "offsets"};
  if (args.on("learn")) {
    refuse_flags(args, "--learn", {"model", "decode", "column"});
    refuse_flags(args, "--learn", encoding);
    return learn(args);
  }
  refuse_flags(args, args.on("decode") ? "--decode" : "--model", learning);
  if (args.on("decode")) {
    refuse_flags(args, "--decode", encoding);
    refuse_flags(args, "--decode", {"replace-invalid", "seed", "uncased"});
    return decode(args);
  }
  refuse_flags(args, "--model", {"column"});
  encode(args);
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) { return storm::run_tool(storm::tool, argc, argv, storm::run); }
