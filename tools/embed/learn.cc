#include "tools/embed/learn.h"

#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/input.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "base/signals.h"
#include "base/split.h"
#include "stream/stream.h"
#include "tools/embed_flags.h"
#include "vectors/vector_training.h"

namespace storm {

namespace {

LearnSettings settings_of(const Args& args) {
  LearnSettings s;
  s.method = args.choice("method", {"skipgram", "cbow"}) == "cbow" ? VectorMethod::cbow : VectorMethod::skipgram;
  s.width = args.integer("dim", 1, 65536);
  s.window = args.integer("window", 1, 1000);
  s.negative = args.integer("negative", 0, 1000);
  s.sample = args.real("sample", 0, 1);
  s.epochs = args.integer("epochs", 1, 1'000'000);
  s.learning_rate = args.given("lr") ? args.real("lr", 1e-9, 10) : s.method == VectorMethod::skipgram ? 0.025 : 0.05;
  s.seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  s.deterministic = args.on("deterministic");
  if (args.given("subwords")) {
    const auto fields = split_at_commas(args.text("subwords"));
    const auto least = parse_number<int64_t>(fields[0]), most = parse_number<int64_t>(fields.back());
    if (fields.size() != 2 || !least || !most || *least < 1 || *most < *least || *most > 1000)
      throw UsageError(str("--subwords: '", args.text("subwords"), "' is no LEAST,MOST, such as 3,6"));
    s.subwords = {*least, *most, args.integer("buckets", 1, 1'000'000'000)};
    if (args.given("freeze")) throw UsageError("--freeze has no meaning with --subwords: a word shares its n-grams");
  } else if (args.given("buckets")) {
    throw UsageError("--buckets has no meaning without --subwords");
  }
  return s;
}

// Words that keep the vectors that they begin with, one a line.
void freeze_words(VectorTraining& training, const CountedWords& table, const std::string& path) {
  Input file(path);
  std::string line;
  int64_t frozen = 0;
  for (int64_t number = 1; file.read_line(line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    const auto word = table.words.find(line);
    require(word >= 0, path, ": line ", number, ": '", printable(line),
            "' does not come in the text as often as --min-count asks; leave it out");
    frozen += training.freeze(word);
  }
  require(frozen > 0, path, ": holds no word; give one a line");
  note(frozen, " of ", table.size(), " words are frozen");
}

class Learn {
 public:
  explicit Learn(const Args& args)
      : args_(args),
        settings_(settings_of(args)),
        save_every_(60 * args.real("save-every", 0, 1e9)),
        path_(args.text("save")),
        output_(path_) {
    refuse_terminal(output_);
    for (const auto& operand : args.operands()) {
      std::error_code ignored;
      if (std::filesystem::equivalent(operand, path_, ignored))
        throw UsageError(str("-o ", path_, " is the text that is learned from; give another file"));
    }
    std::error_code ignored;
    keeps_ =
        path_ != "-" && (!std::filesystem::exists(path_, ignored) || std::filesystem::is_regular_file(path_, ignored));
    if (keeps_) {
      Output writable(checkpoint_path());
      const auto lock = path_ + ".lock";
      lock_ = std::make_unique<FileLock>(
          lock, str(path_, ": another run is writing it, and holds ", lock, "; wait for its end, or give another -o"));
    } else if (args.on("resume")) {
      throw UsageError("--resume needs -o FILE, a regular one: FILE.checkpoint is gone on from");
    }
    text_ = open_training_text(args.operands(), args.integer("min-count", 1, INT64_MAX));
    note(text_->table().size(), " of the words come ", args.text("min-count"), " times or more: ", text_->table().total,
         " of ", text_->words_before(text_->units()), " in the text");
    if (!settings_.deterministic && thread_count() > 1)
      note("threads write the same rows: another run will have other bits; --deterministic has the same");
    std::optional<WordVectors> begin;
    if (args.given("init")) begin.emplace(args.text("init"));
    training_ = std::make_unique<VectorTraining>(*text_, settings_, begin ? &*begin : nullptr);
    if (begin) {
      require(training_->init_rows() > 0, begin->name(), ": has none of the words of the text");
      note(training_->init_rows(), " of ", text_->table().size(), " words begin with the vectors of ", begin->name());
    }
    if (args.given("freeze")) freeze_words(*training_, text_->table(), args.text("freeze"));
    if (args.on("resume")) resume();
  }

  void run() {
    catch_stop_signals();
    const double words_at_start = training_->words_done();
    start_ = saved_ = monotonic_seconds();
    {
      Progress progress("learning words", static_cast<uint64_t>(all_words()));
      const auto go_on = [&] {
        progress.set(static_cast<uint64_t>(training_->words_done()));
        say_epochs(words_at_start);
        return !stop_signal() && !checkpoint_is_due();
      };
      for (training_->run(go_on); !stop_signal() && training_->done() < training_->units(); training_->run(go_on))
        save();
    }
    const double seconds = monotonic_seconds() - start_;
    args_.stat("words", training_->words_done() - words_at_start);
    args_.stat("words/s", (training_->words_done() - words_at_start) / seconds);
    args_.stat("vocabulary", static_cast<double>(text_->table().size()));
    if (stop_signal()) return stop();
    say_epochs(words_at_start);
    training_->write(output_, args_.command());
    output_.commit();
    std::error_code ignored;
    if (keeps_) std::filesystem::remove(checkpoint_path(), ignored);  // there is nothing left to go on with
  }

 private:
  std::string checkpoint_path() const { return path_ + ".checkpoint"; }
  double all_words() const {
    return static_cast<double>(text_->words_before(text_->units())) * static_cast<double>(settings_.epochs);
  }
  bool checkpoint_is_due() const { return keeps_ && save_every_ > 0 && monotonic_seconds() - saved_ >= save_every_; }

  void say_epochs(double words_at_start) {
    const auto epochs = training_->done() / text_->units();
    if (epochs <= said_) return;
    said_ = epochs;
    const double words = training_->words_done() - words_at_start;
    const auto loss = training_->take_loss();
    note("epoch ", epochs, " of ", settings_.epochs, ", loss ", loss ? fixed(*loss, 4) : "-", ", words/s ",
         fixed(words / (monotonic_seconds() - start_), 0));
  }

  void save() {
    Output checkpoint(checkpoint_path());
    training_->save(checkpoint, args_.command());
    checkpoint.commit();
    saved_ = monotonic_seconds();
  }

  void stop() {
    if (!keeps_) return note("stopped; nothing is written");
    save();
    note("stopped; ", checkpoint_path(), " is written, and --resume goes on from it");
  }

  void resume() {
    std::error_code ignored;
    if (!std::filesystem::exists(checkpoint_path(), ignored))
      return note(checkpoint_path(), ": there is none; the learning begins");
    MappedStream mapped(checkpoint_path());
    const auto checkpoint = mapped.next();
    require(checkpoint.has_value(), checkpoint_path(), ": byte 0: empty, no checkpoint; leave --resume out");
    training_->resume(*checkpoint, checkpoint_path());
    checkpoint->forget();
    said_ = training_->done() / text_->units();
    note("going on after ", fixed(100 * training_->words_done() / all_words(), 1), " % of the words");
  }

  const Args& args_;
  LearnSettings settings_;
  double save_every_;
  std::string path_;
  bool keeps_ = false;  // a checkpoint, beside a file
  Output output_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<TrainingText> text_;
  std::unique_ptr<VectorTraining> training_;
  double start_ = 0, saved_ = 0;
  int64_t said_ = 0;  // epochs
};

}  // namespace

std::vector<Flag> learn_flags() {
  return {
      {"learn", "", "", "learn vectors from the files' text (words between spaces), or from a token stream (pieces)",
       "Learning vectors of words"},
      {"method", "NAME", "skipgram", "skipgram or cbow (Mikolov et al. 2013)"},
      {"dim", "N", "100", "numbers of a vector"},
      {"window", "N", "5", "words to each side at most; how many, is drawn anew for each word"},
      {"negative", "N", "5", "negative samples a word; 0: hierarchical softmax"},
      {"sample", "X", "1e-3", "words that are more frequent than this are left out at times; 0: none"},
      {"min-count", "N", "5", "words that come less often have no vector"},
      {"epochs", "N", "5", "passes over the text"},
      {"lr", "RATE", "", "learning rate at the beginning: 0.025, of cbow 0.05; it falls to nothing"},
      {"subwords", "L,M", "", "vectors of character n-grams, too, of L to M characters (3,6; Bojanowski et al. 2017)"},
      {"buckets", "N", "2000000", "rows that the n-grams share"},
      {"deterministic", "", "", "the same bits for the same seed and threads"},
      {"seed", "N", "1", "seed of all random numbers"},
      {"init", "FILE", "", "begin with these vectors, where they have the word"},
      {"freeze", "FILE", "", "words, one a line, that keep the vectors that they begin with"},
      {"save-every", "MINUTES", "30", "from checkpoint to checkpoint, beside -o; 0: only when it is stopped"},
      {"resume", "", "", "go on from FILE.checkpoint of -o FILE, where there is one"},
  };
}

void learn_vectors(const Args& args) {
  std::vector<std::string> others;
  for (const auto& flag : kEmbedTool.flags)
    if (const auto name = long_name(flag.name); name != "save") others.push_back(name);
  refuse_flags(args, "--learn", others);
  if (const auto& device = args.text("device"); device != "cpu" && device != "auto")
    throw UsageError("--learn runs on the CPU alone; leave --device out");
  Learn(args).run();
}

void refuse_learning(const Args& args) {
  for (const auto& flag : learn_flags())
    if (args.given(flag.name)) throw UsageError(str("--", flag.name, " has no meaning without --learn"));
}

}  // namespace storm
