// train's flags, and what they say as the library's structs.
#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "base/split.h"
#include "models/architecture.h"
#include "tasks/task.h"
#include "tools/cli.h"
#include "train/train_settings.h"
#include "train/trainer.h"

namespace storm::train_flags {

inline std::vector<std::string> words_of(const std::string& list) {
  return list.empty() ? std::vector<std::string>{} : split_at_commas(list);
}

// Throws UsageError, of a flag that names a measure which the task has not.
inline void require_measure(const TaskKind& task, const char* flag, const std::string& name) {
  if (task.measures.empty())
    throw UsageError(str("--", flag, " ", name, ": ", task.name, " has no measures beside the loss; leave it out"));
  if (std::ranges::find(task.measures, name) == task.measures.end())
    throw UsageError(str("--", flag, ": '", name, "' is none of ", task.name, "'s measures: ", joined(task.measures)));
}

// --measure's names; --valid-bleu is one of them. Throws UsageError for one that the task has not.
inline std::vector<std::string> measures(const Args& args, const TaskKind& task) {
  auto names = words_of(args.text("measure"));
  if (args.on("valid-bleu") && std::ranges::find(names, "bleu") == names.end()) names.insert(names.begin(), "bleu");
  for (auto it = names.begin(); it != names.end(); ++it) {
    require_measure(task, "measure", *it);
    if (std::find(names.begin(), it, *it) != it) throw UsageError(str("--measure: ", *it, " is named twice"));
  }
  return names;
}

// Throws UsageError for a flag of running text where the task has none.
inline void require_running_text(const Args& args, const TaskKind& task) {
  if (args.given("rows") && args.given("block")) throw UsageError("--rows and --block contradict one another");
  if (task.running_text) return;
  for (const char* flag : {"block", "rows", "documents", "streams"})
    if (args.given(flag))
      throw UsageError(
          str("--", flag, " is for running text, and ", task.name, " is trained on ", task.rows, "; leave it out"));
}

inline std::vector<Flag> flags() {
  std::vector<Flag> all{
      {"data", "FILE", "-", "token stream with the task's columns (-: standard input, which is spooled)"},
      {"valid", "FILE", "", "token stream to validate on, made with the same vocabulary"},
      {"columns", "NAME,...", "",
       "the streams' columns that are the task's, in its order; tgt,src learns the other direction"},
      {"task", "NAME", "", ""},
      {"o,save", "MODEL", "",
       "where the model goes; MODEL.checkpoint and MODEL.step-N are kept beside it, MODEL.lock while it runs"},
      {"init", "MODEL", "", "begin with the weights and the shape of this model (fine-tuning)"},
      {"embeddings", "FILE", "",
       "vectors (embed --learn, tensor import) that rows of the first column's table of embeddings begin with; "
       "src=FILE,tgt=FILE names columns"},
      {"resume", "", "", "go on from MODEL.checkpoint, where there is one; the settings are its own"},
      {"spread", "", "",
       "under mpirun: the first process's files are sent to the others, which keep copies in $TMPDIR while they run"},
      {"dry-run", "", "",
       "print parameters, memory, batches, and, by some updates, how long it will take; train nothing"},
      {"rows", "", "", "--block 0: running text is not cut; each row is a text of its own"},
      {"steps", "N", "0", "stop after so many updates (0: no limit; 100000 when no other limit is given)"},
      {"epochs", "N", "0",
       "stop after so many passes over the data (0: no limit; 3 of a task with a head when no other limit is given)"},
      {"minutes", "X", "0", "stop after so much time, that of earlier runs included (0: no limit)"},
      {"patience", "N", "0", "stop when so many validations in a row are no better than the best (0: no limit)"},
      {"validate-every", "N", "500", "updates from validation to validation"},
      {"measure", "NAME,...", "", ""},
      {"valid-bleu", "", "",
       "--measure bleu: decode the validation set and score it, as decode | tokenize -d | bleu do"},
      {"beam", "N", "5", "for --measure"},
      {"length-penalty", "X", "1", "for --measure"},
      {"best-by", "WHAT", "loss", "what is best, for --patience and --average-of best: loss, or one of --measure"},
      {"save-every", "N", "0", "updates from checkpoint to checkpoint (0: as --validate-every)"},
      {"average", "N", "1", "the model is the mean of the weights at N checkpoints"},
      {"average-of", "WHICH", "last", "last (by --save-every) or best (by validation); best of 1: the best model"},
      {"log", "FILE", "", "a line of tab-separated figures for each report and validation"},
      {"report-every", "N", "100", "updates from report to report"},
      {"memory", "SIZE", "",
       "900M, 4G: of --max-tokens N, batches are run in parts that fit; auto: the largest batches that fit. On a "
       "device "
       "it is the device's memory, by default what is free"}};
  for (const TrainSetting& row : train_settings())
    if (!row.setting.flag.empty())
      all.push_back({row.setting.flag, row.setting.value, row.setting.preset, row.setting.help});
  std::string names, presets;
  for (const Architecture* a : architectures()) {
    names += (names.empty() ? "" : ", ") + a->name;
    for (const auto& p : a->presets) presets += (presets.empty() ? "" : ", ") + p.name;
  }
  const auto help = [&](const std::string& flag) -> std::string& {
    return std::ranges::find(all, flag, &Flag::name)->help;
  };
  for (const TrainSetting& row : train_settings()) {  // who sets an automatic one
    std::string but;
    for (const Architecture* a : architectures())
      if (a->training.contains(row.key)) but += str(", ", a->training.at(row.key), " for ", a->name);
    for (const TaskKind* task : task_kinds())
      if (task->training.contains(row.key)) but += str(", ", task->training.at(row.key), " for ", task->name);
    for (const OptimizerKind* kind : optimizer_kinds())
      if (kind->training.contains(row.key)) but += str(", ", kind->training.at(row.key), " with ", kind->name);
    if (!but.empty()) help(row.setting.flag) += ", but" + but.substr(1);
  }
  help("task") = "what the model is trained for, by default what its architecture is made for:";
  help("measure") = "also measured on the validation set:";
  for (const TaskKind* task : task_kinds()) {
    help("task") += " " + task->name + " (columns " + joined(task->columns) + ")";
    if (!task->measures.empty()) help("measure") += " of " + task->name + " " + joined(task->measures);
  }
  all.push_back({"arch", "NAME", architectures()[0]->name, "architecture: " + names + "; --preset has one of its own"});
  all.push_back(
      {"preset", "NAME", architectures()[0]->preset, "its settings, to be changed by the flags below: " + presets});
  for (const Architecture* a : architectures())
    for (const auto& s : a->settings) {
      const auto same = std::ranges::find(all, s.flag, &Flag::name);
      if (same == all.end())
        all.push_back({s.flag, s.value, s.preset, s.help});
      else if (same->preset != s.preset)
        same->help += str(" (", a->name, ": ", s.preset, ")");
    }
  std::string first_of_tasks;
  for (const TaskKind* task : task_kinds())
    for (const auto& s : task->settings)
      if (std::ranges::find(all, s.flag, &Flag::name) == all.end()) {
        all.push_back({s.flag, s.value, s.preset, s.help});
        if (first_of_tasks.empty()) first_of_tasks = s.flag;
      }
  put_headings(all, {{"data", "Data, model and task"},
                     {"steps", "When to stop"},
                     {"validate-every", "Validation"},
                     {"save-every", "Checkpoints and log"},
                     {"memory", "Batches and memory"},
                     {"schedule", "Updates"},
                     {"arch", "Networks"},
                     {first_of_tasks, "Tasks"}});
  return all;
}

// The architecture and the preset that the command line asks for: --preset alone finds its architecture.
inline std::pair<const Architecture&, std::string> chosen(const Args& args) {
  const Architecture& a = args.given("arch") || !args.given("preset") ? architecture(args.text("arch"))
                                                                      : architecture_of_preset(args.text("preset"));
  return {a, args.given("preset") ? args.text("preset") : a.preset};
}

using GivenSettings = std::vector<std::pair<std::string, std::string>>;  // flag, value

inline void add_given(const Args& args, std::span<const Setting> settings, GivenSettings& given) {
  for (const auto& s : settings)
    if (args.given(s.flag) &&
        std::none_of(given.begin(), given.end(), [&](const auto& g) { return g.first == s.flag; }))
      given.emplace_back(s.flag, args.text(s.flag));
}

// The settings of the architectures that stand on the command line.
inline GivenSettings given_settings(const Args& args) {
  GivenSettings given;
  for (const Architecture* a : architectures()) add_given(args, a->settings, given);
  return given;
}

// The task's settings that stand there. Throws UsageError for one that only another task has.
inline GivenSettings given_settings(const Args& args, const TaskKind& task) {
  GivenSettings given, others;
  add_given(args, task.settings, given);
  for (const TaskKind* other : task_kinds()) add_given(args, other->settings, others);
  for (const auto& [flag, value] : others)
    if (std::ranges::find(task.settings, flag, &Setting::flag) == task.settings.end())
      throw UsageError(str("--", flag, " has no meaning with the task ", task.name));
  return given;
}

inline std::size_t memory_bytes(const Args& args) {
  std::string text = args.text("memory");
  double unit = 1;
  const std::string units = "KMGT";
  if (const auto at = text.empty() ? units.npos : units.find(text.back()); at != units.npos) {
    unit = std::pow(1024.0, static_cast<double>(at + 1));
    text.pop_back();
  }
  const auto value = parse_number<double>(text);
  if (!value || !(*value > 0 && *value * unit < 1e15))
    throw UsageError(str("--memory: '", args.text("memory"), "' is not a size such as 900M or 4G"));
  return static_cast<std::size_t>(*value * unit);
}

// `settings` with what the command line says; with resuming, only what is given there. What is auto stays as it is.
inline TrainSettings settings(const Args& args, TrainSettings s, bool resuming) {
  const auto said = [&](const std::string& flag) { return !resuming || args.given(flag); };
  for (const TrainSetting& row : train_settings()) {
    const auto& flag = row.setting.flag;
    if (flag.empty() || !said(flag) || (row.automatic && args.text(flag) == "auto")) continue;
    row.set(s, row.setting.value.empty() ? nlohmann::json(args.on(flag)) : typed_setting(args.text(flag)));
  }
  if (args.on("rows")) s.text.block = 0;
  if (said("steps")) s.schedule.steps = args.integer("steps", 0, INT64_MAX);
  if (s.schedule.kind == Schedule::Kind::linear || s.schedule.kind == Schedule::Kind::cosine) {
    if (s.schedule.steps == 0) throw UsageError(str("--schedule ", schedule_name(s.schedule.kind), " needs --steps"));
  } else {
    s.schedule.steps = 0;
  }
  for (const OptimizerKind* kind : optimizer_kinds())
    for (const auto& number : kind->numbers)
      if (kind->name != s.optimizer.name && args.given(flag_of_key(number.key)))
        throw UsageError(str("--", flag_of_key(number.key), " has no meaning with --optimizer ", s.optimizer.name));
  if (said("seed")) s.seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  return s;
}

inline TrainPlan plan(const Args& args) {
  TrainPlan p;
  const bool valid = args.given("valid");
  for (const char* flag : {"patience", "measure", "valid-bleu", "validate-every", "best-by"})
    if (!valid && args.given(flag)) throw UsageError(str("--", flag, " needs --valid FILE"));
  p.steps = args.integer("steps", 0, INT64_MAX);
  p.epochs = args.integer("epochs", 0, INT64_MAX);
  p.minutes = args.real("minutes", 0, 1e9);
  if (p.steps == 0 && p.epochs == 0 && p.minutes == 0) p.steps = 100'000;
  p.patience = args.integer("patience", 0, INT64_MAX);
  p.validate_every = args.integer("validate-every", 1, INT64_MAX);
  p.save_every = args.integer("save-every", 0, INT64_MAX);
  if (p.save_every == 0) p.save_every = p.validate_every;
  p.report_every = args.integer("report-every", 1, INT64_MAX);
  p.snapshots.count = args.integer("average", 1, 1000);
  p.snapshots.best = args.choice("average-of", {"last", "best"}) == "best";
  if (p.snapshots.best && !valid) throw UsageError("--average-of best needs --valid FILE");
  for (const char* flag : {"beam", "length-penalty"})
    if (args.given(flag) && !args.on("valid-bleu") && !args.given("measure"))
      throw UsageError(str("--", flag, " needs --measure"));
  p.output = args.text("save");
  p.log = args.text("log");
  p.adapter = args.text("save-adapter");
  p.command = args.command();
  return p;
}

// What --best-by names, which must be measured; empty for the loss.
inline std::string best_by(const Args& args, const TaskKind& task, const std::vector<std::string>& measures) {
  const auto& name = args.text("best-by");
  if (name == "loss") return {};
  require_measure(task, "best-by", name);
  if (std::ranges::find(measures, name) == measures.end())
    throw UsageError(str("--best-by: '", name, "' is neither loss nor measured; give --measure ", name, ", too"));
  return name;
}

inline DecodeOptions decoding(const Args& args) {
  DecodeOptions options;
  options.beam = static_cast<int32_t>(args.integer("beam", 1, 1000));
  options.length_penalty = args.real("length-penalty", 0, 100);
  return options;
}

}  // namespace storm::train_flags
