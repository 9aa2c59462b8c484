// The training loop: updates, validation, checkpoints, the log, and when to stop.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/batches.h"
#include "tensor/device.h"
#include "train/checkpoint.h"
#include "train/gradient_reduction.h"
#include "train/memory.h"
#include "train/optimizer.h"
#include "train/replicas.h"
#include "train/run_log.h"
#include "train/shards.h"
#include "train/snapshots.h"
#include "train/state.h"
#include "train/step.h"
#include "train/train_settings.h"
#include "train/validation.h"
#include "train/weight_average.h"
#include "train/word_dropout.h"

namespace storm {

// When to stop, what to save and what to say. None of it changes the updates.
struct TrainPlan {
  int64_t steps = 0, epochs = 0, patience = 0;  // 0: no limit
  double minutes = 0;
  int64_t validate_every = 500, save_every = 500, report_every = 100;
  SnapshotRule snapshots;
  std::string best_by;  // a measure; empty: the likelihood of the validation set
  std::string output;   // the model's file; the checkpoint is beside it
  std::string adapter;  // where what was trained goes alone; empty: nowhere
  std::string log;
  PlanFlags flags;  // what of this the checkpoint keeps, for a resumed run to be compared with
  std::string command;
};

std::string checkpoint_path(const std::string& model_path);  // MODEL.checkpoint

struct TrainData {
  const TokenFile& train;
  const TokenFile* valid = nullptr;
  std::map<std::string, std::string> vocabularies = {};      // as the model's file has them
  std::map<std::string, std::string> own_vocabularies = {};  // as an adapter's: none where they are its base's
  std::vector<std::string> measure_names = {};               // of what `measures` gives
  const Measures* measures = nullptr;  // of the validation set; none: its likelihood alone is known
  // What batches are drawn from where it is not the files' rows: what the task makes of them (Task::rows).
  const RowSource* train_rows = nullptr;
  const RowSource* valid_rows = nullptr;
  const WordDropout* word_dropout = nullptr;  // of what training feeds the model; null: nothing is dropped

  const RowSource& rows() const { return train_rows ? *train_rows : train; }
  const RowSource& judged() const { return valid_rows ? *valid_rows : *valid; }
};

// What a run's memory depends on by its settings. device: null for the CPU.
MemoryOptions memory_options(const TrainSettings& settings, const Device* device, int processes);
// What a run takes at most. The model must have its gradients allocated.
TrainingMemory planned_memory(const Model& model, const Task& task, const RowSource& rows,
                              const TrainSettings& settings, const Device* device, int processes = 1);

class Trainer {
 public:
  // The model's gradients are allocated here. What must outlive it: the model, the task, the data and the device.
  // device: null for the CPU. Otherwise the model's own weights are true after run() alone. They are then the last
  // update's, or where a mean of snapshots was validated, the mean. Throws Error, before anything is run, when the
  // device has not the memory.
  // replicas: the processes that share the work, each with a Trainer of its own: same model, data, settings and plan.
  // The batches of an update are dealt to them in turn; the first writes all files. All have a device, or none, and
  // devices of a group (device_group.h) add up what others send by way of their hosts.
  Trainer(Model& model, const Task& task, TrainData data, const TrainSettings& settings, TrainPlan plan,
          Device* device = nullptr, Replicas& replicas = one_process());

  void resume(const Checkpoint& checkpoint);  // goes on from there; the model has the checkpoint's weights already

  // Runs until a limit, or a signal (base/signals.h) after which the checkpoint is saved and nothing else is done.
  // Throws Error when the loss or the gradient is not finite: the last checkpoint stands.
  void run();

  // What an epoch takes on this machine, by some updates: nothing is saved, and what was trained is to be thrown away.
  // Of several processes, together. 0: there was none to make.
  double seconds_of_epoch();

  const TrainState& state() const { return state_; }
  const BatchSource& batches() const { return batches_; }
  const BatchSource* validation_batches() const { return valid_batches_ ? &*valid_batches_ : nullptr; }
  const TrainingMemory& memory() const { return memory_; }
  double planning_seconds() const { return step_.planning_seconds(); }
  bool grouped() const { return grouped_; }  // the devices of several processes add up among themselves
  const GradientReduction* reduction() const { return reduction_ ? &*reduction_ : nullptr; }  // of several processes

 private:
  // A batch, or a part of it, and its number in the run.
  struct Part {
    Batch batch;
    int64_t number;
  };
  // One whose figures may still be on their way from a device.
  struct Update {
    int64_t step = 0;
    Place place;              // where it begins in the data
    std::vector<Part> parts;  // this process's
    double norm = 0;
    uint64_t fetch = 0;  // of the norm
  };
  bool update();  // false when the last epoch is over
  // The parameters move along the gradients that have come together.
  void apply(Update& u);
  void apply_in_group(Update& u, double rate);
  void conclude();
  void settle();
  void count_seconds(double begin);
  std::vector<Part> gather(Place& place, int64_t& number) const;
  // The optimizer's buffers of all processes, for the first: in memory that the next batch takes.
  std::vector<Optimizer::State> all_moments();
  // Whether a signal came to any process: asked by all together, at each place where one alone would look.
  bool stopped();
  std::string last_checkpoint() const;  // where it stands, for what an error says
  void require_finite(double value, const char* what, const Update& of, const Part* part) const;
  bool finished() const;
  static bool is_due(int64_t step, int64_t every) { return every > 0 && step > 0 && step % every == 0; }
  bool validation_due() const;
  bool validate();       // false when a signal came
  double score() const;  // of the last validation: higher is better
  void report();
  void warn_of_slow();
  WeightAverage* average() { return average_ ? &*average_ : nullptr; }
  void snapshot();
  void save();
  void write() const;   // the model, and what was trained alone
  void write_result();  // the same, or the mean of snapshots
  void finish();
  void say_stopped() const;  // by a signal
  double elapsed() const;

  Model& model_;
  const Task& task_;
  TrainData data_;
  TrainSettings settings_;
  TrainPlan plan_;
  Device* device_;
  Replicas& replicas_;
  const bool grouped_;  // the devices add up among themselves
  BatchSource batches_;
  std::optional<BatchSource> valid_batches_;
  TrainingMemory memory_;
  std::deque<Update> updates_;  // queued; before step_, which waits for what is to come here when all ends
  TrainingStep step_;
  Shards shards_;
  std::optional<GradientReduction> reduction_;  // of several processes
  Optimizer optimizer_;
  std::optional<WeightAverage> average_;
  const bool adapted_;  // what is trained goes into checkpoints and snapshots alone
  TrainState state_;
  std::vector<float> carried_;  // [streams, width] after the last update, or none
  std::optional<RunLog> log_;
  int64_t saved_ = -1;  // the step of the checkpoint on disk
  bool out_of_data_ = false;
  bool stopped_ = false;         // what stopped() said last
  bool is_late_ = false;         // plan_.minutes are over
  double reported_waiting_ = 0;  // for the others, up to the last report
  double start_ = 0;             // monotonic_seconds() when state_.seconds was last brought up to date
};

}  // namespace storm
