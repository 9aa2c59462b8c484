#include "tools/train/streams.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "data/switched_rows.h"
#include "tasks/ordinary_ids.h"
#include "tasks/recut_rows.h"
#include "tools/train_flags.h"

namespace storm {

namespace {

const std::string& vocabulary_of(const TokenFile& file, const std::string& column) {
  const auto* bytes = file.info().vocabulary(column);
  require(bytes != nullptr, file.name(), ": carries no vocabulary for '", column, "'; make the stream with tokenize");
  return *bytes;
}

// Which columns of the streams are the task's.
std::vector<std::string> columns_of(const Args& args, const TaskKind& task) {
  auto columns = train_flags::words_of(args.text("columns"));
  if (columns.empty()) columns = task.columns;
  if (columns.size() != task.columns.size())
    throw UsageError(str("--columns ", args.text("columns"), ": ", task.name, " has the columns ", joined(task.columns),
                         "; name a column of the stream for each"));
  return columns;
}

// What the old vocabulary cuts the text of a new piece into. The mark of a word's begin does not count where the piece
// begins none.
std::vector<int32_t> cut_before(const Vocabulary& before, const Vocabulary& now, int32_t id) {
  constexpr std::string_view kMark = "\u2581";
  auto cut = before.encode(now.decode(std::span(&id, 1)));
  if (cut.size() > 1 && before.piece(cut[0]) == kMark && !now.marked_piece(id).starts_with(kMark))
    cut.erase(cut.begin());
  return cut;
}

}  // namespace

Streams::Streams(const Args& args, const TaskKind& kind)
    : task(kind), train(args.text("data"), columns_of(args, kind), args.text("columns").empty(), kind.contents) {
  if (args.given("valid"))
    valid.emplace(args.text("valid"), columns_of(args, kind), args.text("columns").empty(), kind.contents);
  for (std::size_t c = 0; c < train.columns().size() - kind.contents.numbers.size(); ++c) {
    const auto& column = train.columns()[c];
    const auto& bytes = vocabulary_of(train, column);
    vocabularies.push_back(Vocabulary::from_bytes(bytes, train.name()));
    if (valid) require_same_vocabulary(train.name(), bytes, vocabulary_of(*valid, column));
  }
}

std::vector<int64_t> Streams::sizes() const {
  std::vector<int64_t> sizes;
  for (const auto& vocabulary : vocabularies) sizes.push_back(vocabulary.size());
  return sizes;
}

std::map<std::string, std::string> Streams::files() const {
  if (std::ranges::all_of(vocabularies, [&](const auto& v) { return v == vocabularies[0]; }))
    return {{"vocab", vocabularies[0].bytes()}};
  std::map<std::string, std::string> files;
  for (std::size_t c = 0; c < vocabularies.size(); ++c) files["vocab." + task.columns[c]] = vocabularies[c].bytes();
  return files;
}

void Streams::require_same(const LoadedModel& loaded) const {
  for (std::size_t c = 0; c < vocabularies.size(); ++c)
    require_same_vocabulary(loaded.name, loaded.vocabulary(task.columns[c]), vocabularies[c].bytes());
}

std::vector<GrownVocabulary> Streams::grown_from(const LoadedModel& loaded) const {
  std::vector<GrownVocabulary> grown;
  bool any = false;
  // A model's encoder has one vocabulary, whatever column its own task reads it from; labels are the head's.
  const auto& first = task_kind(task_of(loaded.model->config())).columns[0];
  for (std::size_t c = 0; c < (task.texts > 0 ? task.texts : vocabularies.size()); ++c) {
    const auto& bytes = loaded.vocabulary(task.texts > 0 ? first : task.columns[c]);
    const Vocabulary& now = vocabularies[c];
    const auto before = now.bytes() == bytes ? now : Vocabulary::from_bytes(bytes, loaded.name);
    auto& growth = grown.emplace_back(GrownVocabulary{before.size(), {}});
    if (now.bytes() == bytes) continue;
    if (now.size() == before.size() || !now.extends(before)) require_same_vocabulary(loaded.name, bytes, now.bytes());
    for (auto id = before.size(); id < now.size(); ++id) {
      growth.cuts.push_back(cut_before(before, now, id));
      require(!growth.cuts.back().empty(), train.name(), ": the new piece '", now.piece(id),
              "' was no text to the vocabulary of ", loaded.name);
    }
    note(growth.cuts.size(), " pieces of ", task.columns[c],
         " are new: each begins as the mean of what it was cut into");
    any = true;
  }
  return any ? grown : std::vector<GrownVocabulary>();
}

void Streams::index() {
  for (TokenFile* file : {&train, valid ? &*valid : nullptr}) {
    if (!file) continue;
    file->index(sizes());
    require(file->size() > 0, file->name(), ": holds no ", task.rows);
  }
}

void Streams::cut(const Task& made, const TrainSettings& settings) {
  train_rows = made.rows(train, settings.text, settings.seed);
  // Each of these reads the rows of the one before it.
  const auto over = [&](auto make) {
    auto made_of = make(rows());
    if (train_rows) whole_rows.push_back(std::move(train_rows));
    train_rows = std::move(made_of);
  };
  if (settings.bpe_dropout > 0) {
    if (!task.recuts)
      throw UsageError(str("--bpe-dropout: ", task.name,
                           " counts pieces, so that it cannot cut words anew; leave it out, or give it to tokenize"));
    over([&](const RowSource& whole) {
      return std::make_unique<RecutRows>(whole, vocabularies, settings.bpe_dropout, settings.seed, train.name());
    });
  }
  if ((settings.switch_out > 0 || settings.word_dropout > 0) && task.noised == 0)
    throw UsageError(str("--", settings.switch_out > 0 ? "switchout" : "word-dropout", ": ", task.name,
                         " has no words that may become others; leave it out"));
  if (settings.switch_out > 0) {
    std::vector<std::vector<bool>> ordinary;
    for (std::size_t c = 0; c < task.noised; ++c) ordinary.push_back(ordinary_ids(vocabularies[c]));
    over([&](const RowSource& whole) {
      return std::make_unique<SwitchedRows>(whole, ordinary, settings.switch_out, settings.seed);
    });
  }
  if (settings.word_dropout > 0) {
    word_dropout = WordDropout{.rate = settings.word_dropout};
    for (std::size_t c = 0; c < task.noised; ++c) {
      word_dropout->inputs.push_back({ordinary_ids(vocabularies[c]), vocabularies[c].unk_id()});
      require(vocabularies[c].unk_id() >= 0, train.name(),
              ": --word-dropout puts the unknown piece in the place of others, which its vocabulary lacks");
    }
  }
  if (valid) valid_rows = made.rows(*valid, settings.text, {});
  blocks = task.running_text && settings.text.block > 0;
}

std::unique_ptr<Measures> Streams::measures(const Task& made, std::span<const std::string> names,
                                            const DecodeOptions& options) const {
  return valid_rows ? made.row_measures(*valid_rows, *valid, names, options) : made.measures(*valid, names, options);
}

std::string Streams::row_name() const { return blocks ? "blocks" : task.rows; }

void require_rows(const BatchSource& batches, const TokenFile& file, const std::string& rows, const std::string& whose,
                  const char* fate) {
  std::string limits;
  for (const Side& side : batches.sides()) limits += str(limits.empty() ? "" : " and ", side.longest);
  if (batches.dropped() > 0)
    note(batches.dropped(), " of ", file.size(), " ", rows, whose, " are longer than ", limits, " tokens: ", fate);
  require(batches.rows() > 0, file.name(), ": none of its ", rows, " fits --max-tokens ", batches.max_tokens(),
          " and the model's longest sentence");
}

}  // namespace storm
