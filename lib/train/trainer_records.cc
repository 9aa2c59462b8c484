// What a training says, judges and writes.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "stream/stream.h"
#include "train/trainer.h"
#include "train/validation.h"

namespace storm {

namespace {

// " masked 7.1234 next 0.6931": what each of several losses is.
std::string each_of(const Losses& losses, const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t l = 0; names.size() > 1 && l < names.size(); ++l)
    text += str(" ", names[l], " ", fixed(losses[l].mean_loss(), 4));
  return text;
}

constexpr int64_t kEnoughToJudge = 20;  // updates, whose batches differ in size

}  // namespace

bool Trainer::validate() {
  settle();
  std::optional<WeightAverage::InPlace> in_place(average());
  auto losses = validation_losses(step_, task_, *valid_batches_, settings_.tokens_at_once(), replicas_);
  if (stopped()) return false;
  sum(replicas_, *losses);
  if (losses->empty() || losses->front().count == 0)
    replicas_.fail_together(
        str(data_.valid->name(), ": its rows ask for nothing that could be told; is the text of another vocabulary?"));
  Validation v{state_.step, mean_loss(*losses), mean_nll(*losses), {}};
  if (losses->size() > 1) v.losses = *losses;
  if (!std::isfinite(v.loss) || !std::isfinite(v.nll))
    replicas_.fail_together(str("step ", v.step, ": the loss on ", data_.valid->name(),
                                " is not finite: the training has diverged; ", last_checkpoint()));
  std::string measured;
  if (data_.measures) {
    auto values = (*data_.measures)(device_);
    replicas_.broadcast(std::as_writable_bytes(std::span(values)));  // what steers all must be the same to the bit
    for (std::size_t i = 0; i < values.size(); ++i) {
      v.measures.emplace_back(data_.measure_names[i], values[i]);
      measured += str(" ", data_.measure_names[i], " ", fixed(values[i], 2));
    }
  }
  if (stopped()) return false;  // the run that goes on judges anew, and snapshots what is among the best
  state_.validation = v;
  const double score = this->score();
  const bool better = state_.best_step < 0 || score > state_.best_score;
  if (better) {
    state_.best_score = score;
    state_.best_step = state_.step;
  }
  state_.not_better = better ? 0 : state_.not_better + 1;
  note("valid step ", v.step, " loss ", fixed(v.loss, 4), each_of(v.losses, task_.losses()), " ppl ",
       fixed(v.perplexity(), 3), measured, better ? " best" : str(" best_step ", state_.best_step));
  in_place.reset();
  if (plan_.snapshots.best) snapshot();
  return true;
}

double Trainer::score() const {
  const Validation& v = state_.validation;
  return plan_.best_by.empty() ? -v.nll : v.measured(plan_.best_by).value_or(0);
}

void Trainer::report() {
  settle();
  const double rate = settings_.schedule.rate(std::max<int64_t>(state_.step, 1));
  const auto& i = state_.interval;
  state_.seconds = elapsed();
  start_ = monotonic_seconds();
  log_->add(state_, rate);
  warn_of_slow();
  if (i.updates > 0) {
    note("step ", state_.step, " epoch ", fixed(state_.epochs(), 2), " loss ", fixed(mean_loss(i.losses), 4),
         each_of(i.losses, task_.losses()), " ppl ", fixed(perplexity(i.losses), 3), " lr ", rate, " grad_norm ",
         fixed(i.norms / static_cast<double>(i.updates), 4), " target_tokens/s ",
         fixed(static_cast<double>(i.losses[0].count) / i.seconds, 0));
  }
  state_.interval = {};
  state_.logged = state_.step;
}

// Of the processes' own work since the last report: one that is slower than the middle one by half keeps all waiting.
void Trainer::warn_of_slow() {
  if (!reduction_) return;  // in a group nobody sees who is waited for
  std::vector<double> seconds(static_cast<std::size_t>(replicas_.size()));
  const double waited = reduction_->finish_seconds() + reduction_->share_seconds();
  seconds[static_cast<std::size_t>(replicas_.rank())] = state_.interval.seconds - (waited - reported_waiting_);
  reported_waiting_ = waited;
  replicas_.sum(seconds);
  const bool all_alike =
      settings_.accumulate % replicas_.size() == 0 &&
      state_.step - state_.interval.updates >= settings_.accumulate_warmup;  // else some have a batch more
  if (!replicas_.is_first() || !all_alike || state_.interval.updates < kEnoughToJudge) return;
  auto sorted = seconds;
  std::ranges::sort(sorted);
  const double middle = sorted[(sorted.size() - 1) / 2];
  for (std::size_t r = 0; r < seconds.size(); ++r)
    if (seconds[r] > 1.5 * middle)
      warn(replicas_.name(static_cast<int>(r)), " needs ", fixed(seconds[r] / middle, 1),
           " times as long for its batches as the middle one, and all wait for it");
}

