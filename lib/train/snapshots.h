// Weights kept during a run, to be averaged at its end or to have the best of them: files MODEL.step-STEP, models or,
// of an adapted model, what is trained of it (models/adapted_model.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"
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
// there and cannot be read, or is of another kind.
void drop_missing(std::vector<Snapshot>& kept, const std::string& model_path, std::string_view kind);
// Removes the files MODEL.step-N, half-written ones too, of other steps than these: of an earlier run, of one that was
// killed, or no longer wanted. For when the checkpoint on disk names these and no others.
void remove_others(const std::vector<Snapshot>& kept, const std::string& model_path);

// Writes the model: the mean of the snapshots' weights, read from their files.
void write_average_of(const std::vector<Snapshot>& kept, const std::string& model_path, const std::string& command);
// Gives an adapted model the mean of what the snapshots have of it.
void read_average_of(const std::vector<Snapshot>& kept, const std::string& model_path, Model& model);

}  // namespace storm
