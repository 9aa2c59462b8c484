#include "train/state.h"

#include <nlohmann/json.hpp>

#include "train/json_entry.h"

namespace storm {

namespace {

using nlohmann::json;

json number_or_null(const std::optional<double>& x) { return x ? json(*x) : json(); }

// What JSON has no number for was written as null by versions that let a validation set of no pairs be judged: such a
// judgement counts as none, so that the training can go on.
bool holds(const json& j, const char* key) { return !j.at(key).is_null(); }

}  // namespace

json to_json(const TrainState& s) {
  json snapshots = json::array();
  for (const auto& [step, score] : s.snapshots) snapshots.push_back({{"step", step}, {"score", score}});
  return {{"step", s.step},
          {"batches", s.batches},
          {"epoch", s.place.epoch},
          {"next_pair", s.place.next},
          {"target_tokens", s.target_tokens},
          {"seconds", s.seconds},
          {"training_seconds", s.training_seconds},
          {"interval",
           {{"loss", s.interval.sums.loss},
            {"nll", s.interval.sums.nll},
            {"tokens", s.interval.sums.tokens},
            {"seconds", s.interval.seconds},
            {"norms", s.interval.norms},
            {"updates", s.interval.updates}}},
          {"logged", s.logged},
          {"validation",
           {{"step", s.validation.step},
            {"loss", s.validation.loss},
            {"nll", s.validation.nll},
            {"bleu", number_or_null(s.validation.bleu)}}},
          {"best_score", s.best_step < 0 ? json() : json(s.best_score)},
          {"best_step", s.best_step},
          {"not_better", s.not_better},
          {"snapshots", snapshots},
          {"data",
           {{"pairs", s.pairs},
            {"source_tokens", s.source_tokens},
            {"target_tokens", s.target_side_tokens},
            {"fingerprint", s.fingerprint},
            {"valid_fingerprint", s.valid_fingerprint}}}};
}

TrainState state_from(const json& j) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  TrainState s;
  read_entry(j, "step", s.step);
  read_entry(j, "batches", s.batches);
  read_entry(j, "epoch", s.place.epoch);
  read_entry(j, "next_pair", s.place.next);
  read_entry(j, "target_tokens", s.target_tokens);
  read_entry(j, "seconds", s.seconds);
  read_entry(j, "training_seconds", s.training_seconds);
  const json& interval = j.at("interval");
  read_entry(interval, "loss", s.interval.sums.loss);
  read_entry(interval, "nll", s.interval.sums.nll);
  read_entry(interval, "tokens", s.interval.sums.tokens);
  read_entry(interval, "seconds", s.interval.seconds);
  read_entry(interval, "norms", s.interval.norms);
  read_entry(interval, "updates", s.interval.updates);
  read_entry(j, "logged", s.logged);
  if (const json& validation = j.at("validation"); holds(validation, "loss") && holds(validation, "nll")) {
    read_entry(validation, "step", s.validation.step);
    read_entry(validation, "loss", s.validation.loss);
    read_entry(validation, "nll", s.validation.nll);
    if (holds(validation, "bleu")) s.validation.bleu = validation.at("bleu").get<double>();
  }
  if (holds(j, "best_score")) {
    read_entry(j, "best_step", s.best_step);
    read_entry(j, "best_score", s.best_score);
  }
  read_entry(j, "not_better", s.not_better);
  for (const json& one : j.at("snapshots")) {
    Snapshot& snapshot = s.snapshots.emplace_back(Snapshot{0, kNone});
    read_entry(one, "step", snapshot.step);
    if (holds(one, "score")) read_entry(one, "score", snapshot.score);
  }
  const json& data = j.at("data");
  read_entry(data, "pairs", s.pairs);
  read_entry(data, "source_tokens", s.source_tokens);
  read_entry(data, "target_tokens", s.target_side_tokens);
  read_newer_entry(data, "fingerprint", s.fingerprint);  // a checkpoint of before there were any has none
  read_newer_entry(data, "valid_fingerprint", s.valid_fingerprint);
  return s;
}

}  // namespace storm