void Trainer::snapshot() {
  const Snapshot fresh{state_.step, score()};
  if (!wanted(state_.snapshots, fresh, plan_.snapshots)) return;
  step_.download();
  const WeightAverage::InPlace in_place(average());
  if (replicas_.is_first() && adapted_)
    save_adapter(snapshot_path(plan_.output, fresh.step), model_, {}, state_, plan_.command);
  else if (replicas_.is_first())
    save_model(snapshot_path(plan_.output, fresh.step), model_, data_.vocabularies, state_, plan_.command);
  take(state_.snapshots, fresh, plan_.snapshots);
}

void Trainer::save() {
  settle();
  // Where a signal stops it, a snapshot is due only if an undisturbed run had made it here.
  if (!plan_.snapshots.best && (!stopped_ || is_due(state_.step, plan_.save_every))) snapshot();
  state_.seconds = elapsed();
  start_ = monotonic_seconds();
  step_.download();
  optimizer_.download();
  auto moments = all_moments();
  if (average_) average_->download(), moments.push_back({kAverage, average_->numbers()});
  if (replicas_.is_first())
    save_checkpoint(checkpoint_path(plan_.output), model_, moments, carried_, settings_, state_, plan_.flags,
                    data_.vocabularies, plan_.command);
  saved_ = state_.step;
  if (replicas_.is_first()) remove_others(state_.snapshots, plan_.output);
}

std::vector<Optimizer::State> Trainer::all_moments() {
  auto states = optimizer_.state();
  if (replicas_.is_alone()) return states;
  const std::size_t each = replicas_.is_first() ? optimizer_.count() : 0;
  const std::span memory(reinterpret_cast<float*>(step_.idle_memory(states.size() * each * sizeof(float)).data()),
                         states.size() * each);
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto all = memory.subspan(i * each, each);
    gather_pieces(replicas_, shards_, states[i].values, all);
    states[i].values = all;
  }
  return states;
}

void Trainer::write() const {
  if (!plan_.adapter.empty()) save_adapter(plan_.adapter, model_, data_.own_vocabularies, state_, plan_.command);
  save_model(plan_.output, model_, data_.vocabularies, state_, plan_.command);
}

void Trainer::finish() {
  if (valid_batches_ && state_.validation.step != state_.step && !validate()) {
    save();
    return say_stopped();
  }
  if (state_.logged != state_.step) report();
  save();
  if (stopped()) return say_stopped();
  if (replicas_.is_first()) write_result();
  if (!plan_.snapshots.active() || !valid_batches_) return;
  if (!adapted_ && replicas_.is_first()) read_parameters(read_document(plan_.output, kModelKind), model_);
  replicas_.broadcast(std::as_writable_bytes(model_.parameters().values()));
  step_.upload();
  auto losses = validation_losses(step_, task_, *valid_batches_, settings_.tokens_at_once(), replicas_);
  if (stopped()) return;
  sum(replicas_, *losses);
  note("valid ", plan_.output, " loss ", fixed(mean_loss(*losses), 4), each_of(*losses, task_.losses()), " ppl ",
       fixed(perplexity(*losses), 3));
}

void Trainer::write_result() {
  if (!plan_.snapshots.active()) {
    const WeightAverage::InPlace in_place(average());
    return write();
  }
  drop_missing(state_.snapshots, plan_.output, adapted_ ? kAdapterKind : kModelKind);
  require(!state_.snapshots.empty(), plan_.output, ": is not written: the files ", plan_.output,
          ".step-N of the best weights are gone; --resume with --average-of last writes the last weights");
  if (adapted_) {
    read_average_of(state_.snapshots, plan_.output, model_);
    write();
  } else {
    write_average_of(state_.snapshots, plan_.output, plan_.command);
  }
  std::string steps;
  for (const auto& s : state_.snapshots) steps += str(steps.empty() ? "" : ", ", s.step);
  note(plan_.output, ": ", state_.snapshots.size() > 1 ? "the mean of the weights of steps " : "the weights of step ",
       steps);
}

}  // namespace storm
