// How far a run has come: with the parameters and the optimizer's buffers, all that a checkpoint holds.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/batches.h"
#include "train/step.h"

namespace storm {

// Since the last line of the log.
struct Interval {
  Losses losses;
  double seconds = 0;  // of updates alone
  double norms = 0;    // of the gradients, summed
  int64_t updates = 0;
};

// Of the validation set.
struct Validation {
  int64_t step = -1;         // none yet
  double loss = 0, nll = 0;  // the sum of the losses' means
  std::vector<std::pair<std::string, double>> measures;
  Losses losses = {};  // where there are several
  std::optional<double> measured(const std::string& name) const;
  double perplexity() const;  // of the first loss
};

// Weights kept for averaging: MODEL.step-STEP.
struct Snapshot {
  int64_t step = 0;
  double score = 0;  // higher is better
};

struct TrainState {
  int64_t step = 0;  // updates done
  // Batches, or parts of them, that were run: the number of the next, which its dropout is drawn by.
  int64_t batches = 0;
  Place place;                  // in the data
  int64_t predicted = 0;        // what the first loss was taken of so far: target tokens
  double seconds = 0;           // everything, in all runs so far
  double training_seconds = 0;  // updates alone
  Interval interval;
  int64_t logged = 0;  // the last step that has a line in the log
  Validation validation;
  double best_score = -std::numeric_limits<double>::infinity();
  int64_t best_step = -1;
  int64_t not_better = 0;  // validations in a row that did not beat the best
  std::vector<Snapshot> snapshots;
  int64_t rows = 0;                                 // of the data: a resumed run must get the same
  int64_t epoch_rows = 0;                           // of the epoch that place is in: other ones of text in blocks
  std::vector<int64_t> tokens;                      // of each column of the data
  uint64_t fingerprint = 0, valid_fingerprint = 0;  // of all ids, of the data and the validation set; 0: not known

  double epochs() const {  // done, with the share of the one that is under way
    return static_cast<double>(place.epoch) +
           (epoch_rows > 0 ? static_cast<double>(place.next) / static_cast<double>(epoch_rows) : 0);
  }
};

nlohmann::json to_json(const TrainState& state);
TrainState state_from(const nlohmann::json& json);  // throws nlohmann's exceptions for what is missing

}  // namespace storm
