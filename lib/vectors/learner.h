// One thread that learns word vectors: all that it owns is here, and what it shares is LearnPlan's tables.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "vectors/learn_plan.h"
#include "vectors/private_rows.h"
#include "vectors/window_update.h"

namespace storm {

// Every word of a line that sub-sampling kept meets the words around it: of skip-gram each of these is an input, of
// CBOW their mean is, and the outputs are the word itself and negative samples, which the whole window shares, or the
// nodes on its path. The vectors of the words around are kept in a ring while the line passes, and what has become of
// them is added to the tables when they leave it, so that the rows of n-grams are read and written once a word and not
// once a pair.
class Learner {
 public:
  // own_copies: rows are the thread's own until merge() (private_rows.h); otherwise the tables' themselves, which
  // other threads may write at the same time, as all of these programs do (Niu et al. 2011, "Hogwild!").
  Learner(const LearnPlan& plan, bool own_copies);

  void learn(int64_t epoch, int64_t unit);

  // Of own copies, between rounds, as PrivateRows has them.
  static void merge(std::span<Learner> learners, int64_t part, int64_t parts, float often);
  void forget();

  // The loss of some of the pairs since they were last asked for, and how many these are.
  struct Loss {
    double sum = 0;
    int64_t pairs = 0;
  };
  Loss take_loss() { return std::exchange(loss_, {}); }

 private:
  struct Rows {  // of one table
    float* table;
    int64_t stride;
    std::optional<PrivateRows> own;

    float* operator()(int32_t row) { return own ? (*own)(row) : table + row * stride; }
    void prefetch(int32_t row) const;
  };
  struct Slot {  // a word of the line that is near the one that is predicted
    int32_t word = 0;
    float rows = 1;  // of the table, whose mean the vector is
    float *vector = nullptr, *before = nullptr;
  };
  struct Target {               // what is predicted
    std::vector<int32_t> rows;  // of the table of outputs, each once
    std::vector<float> labels;
    int64_t reach = 0;  // words to each side
  };

  void learn_line(std::span<const int32_t> words, float rate);
  void choose(int32_t word, bool fresh_samples, Target& target);
  void enter(int32_t word, Slot& slot);
  void leave(const Slot& slot);
  void rows_of(int32_t word);  // into vectors_
  void predict(const Target& target, float rate);

  const LearnPlan& plan_;
  Rows inputs_, outputs_;
  WindowUpdate update_;
  RandomNumbers random_;
  Buffer ring_;
  std::vector<Slot> slots_;
  std::vector<Slot*> around_;
  std::vector<float*> vectors_, outputs_now_;  // of around_, of the target's rows
  std::vector<float> weights_;                 // of rows that are added up
  float *mean_, *mean_before_;                 // of CBOW, in the ring's memory
  std::vector<Target> targets_;                // of the word that is learned and of those that come next, in turn
  std::vector<int32_t> samples_;               // the negative ones of the words that come now
  std::vector<int32_t> unit_, kept_;
  Loss loss_;
  int64_t predictions_ = 0;
};

}  // namespace storm
