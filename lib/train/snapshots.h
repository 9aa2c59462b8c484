// Weights kept during a run, to be averaged at its end or to have the best of them: files MODEL.step-STEP.
#pragma once

#include <string>
#include <vector>

#include "train/state.h"

namespace storm {

struct SnapshotRule {
  int64_t count = 1;  // how many to keep
  bool best = false;  // the best by validation, instead of the last
  bool active() const { return count > 1 || best; }
};

std::string snapshot_path(const std::string& model_path, int64_t step);

// Whether a snapshot of this step and score is to be written.
bool wanted(const std::vector<Snapshot>& kept, const Snapshot& fresh, const SnapshotRule& rule);
// Adds it and drops those that the rule no longer keeps. Their files can go once the checkpoint that names them no
// longer stands.
void take(std::vector<Snapshot>& kept, const Snapshot& fresh, const SnapshotRule& rule);

// Drops those whose file is gone, each with a warning: the mean will be of the others. Throws Error for a file that is
// there and cannot be read.
void drop_missing(std::vector<Snapshot>& kept, const std::string& model_path);
// Removes the files MODEL.step-N, half-written ones too, of other steps than these: of an earlier run, of one that was
// killed, or no longer wanted. For when the checkpoint on disk names these and no others.
void remove_others(const std::vector<Snapshot>& kept, const std::string& model_path);

// Writes the model: the mean of the snapshots' weights, read from their files.
void write_average_of(const std::vector<Snapshot>& kept, const std::string& model_path, const std::string& command);

}  // namespace storm
