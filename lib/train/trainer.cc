#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/signals.h"
#include "train/gradient_norm.h"
#include "train/validation.h"

namespace storm {

namespace {

Model& with_gradients(Model& model) {
  model.parameters().allocate_gradients();
  return model;
}

// A training that a device has not the memory for is refused before anything is placed there, when the whole need can
// still be named.
TrainingMemory available(const Device* device, const TrainingMemory& need) {
  if (device) require_memory(*device, need);
  return need;
}

}  // namespace

MemoryOptions memory_options(const TrainSettings& settings, const Device* device, int processes) {
  return {.optimizer = settings.optimizer,
          .device = device,
          .precision = settings.precision,
          .processes = processes,
          .averages = settings.ema > 0,
          .r_drop = static_cast<float>(settings.r_drop),
          .streams = settings.text.streams};
}

TrainingMemory planned_memory(const Model& model, const Task& task, const RowSource& rows,
                              const TrainSettings& settings, const Device* device, int processes) {
  return training_memory(model, task, settings.tokens_at_once(), longest_rows(rows, task.sides()),
                         memory_options(settings, device, processes));
}

std::string checkpoint_path(const std::string& model_path) { return model_path + ".checkpoint"; }

Trainer::Trainer(Model& model, const Task& task, TrainData data, const TrainSettings& settings, TrainPlan plan,
                 Device* device, Replicas& replicas)
    : model_(with_gradients(model)),
      task_(task),
      data_(std::move(data)),
      settings_(settings),
      plan_(std::move(plan)),
      device_(device),
      replicas_(replicas),
      grouped_(device && device->in_group() && model.parameters().trained_stretches().size() == 1),
      batches_(data_.rows(), task.sides(), settings.max_tokens, true, settings.seed),
      memory_(available(device, planned_memory(model, task, data_.rows(), settings, device, replicas.size()))),
      step_(model, task, LossOptions(static_cast<float>(settings.label_smoothing), static_cast<float>(settings.r_drop)),
            settings.seed, settings.precision, device),
      shards_(model.parameters().trained(), replicas.size(),
              grouped_ ? std::max<std::size_t>(model.parameters().trained(), 1) : Shards::kBucket),
      optimizer_(model.parameters(), settings.optimizer, device, shards_.of(replicas.rank())),
      adapted_(!Adaptation::from(model.config()).base.empty()),
      carried_(static_cast<std::size_t>(settings.text.streams * task.carried_width())) {
  if (!replicas.is_alone() && !grouped_) reduction_.emplace(replicas, shards_, model.parameters().gradients());
  if (settings.ema > 0) average_.emplace(model.parameters(), settings.ema, device);
  settings_.device = device_name(device);
  if (data_.valid) valid_batches_.emplace(data_.judged(), task.sides(), settings.max_tokens, false);
  state_.rows = data_.train.size();
  state_.epoch_rows = data_.rows().rows(0);
  state_.tokens.assign(data_.train.tokens().begin(), data_.train.tokens().end());
  state_.fingerprint = data_.train.fingerprint();
  if (data_.valid) state_.valid_fingerprint = data_.valid->fingerprint();
}

void Trainer::resume(const Checkpoint& checkpoint) {
  const TrainState& s = checkpoint.state;
  const auto same = [](uint64_t a, uint64_t b) { return a == b || a == 0 || b == 0; };
  require(s.rows == state_.rows && s.tokens == state_.tokens && same(s.fingerprint, state_.fingerprint),
          data_.train.name(), ": is not the data that ", checkpoint.loaded.name,
          " was trained on; give the same, or start from its weights with --init");
  if (!same(s.valid_fingerprint, state_.valid_fingerprint))
    warn(data_.valid->name(), ": is not the validation set of before; the best so far was judged by another");
  const auto fresh = std::exchange(state_, s);
  state_.fingerprint = fresh.fingerprint;
  if (data_.valid) state_.valid_fingerprint = fresh.valid_fingerprint;
  if (plan_.snapshots.active() && replicas_.is_first())
    drop_missing(state_.snapshots, plan_.output, adapted_ ? kAdapterKind : kModelKind);
  saved_ = s.step;
  checkpoint.restore(optimizer_);
  checkpoint.restore_carried(carried_);
  if (average_) checkpoint.restore_average(average_->numbers()), average_->upload();
  optimizer_.upload();
}

double Trainer::elapsed() const { return state_.seconds + monotonic_seconds() - start_; }

bool Trainer::finished() const {
  return out_of_data_ || (plan_.steps > 0 && state_.step >= plan_.steps) ||
         (plan_.minutes > 0 && (replicas_.is_alone() ? elapsed() >= plan_.minutes * 60 : is_late_)) ||
         (plan_.patience > 0 && state_.not_better >= plan_.patience);
}

bool Trainer::validation_due() const {
  return valid_batches_ && state_.validation.step != state_.step && is_due(state_.step, plan_.validate_every);
}

bool Trainer::stopped() {
  if (replicas_.is_alone()) return stopped_ = stop_signal() != 0;
  // The first one's clock counts.
  double said[] = {stop_signal() != 0 ? 1.0 : 0.0, replicas_.is_first() && elapsed() >= plan_.minutes * 60 ? 1.0 : 0.0};
  replicas_.sum(said);
  is_late_ = said[1] > 0;
  return stopped_ = said[0] > 0;
}

void Trainer::run() {
  step_.reserve(memory_.arena);
  start_ = monotonic_seconds();
  log_.emplace(replicas_.is_first() ? plan_.log : "", state_.logged, data_.measure_names, task_.losses());
  Progress progress("training", static_cast<uint64_t>(plan_.steps));
  while (true) {
    // A validation that a signal ended is made again, and reported, by the run that goes on.
    if (validation_due() && !validate()) break;
    if (state_.logged != state_.step &&
        (is_due(state_.step, plan_.report_every) || state_.validation.step == state_.step))
      report();
    if (stopped()) break;
    if (is_due(state_.step, plan_.save_every) && saved_ != state_.step) save();
    if (finished() || !update()) break;
    const auto& losses = state_.interval.losses;
    progress.set(static_cast<uint64_t>(state_.step), losses.empty() ? "" : str("loss ", fixed(mean_loss(losses), 3)));
  }
  if (!stopped_) return finish();
  save();
  say_stopped();
}

double Trainer::seconds_of_epoch() {
  constexpr int kEnough = 5;   // updates
  constexpr double kLong = 3;  // seconds
  step_.reserve(memory_.arena);
  double seconds = 0, epochs = 0;
  bool more = true;
  for (int updates = 0; more; ++updates) {
    const double begin = monotonic_seconds(), done = state_.epochs();
    if (!update()) break;
    settle();
    if (updates == 1) seconds = epochs = 0;  // the first one sets much up
    seconds += monotonic_seconds() - begin;
    epochs += state_.epochs() - done;
    more = !replicas_.any(updates + 1 >= kEnough || seconds >= kLong);
  }
  return epochs > 0 ? seconds / epochs : 0;
}

void Trainer::say_stopped() const {
  note("stopped by a signal at step ", state_.step, "; ", checkpoint_path(plan_.output),
       " is saved: --resume goes on from it");
}

// What is run for the next update: its batches, all of one epoch, or their parts, of which each process has its own.
// None when the last epoch is over, in which place stays. number: of the next part of any process.
std::vector<Trainer::Part> Trainer::gather(Place& place, int64_t& number) const {
  std::vector<Part> parts;
  Rows rows, twice;
  const int64_t wanted = settings_.batches_after(state_.step);
  for (int64_t batches = 0; batches < wanted;) {
    if (plan_.epochs > 0 && place.epoch >= plan_.epochs) break;
    if (!batches_.next(place, rows)) {
      if (batches > 0) break;
      continue;  // the next epoch begins
    }
    const auto cuts = cuts_of(rows, batches_, settings_.tokens_at_once());
    const bool is_own = batches++ % replicas_.size() == replicas_.rank();
    for (std::size_t i = 1; i < cuts.size(); ++i, ++number) {
      if (!is_own) continue;
      const bool once = settings_.passes() == 1;
      twice.clear();
      for (int64_t k = 0; !once && k < settings_.passes(); ++k)
        for (int64_t r = cuts[i - 1]; r < cuts[i]; ++r) twice.append(rows, r);
      parts.push_back({once ? task_.batch(rows, cuts[i - 1], cuts[i]) : task_.batch(twice, 0, twice.size()), number});
      if (data_.word_dropout)
        data_.word_dropout->drop(parts.back().batch, settings_.seed, static_cast<uint64_t>(number));
    }
  }
  return parts;
}

bool Trainer::update() {
  const double begin = monotonic_seconds();
  Place place = state_.place;
  int64_t number = state_.batches;
  auto parts = gather(place, number);
  if (number == state_.batches) {
    out_of_data_ = true;
    return false;
  }
  if (!carried_.empty()) {
    if (place.next <= settings_.text.streams) std::ranges::fill(carried_, 0.0f);  // an epoch's first batch
    parts.front().batch.carried = carried_;
  }
  // Each loss of the update is the mean over all its batches.
  std::vector<double> counts(task_.losses().size());
  for (const Part& p : parts) std::ranges::transform(counts, task_.counts(p.batch), counts.begin(), std::plus());
  replicas_.sum(counts);
  if (!(counts[0] > 0))
    replicas_.fail_together(str(data_.train.name(), ": the rows of step ", state_.step + 1, ", row ", state_.place.next,
                                " on of epoch ", state_.place.epoch,
                                ", ask for nothing that could be learned; is the text of another vocabulary?"));
  std::vector<float> scales;
  for (const double count : counts) scales.push_back(1 / static_cast<float>(std::max(count, 1.0)));
  Update& u = updates_.emplace_back(Update{.step = state_.step + 1, .place = state_.place, .parts = std::move(parts)});
  if (reduction_) reduction_->begin();
  for (const Part& p : u.parts)
    step_.queue(p.batch, scales, static_cast<uint64_t>(p.number), &carried_,
                reduction_ && !device_ && &p == &u.parts.back() ? &*reduction_ : nullptr);
  state_.batches = number;
  apply(u);
  if (average_) average_->add(u.step);
  state_.step = u.step;
  if (place.epoch != state_.place.epoch) state_.epoch_rows = data_.rows().rows(place.epoch);
  state_.place = place;
  state_.predicted += static_cast<int64_t>(counts[0]) / settings_.passes();
  // A device is given the next update before the figures of this one are waited for, so that it never stands idle.
  const std::size_t ahead = device_ ? 1 : 0;
  while (updates_.size() > ahead) conclude();
  count_seconds(begin);
  return true;
}

void Trainer::apply(Update& u) {
  const auto values = model_.parameters().values(), gradients = model_.parameters().gradients();
  const double rate = settings_.schedule.rate(u.step);
  if (grouped_) {
    apply_in_group(u, rate);
  } else if (reduction_) {
    if (device_) device_->download(gradients);
    u.norm = reduction_->finish();
    if (device_) device_->upload(gradients);
    optimizer_.update(values, gradients, u.step, rate, clip_scale(u.norm, settings_.clip_norm));
    if (device_) step_.download();
    reduction_->share(model_.parameters());
    if (device_) step_.upload();
  } else if (device_) {
    u.fetch = device_->fetch_norm(gradients, &u.norm);
    optimizer_.clipped_update(values, gradients, u.step, rate, settings_.clip_norm);
  } else {
    u.norm = gradient_norm(gradients);
    optimizer_.update(values, gradients, u.step, rate, clip_scale(u.norm, settings_.clip_norm));
  }
}

// Nobody waits.
void Trainer::apply_in_group(Update& u, double rate) {
  const auto values = model_.parameters().values(), gradients = model_.parameters().gradients();
  std::vector<std::size_t> cuts{0};
  for (int r = 0; r < replicas_.size(); ++r) cuts.push_back(shards_.count() > 0 ? shards_.piece(0, r).end : 0);
  const Range own{cuts[static_cast<std::size_t>(replicas_.rank())],
                  cuts[static_cast<std::size_t>(replicas_.rank()) + 1]};
  device_->reduce_scatter(gradients, cuts);
  u.fetch = device_->fetch_norm(gradients.subspan(own.begin, own.size()), &u.norm);
  optimizer_.clipped_update(values, gradients, u.step, rate, settings_.clip_norm);
  device_->all_gather(values, cuts);
}

// The figures of the update that was queued first.
void Trainer::conclude() {
  const Update& u = updates_.front();
  Losses losses(task_.losses().size());
  for (const Part& part : u.parts) {
    const auto of_part = step_.next_losses();
    if (replicas_.is_alone())  // else it is seen in the sum, by all
      for (const LossSums& one : of_part) require_finite(one.loss, "loss", u, &part);
    add(losses, of_part);
  }
  sum(replicas_, losses);
  for (const LossSums& one : losses) require_finite(one.loss, "loss", u, nullptr);
  for (LossSums& one : losses) {  // the mean of the passes, so that figures are of the data, however often it was run
    one.loss /= static_cast<double>(settings_.passes());
    one.nll /= static_cast<double>(settings_.passes());
    one.count /= settings_.passes();
  }
  if (device_) device_->wait(u.fetch);
  require_finite(u.norm, "gradient", u, nullptr);
  add(state_.interval.losses, losses);
  state_.interval.norms += u.norm;
  ++state_.interval.updates;
  updates_.pop_front();
}

// Until all that was queued is done and known to be sound: before anything is said, judged or saved.
void Trainer::settle() {
  const double begin = monotonic_seconds();
  while (!updates_.empty()) conclude();
  count_seconds(begin);
}

void Trainer::count_seconds(double begin) {
  const double seconds = monotonic_seconds() - begin;
  state_.training_seconds += seconds;
  state_.interval.seconds += seconds;
}

// part: of the update's; null: all of them together.
void Trainer::require_finite(double value, const char* what, const Update& of, const Part* part) const {
  if (std::isfinite(value)) return;
  std::string where;
  if (part) {
    const Batch& b = part->batch;
    std::string tokens;
    for (const PackedSentences& input : b.inputs) tokens += str(tokens.empty() ? "" : " and ", input.tokens());
    where = str(", batch ", part->number, " (", b.inputs[0].sentences(), " rows, ", tokens, " tokens, row ",
                of.place.next, " on of epoch ", of.place.epoch, ")");
  } else {
    where = str(", epoch ", of.place.epoch, ", row ", of.place.next, " on");
  }
  replicas_.fail_together(str("step ", of.step, where, ": the ", what, " is ",
                              std::isnan(value) ? "not a number" : "infinite",
                              "; try a lower --lr, a longer --warmup or --clip-norm 1; ", last_checkpoint()));
}

std::string Trainer::last_checkpoint() const {
  return saved_ >= 0 ? str("the checkpoint of step ", saved_, " stands in ", checkpoint_path(plan_.output))
                     : std::string("no checkpoint had been saved");
}

}  // namespace storm
