#include "train/state.h"

#include <nlohmann/json.hpp>

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
  j.at("step").get_to(s.step);
  j.at("batches").get_to(s.batches);
  j.at("epoch").get_to(s.place.epoch);
  j.at("next_pair").get_to(s.place.next);
  j.at("target_tokens").get_to(s.target_tokens);
  j.at("seconds").get_to(s.seconds);
  j.at("training_seconds").get_to(s.training_seconds);
  const json& interval = j.at("interval");
  interval.at("loss").get_to(s.interval.sums.loss);
  interval.at("nll").get_to(s.interval.sums.nll);
  interval.at("tokens").get_to(s.interval.sums.tokens);
  interval.at("seconds").get_to(s.interval.seconds);
  interval.at("norms").get_to(s.interval.norms);
  interval.at("updates").get_to(s.interval.updates);
  j.at("logged").get_to(s.logged);
  if (const json& validation = j.at("validation"); holds(validation, "loss") && holds(validation, "nll")) {
    validation.at("step").get_to(s.validation.step);
    validation.at("loss").get_to(s.validation.loss);
    validation.at("nll").get_to(s.validation.nll);
    if (holds(validation, "bleu")) s.validation.bleu = validation.at("bleu").get<double>();
  }
  if (holds(j, "best_score")) {
    j.at("best_step").get_to(s.best_step);
    j.at("best_score").get_to(s.best_score);
  }
  j.at("not_better").get_to(s.not_better);
  for (const json& one : j.at("snapshots"))
    s.snapshots.push_back({one.at("step").get<int64_t>(), holds(one, "score") ? one.at("score").get<double>() : kNone});
  const json& data = j.at("data");
  data.at("pairs").get_to(s.pairs);
  data.at("source_tokens").get_to(s.source_tokens);
  data.at("target_tokens").get_to(s.target_side_tokens);
  s.fingerprint = data.value("fingerprint", s.fingerprint);  // a checkpoint of before there were any has none
  s.valid_fingerprint = data.value("valid_fingerprint", s.valid_fingerprint);
  return s;
}

}  // namespace storm
