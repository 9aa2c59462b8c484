// A task: what a model is trained for. It says which columns a row has, what a row takes of a batch, how rows become a
// batch, what is lost on one, and what can be measured of a model beside its losses. Whoever trains knows this alone;
// a task is one file here and one line in tasks.cc.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "data/batch.h"
#include "data/batches.h"
#include "data/text_source.h"
#include "decode/generate.h"
#include "models/model.h"
#include "ops/cross_entropy.h"
#include "tensor/device.h"
#include "text/vocabulary.h"

namespace storm {

// Sums over what a loss is the mean of: target tokens, EOS included, or rows.
struct LossSums {
  double loss = 0, nll = 0;  // what is minimised, with label smoothing, and the negative log-likelihood alone
  int64_t count = 0;
  double mean_loss() const { return count > 0 ? loss / static_cast<double>(count) : 0; }
  double mean_nll() const { return count > 0 ? nll / static_cast<double>(count) : 0; }
};

// The sums of each of a task's losses, in its order. The training minimises the sum of their means.
using Losses = std::vector<LossSums>;
void add(Losses& to, const Losses& more);  // to: as many, or none yet
double mean_loss(const Losses& losses);    // the sum of the losses' means
double mean_nll(const Losses& losses);
double perplexity(const Losses& losses);  // of the first, by its negative log-likelihood

// What a model is measured by on a validation set, beside its losses. Higher is better.
class Measures {
 public:
  virtual ~Measures() = default;
  // The measures asked for, in that order. device: null for the CPU, or one that has twins of the model's parameters.
  virtual std::vector<double> operator()(Device* device) const = 0;
};

// Rows by the task's columns, as a stream has them: without BOS and EOS.
using RowColumns = std::span<const std::vector<std::span<const int32_t>>>;

struct ScoreOptions {
  int64_t max_tokens = 1024;  // of what is run at once
  int64_t stride = 0;         // all rows are one running text (decode/running_text_scorer.h); 0: each is its own
  Device* device = nullptr;   // one that has twins of the model's parameters; null: the CPU
};

class Scorer {
 public:
  virtual ~Scorer() = default;
  // log p of the answered column, EOS included, of the rows that can be told by now: of those of add() before, in their
  // order. Throws Error for a row that is longer than the model takes, and for a model whose probabilities are not
  // numbers.
  virtual std::vector<double> add(RowColumns rows) = 0;
  virtual std::vector<double> finish() { return {}; }  // of the rest
  virtual bool has_ends() const { return true; }       // off: EOS is not scored with a row
};

class Task {
 public:
  virtual ~Task() = default;

  virtual std::vector<std::string> losses() const = 0;  // their names
  // What a row takes of a batch, side i of inputs[i]: the one place that counts BOS, EOS and separators.
  virtual std::vector<Side> sides() const = 0;
  // The batch of rows [first, last).
  virtual Batch batch(const Rows& rows, int64_t first, int64_t last) const = 0;
  // A batch of exactly so many tokens on each side, in rows of up to these lengths: for the planner of memory.
  virtual Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const = 0;
  virtual std::vector<int64_t> counts(const Batch& batch) const = 0;  // of each loss: what it is the mean of

  // What batches are drawn from where that is not the file's rows: running text that is cut, or rows that are drawn
  // anew each epoch, by (seed, epoch) alone. No seed: for validation, where every epoch is alike and nothing is left
  // out. The file must be indexed and outlive what is returned. Null: the file's rows.
  virtual std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                          std::optional<uint64_t> seed) const;

  // Numbers of a row's state where the model can go on from the row before in a stream of text; 0: it cannot.
  virtual int64_t carried_width() const { return 0; }

  // Records the losses: a value F64 [1, 2] of each, the sums of LossSums. The gradients are those of each loss' sum
  // times its scale; none go to batch.carried. A batch that has such has one value more behind the losses: F32 [rows,
  // carried_width()], the state after the last token of each row. batch must outlive the graph's run. Throws UsageError
  // for options that have no meaning here.
  virtual std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                                    std::span<const float> gradient_scales) const = 0;

  // What the model says to rows, of which the columns that TaskKind::asked counts are there, or those and the answered
  // one, as what answers begin with. kept: as generate() has it. Throws UsageError for a task that has no answers.
  virtual std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                          std::vector<Workspace>* kept) const;
  // Tells how likely the answered column of rows is, given the others. Throws UsageError likewise, and for a stride
  // where rows are not running text.
  virtual std::unique_ptr<Scorer> scorer(const ScoreOptions& options) const;

  // names: among the measures of the task's kind. Throws UsageError for a file on which they say nothing; what they
  // leave out is noted.
  virtual std::unique_ptr<Measures> measures(const TokenFile& file, std::span<const std::string> names,
                                             const DecodeOptions& options) const;
  // The same of rows that the task draws of the file for validation, which must outlive what is returned.
  virtual std::unique_ptr<Measures> row_measures(const RowSource& /*rows*/, const TokenFile& file,
                                                 std::span<const std::string> names,
                                                 const DecodeOptions& options) const {
    return measures(file, names, options);
  }
};

// Columns that hold numbers come last. A row has what TokenFile gives of these columns: three more columns of each that
// is placed.
struct TaskKind {
  std::string name;                   // "translation"
  std::vector<std::string> columns;   // of a row; those of ids have a vocabulary each
  std::string rows;                   // what rows are called: "pairs"
  std::vector<std::string> measures;  // that measures() offers
  std::size_t asked = 1;              // so many of the first columns are read to be answered
  std::size_t answered = 0;           // the column that answers are of
  // The model must outlive the task. vocabularies: of the columns of ids. Throws Error where they do not serve the
  // task, and UsageError for a model that cannot do it.
  std::unique_ptr<Task> (*make)(const Model& model, std::span<const Vocabulary> vocabularies);
  // Its one column is running text, and its rows are of that kind (data/text_rows.h), however it is cut.
  bool running_text = false;
  // Nothing of a row counts its pieces, so that its words may be cut in other ways (recut_rows.h).
  bool recuts = false;
  // So many of the first columns are text of which words may become others (data/switched_rows.h,
  // train/word_dropout.h).
  std::size_t noised = 0;
  // Its own settings, which become flags of train and entries of a model's configuration.
  std::vector<Setting> settings = {};
  // What it sets of training's settings unless the user, the architecture or the optimizer does: "label_smoothing".
  std::map<std::string, double> training = {};

  ColumnContents contents = {};  // which columns hold numbers, and of which the lines are read
  // So many of the first columns are texts, which a model's encoder reads with its one vocabulary, and a head on top
  // (models/text_head.h) answers; 0: the columns are the architecture's.
  std::size_t texts = 0;
  int64_t epochs = 0;    // passes of a training that is given no limit; 0: such a training ends after 100,000 updates
  int64_t outputs = 0;   // of that head; 0: as many as the vocabulary of the column behind the texts has labels
  bool searches = true;  // answers are searched for or drawn, piece after piece (decode/generate.h)
};

// How large a vocabulary each column of ids has, by the model.
std::vector<int64_t> vocabulary_sizes(const TaskKind& kind, const Model& model);

// The task's settings in a model's configuration; one that came later than the file has its default.
nlohmann::json task_settings(const TaskKind& kind, const nlohmann::json& config);

std::span<const TaskKind* const> task_kinds();
const TaskKind& task_kind(std::string_view name);  // throws UsageError that lists the names

}  // namespace storm
