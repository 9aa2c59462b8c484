#include "train/trainer.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/signals.h"
#include "stream/stream.h"
#include "train/gradient_norm.h"
#include "train/memory.h"

namespace storm {

namespace {

BatchLimits limits_of(const Model& model, int64_t max_tokens) {
  return {max_tokens, model.longest_source(), model.longest_target()};
}

Model& with_gradients(Model& model) {
  model.parameters().allocate_gradients();
  return model;
}

bool is_due(int64_t step, int64_t every) { return every > 0 && step > 0 && step % every == 0; }

}  // namespace

std::string checkpoint_path(const std::string& model_path) { return model_path + ".checkpoint"; }

Trainer::Trainer(Model& model, TrainData data, const TrainSettings& settings, TrainPlan plan)
    : model_(with_gradients(model)),
      data_(std::move(data)),
      settings_(settings),
      plan_(std::move(plan)),
      batches_(data_.train, limits_of(model, settings.max_tokens), true, settings.seed),
      step_(model, static_cast<float>(settings.label_smoothing), settings.seed,
            settings.bf16 ? ProductPrecision::bf16 : ProductPrecision::f32),
      optimizer_(model.parameters().values().size(), settings.optimizer) {
  if (data_.valid) valid_batches_.emplace(*data_.valid, limits_of(model, settings.max_tokens), false);
  const auto& limits = batches_.limits();
  step_.reserve(training_memory(model, settings.tokens_at_once(),
                                std::min(data_.train.longest().source + 1, limits.longest_source),
                                std::min(data_.train.longest().target + 1, limits.longest_target), settings.optimizer)
                    .arena);
  state_.pairs = data_.train.size();
  state_.source_tokens = data_.train.tokens().source;
  state_.target_side_tokens = data_.train.tokens().target;
}

void Trainer::resume(const Checkpoint& checkpoint) {
  const TrainState& s = checkpoint.state;
  require(s.pairs == state_.pairs && s.source_tokens == state_.source_tokens &&
              s.target_side_tokens == state_.target_side_tokens,
          data_.train.name(), ": is not the data that ", checkpoint.loaded.name,
          " was trained on; give the same, or start from its weights with --init");
  state_ = s;
  saved_ = s.step;
  checkpoint.restore(optimizer_);
}

double Trainer::elapsed() const { return state_.seconds + monotonic_seconds() - start_; }

bool Trainer::finished() const {
  return out_of_data_ || (plan_.steps > 0 && state_.step >= plan_.steps) ||
         (plan_.minutes > 0 && elapsed() >= plan_.minutes * 60) ||
         (plan_.patience > 0 && state_.not_better >= plan_.patience);
}

bool Trainer::validation_due() const {
  return valid_batches_ && state_.validation.step != state_.step && is_due(state_.step, plan_.validate_every);
}

void Trainer::run() {
  start_ = monotonic_seconds();
  log_.emplace(plan_.log, state_.step);
  Progress progress("training", static_cast<uint64_t>(plan_.steps));
  while (true) {
    const bool stays = !validation_due() || validate();
    if (state_.logged != state_.step &&
        (is_due(state_.step, plan_.report_every) || state_.validation.step == state_.step))
      report();
    if (stop_signal() || !stays) break;
    if (is_due(state_.step, plan_.save_every) && saved_ != state_.step) save();
    if (finished() || !update()) break;
    const auto& sums = state_.interval.sums;
    progress.set(static_cast<uint64_t>(state_.step),
                 str("loss ", fixed(sums.loss / static_cast<double>(sums.tokens), 3)));
  }
  if (!stop_signal()) return finish();
  save();
  note("stopped by a signal at step ", state_.step, "; ", checkpoint_path(plan_.output),
       " is saved: --resume goes on from it");
}

// What is run for the next update: its batches, all of one epoch, or their parts. None when the last epoch is over.
std::vector<Batch> Trainer::gather(Place& place) const {
  std::vector<Batch> parts;
  Pairs pairs;
  for (int64_t batches = 0; batches < settings_.accumulate;) {
    if (plan_.epochs > 0 && place.epoch >= plan_.epochs) break;
    if (!batches_.next(place, pairs)) {
      if (batches > 0) break;
      continue;  // the next epoch begins
    }
    for (auto& part : model_batches(pairs, data_.special, settings_.tokens_at_once())) parts.push_back(std::move(part));
    ++batches;
  }
  return parts;
}

bool Trainer::update() {
  const double begin = monotonic_seconds();
  Place place = state_.place;
  const auto batches = gather(place);
  if (batches.empty()) {
    out_of_data_ = true;
    return false;
  }
  int64_t tokens = 0;
  for (const Batch& b : batches) tokens += b.target.tokens();
  LossSums sums;
  for (const Batch& b : batches) {
    const auto part = step_.forward_backward(b, 1 / static_cast<float>(tokens), static_cast<uint64_t>(state_.batches));
    require_finite(part.loss, "loss", &b);
    sums += part;
    ++state_.batches;
  }
  auto& parameters = model_.parameters();
  const double norm = gradient_norm(parameters.gradients());
  require_finite(norm, "gradient", nullptr);
  const int64_t step = state_.step + 1;
  optimizer_.update(parameters.values(), parameters.gradients(), step, settings_.schedule.rate(step),
                    clip_scale(norm, settings_.clip_norm));
  state_.step = step;
  state_.place = place;
  state_.target_tokens += tokens;
  const double seconds = monotonic_seconds() - begin;
  state_.training_seconds += seconds;
  state_.interval.seconds += seconds;
  state_.interval.sums += sums;
  state_.interval.norms += norm;
  ++state_.interval.updates;
  return true;
}

void Trainer::require_finite(double value, const char* what, const Batch* batch) const {
  if (std::isfinite(value)) return;
  const std::string where = batch ? str(", batch ", state_.batches, " (", batch->source.sentences(), " pairs, ",
                                        batch->source.tokens(), " and ", batch->target.tokens(), " tokens, pair ",
                                        state_.place.next, " on of epoch ", state_.place.epoch, ")")
                                  : str(", epoch ", state_.place.epoch, ", pair ", state_.place.next, " on");
  fail("step ", state_.step + 1, where, ": the ", what, " is ", std::isnan(value) ? "not a number" : "infinite",
       "; try a lower --lr, a longer --warmup or --clip-norm 1; ",
       saved_ >= 0 ? str("the checkpoint of step ", saved_, " stands in ", checkpoint_path(plan_.output))
                   : std::string("no checkpoint had been saved"));
}

bool Trainer::validate() {
  const auto sums = validation_loss(step_, *valid_batches_, data_.special);
  if (!sums) return false;
  const auto tokens = static_cast<double>(sums->tokens);
  Validation v{state_.step, sums->loss / tokens, sums->nll / tokens, {}};
  if (data_.bleu) v.bleu = (*data_.bleu)(model_);
  state_.validation = v;
  const double score = plan_.best_by_bleu ? v.bleu.value_or(0) : -v.nll;
  const bool better = state_.best_step < 0 || score > state_.best_score;
  if (better) {
    state_.best_score = score;
    state_.best_step = state_.step;
  }
  state_.not_better = better ? 0 : state_.not_better + 1;
  note("valid step ", v.step, " loss ", fixed(v.loss, 4), " ppl ", fixed(std::exp(v.nll), 3),
       v.bleu ? str(" bleu ", fixed(*v.bleu, 2)) : "", better ? " best" : str(" best_step ", state_.best_step));
  if (plan_.snapshots.best) snapshot();
  return true;
}

void Trainer::report() {
  const double rate = settings_.schedule.rate(std::max<int64_t>(state_.step, 1));
  const auto& i = state_.interval;
  state_.seconds = elapsed();
  start_ = monotonic_seconds();
  log_->add(state_, rate);
  if (i.updates > 0) {
    const auto tokens = static_cast<double>(i.sums.tokens);
    note("step ", state_.step, " epoch ", fixed(state_.epochs(), 2), " loss ", fixed(i.sums.loss / tokens, 4), " ppl ",
         fixed(std::exp(i.sums.nll / tokens), 3), " lr ", rate, " grad_norm ",
         fixed(i.norms / static_cast<double>(i.updates), 4), " target_tokens/s ", fixed(tokens / i.seconds, 0));
  }
  state_.interval = {};
  state_.logged = state_.step;
}

void Trainer::snapshot() {
  const Snapshot fresh{state_.step, plan_.best_by_bleu ? state_.validation.bleu.value_or(0) : -state_.validation.nll};
  if (!wanted(state_.snapshots, fresh, plan_.snapshots)) return;
  save_model(snapshot_path(plan_.output, fresh.step), model_, data_.vocabularies, state_, plan_.command);
  for (const auto& gone : take(state_.snapshots, fresh, plan_.snapshots)) obsolete_.push_back(gone);
}

void Trainer::save() {
  if (!plan_.snapshots.best && !stop_signal()) snapshot();
  state_.seconds = elapsed();
  start_ = monotonic_seconds();
  save_checkpoint(checkpoint_path(plan_.output), model_, optimizer_, settings_, state_, data_.vocabularies,
                  plan_.command);
  saved_ = state_.step;
  for (const auto& s : obsolete_) ::unlink(snapshot_path(plan_.output, s.step).c_str());
  obsolete_.clear();
}

void Trainer::finish() {
  if (valid_batches_ && state_.validation.step != state_.step && !validate()) return save();
  if (state_.logged != state_.step) report();
  save();
  if (!plan_.snapshots.active()) return save_model(plan_.output, model_, data_.vocabularies, state_, plan_.command);
  write_average_of(state_.snapshots, plan_.output, plan_.command);
  std::string steps;
  for (const auto& s : state_.snapshots) steps += str(steps.empty() ? "" : ", ", s.step);
  note(plan_.output, ": ", state_.snapshots.size() > 1 ? "the mean of the weights of steps " : "the weights of step ",
       steps);
  if (!valid_batches_) return;
  read_parameters(read_document(plan_.output, kModelKind), model_);
  if (const auto sums = validation_loss(step_, *valid_batches_, data_.special))
    note("valid ", plan_.output, " loss ", fixed(sums->loss / static_cast<double>(sums->tokens), 4), " ppl ",
         fixed(std::exp(sums->nll / static_cast<double>(sums->tokens)), 3));
}

}  // namespace storm
