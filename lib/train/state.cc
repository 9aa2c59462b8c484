#include "train/state.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "train/json_entry.h"

namespace storm {

namespace {

using nlohmann::json;

// One loss is written as ever, by its entries; several as lists of them.
template <class Number>
json entries_of(const Losses& losses, Number LossSums::*entry) {
  json all = json::array();
  for (const LossSums& one : losses) all.push_back(one.*entry);
  return losses.size() == 1 ? all[0] : all;
}

Losses losses_from(const json& j) {
  const auto list = [&](const char* key) { return j.at(key).is_array() ? j.at(key) : json::array({j.at(key)}); };
  const json loss = list("loss"), nll = list("nll"), counts = list("tokens");
  if (nll.size() != loss.size() || counts.size() != loss.size()) throw UsageError("losses of different numbers");
  Losses losses(loss.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    loss[i].get_to(losses[i].loss);
    nll[i].get_to(losses[i].nll);
    losses[i].count = whole_number(counts[i], "tokens");
  }
  return losses;
}

void write_losses(const Losses& losses, json& to) {
  to["loss"] = entries_of(losses, &LossSums::loss);
  to["nll"] = entries_of(losses, &LossSums::nll);
  to["tokens"] = entries_of(losses, &LossSums::count);
}

// What JSON has no number for was written as null by versions that let a validation set of no pairs be judged: such a
// judgement counts as none, so that the training can go on.
bool holds(const json& j, const char* key) { return !j.at(key).is_null(); }

}  // namespace

json to_json(const TrainState& s) {
  json snapshots = json::array();
  for (const auto& [step, score] : s.snapshots) snapshots.push_back({{"step", step}, {"score", score}});
  json interval{{"seconds", s.interval.seconds}, {"norms", s.interval.norms}, {"updates", s.interval.updates}};
  write_losses(s.interval.losses, interval);
  json validation{{"step", s.validation.step},
                  {"loss", s.validation.loss},
                  {"nll", s.validation.nll},
                  {"measures", s.validation.measures}};
  if (!s.validation.losses.empty()) write_losses(s.validation.losses, validation["losses"]);
  return {{"step", s.step},
          {"batches", s.batches},
          {"epoch", s.place.epoch},
          {"next_pair", s.place.next},
          {"epoch_rows", s.epoch_rows},
          {"target_tokens", s.predicted},
          {"seconds", s.seconds},
          {"training_seconds", s.training_seconds},
          {"interval", interval},
          {"logged", s.logged},
          {"validation", validation},
          {"best_score", s.best_step < 0 ? json() : json(s.best_score)},
          {"best_step", s.best_step},
          {"not_better", s.not_better},
          {"snapshots", snapshots},
          {"data",
           {{"rows", s.rows},
            {"tokens", s.tokens},
            {"fingerprint", s.fingerprint},
            {"valid_fingerprint", s.valid_fingerprint}}}};
}

double Validation::perplexity() const { return losses.empty() ? std::exp(nll) : storm::perplexity(losses); }

std::optional<double> Validation::measured(const std::string& name) const {
  for (const auto& [measure, value] : measures)
    if (measure == name) return value;
  return {};
}

TrainState state_from(const json& j) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  TrainState s;
  read_entry(j, "step", s.step);
  read_entry(j, "batches", s.batches);
  read_entry(j, "epoch", s.place.epoch);
  read_entry(j, "next_pair", s.place.next);
  read_entry(j, "target_tokens", s.predicted);
  read_entry(j, "seconds", s.seconds);
  read_entry(j, "training_seconds", s.training_seconds);
  const json& interval = j.at("interval");
  s.interval.losses = losses_from(interval);
  read_entry(interval, "seconds", s.interval.seconds);
  read_entry(interval, "norms", s.interval.norms);
  read_entry(interval, "updates", s.interval.updates);
  read_entry(j, "logged", s.logged);
  if (const json& validation = j.at("validation"); holds(validation, "loss") && holds(validation, "nll")) {
    read_entry(validation, "step", s.validation.step);
    read_entry(validation, "loss", s.validation.loss);
    read_entry(validation, "nll", s.validation.nll);
    read_newer_entry(validation, "measures", s.validation.measures);
    if (validation.contains("losses")) s.validation.losses = losses_from(validation.at("losses"));
    // Of before there were several: BLEU had an entry of its own, and null where it was not measured.
    if (validation.contains("bleu") && holds(validation, "bleu"))
      s.validation.measures = {{"bleu", validation.at("bleu").get<double>()}};
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
  if (data.contains("pairs")) {  // of before there were other tasks than translation
    read_entry(data, "pairs", s.rows);
    s.tokens.resize(2);
    read_entry(data, "source_tokens", s.tokens[0]);
    read_entry(data, "target_tokens", s.tokens[1]);
  } else {
    read_entry(data, "rows", s.rows);
    for (const json& n : data.at("tokens")) s.tokens.push_back(whole_number(n, "tokens"));
  }
  s.epoch_rows = s.rows;  // of before text was cut into blocks
  read_newer_entry(j, "epoch_rows", s.epoch_rows);
  read_newer_entry(data, "fingerprint", s.fingerprint);  // a checkpoint of before there were any has none
  read_newer_entry(data, "valid_fingerprint", s.valid_fingerprint);
  return s;
}

}  // namespace storm
