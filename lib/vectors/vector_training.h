// Learns word vectors with all threads, from the beginning or from a checkpoint, until the text has passed as often as
// asked for or somebody stops it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/output.h"
#include "stream/document.h"
#include "vectors/learn_plan.h"
#include "vectors/learner.h"
#include "vectors/word_vectors.h"

namespace storm {

constexpr const char* kVectorCheckpointKind = "vectors-checkpoint";

class VectorTraining {
 public:
  // Memory: the two tables, and with settings.deterministic and several threads copies of the rows of a round. Of
  // `begin` (null: none), words that it has, and n-grams where it has them in the same buckets, begin with its
  // vectors; init_rows() says how many words. Throws Error where its width is another.
  VectorTraining(const TrainingText& text, const LearnSettings& settings, const WordVectors* begin = nullptr);

  int64_t init_rows() const { return init_rows_; }
  bool freeze(int32_t word);  // its vector stays as it is, not with n-grams; false: it did before

  int64_t units() const { return plan_.text.units() * plan_.settings.epochs; }  // of all epochs
  int64_t done() const { return done_; }
  double words_done() const;  // of all epochs, those without a row among them

  // Learns until all units are done or go_on() says no, which one thread asks between units.
  void run(const std::function<bool()>& go_on);

  // The mean loss of a word and one around it, with its samples, over some of those that were learned since the last
  // call; none: there were none. go_on() may call it, and is told of what its thread has learned.
  std::optional<double> take_loss();

  // Throws Error for vectors that are no finite numbers: the rate is too high.
  void write(Output& output, const std::string& command);

  // What a run goes on from: with the same text, settings and threads, to the same bits, where those of a run that
  // nobody stopped are the same.
  void save(Output& output, const std::string& command) const;
  // Throws Error where the checkpoint is of other settings or another text; path is what errors call it.
  void resume(const Document& checkpoint, const std::string& path);

 private:
  void begin_with(const WordVectors& begin);
  void run_together(const std::function<bool()>& go_on);
  void run_in_rounds(const std::function<bool()>& go_on);
  void learn(Learner& learner, int64_t number) const;

  LearnPlan plan_;
  std::vector<Learner> learners_;  // a thread each
  int64_t done_ = 0, init_rows_ = 0;
  bool learning_ = false;  // each thread for itself
};

}  // namespace storm
