#include "tools/train/resume.h"

#include <omp.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/log.h"
#include "stream/stream.h"
#include "tools/train/adaptation.h"
#include "tools/train_flags.h"
#include "train/rate_factors.h"

namespace storm {

namespace {

// A model's configuration with the settings of the command line in place of its own.
nlohmann::json changed(nlohmann::json config, const Args& args) {
  for (const char* flag : {"arch", "preset"})
    if (args.given(flag) && (flag != std::string("arch") || config.at("arch") != args.text("arch")))
      throw UsageError(str("--", flag, ": the model of --init has its own; leave the flag out"));
  const auto& arch = architecture(config.at("arch").get<std::string>());
  const auto given = train_flags::given_settings(args);
  const std::vector<int64_t> any_size(arch.vocabularies.size(), 1);
  const auto fresh = make_config(arch, arch.presets.front().name, given, any_size);
  for (const auto& [flag, value] : given) config[key_of_flag(flag)] = fresh.at(key_of_flag(flag));
  return config;
}

}  // namespace

PlanFlags plan_flags(const Args& args) {
  PlanFlags flags{{"valid-bleu", args.on("valid-bleu") ? "yes" : "no"}, {"embeddings", args.text("embeddings")}};
  for (const char* flag : {"valid", "measure", "log", "steps", "epochs", "minutes", "patience", "validate-every",
                           "save-every", "report-every", "average", "average-of", "best-by", "beam", "length-penalty"})
    flags[flag] = args.text(flag);
  return flags;
}

void warn_of_missing(const Args& args, const Checkpoint& checkpoint) {
  const bool limited = args.given("steps") || args.given("epochs") || args.given("minutes");
  for (const auto& [flag, now] : plan_flags(args)) {
    const auto before = checkpoint.plan.find(flag);
    if (flag == "embeddings" || before == checkpoint.plan.end() || before->second == now || args.given(flag)) continue;
    if ((flag == "steps" || flag == "epochs" || flag == "minutes") &&
        (limited || checkpoint.settings.schedule.steps > 0))
      continue;  // another limit
    warn("--", flag, " is left out, and was ", before->second, " before; give it again for what it did");
  }
}

std::optional<Checkpoint> checkpoint_of(const Args& args, const TrainPlan& plan, const InitialModel* initial) {
  const auto path = checkpoint_path(plan.output);
  std::error_code ignored;
  const bool exists = std::filesystem::exists(path, ignored);
  if (args.on("resume") && exists) return load_checkpoint(path, initial ? &initial->loaded : nullptr);
  if (args.on("resume"))
    note(path, ": there is none; the training begins");
  else if (!args.on("dry-run") && exists)
    note(path, ": of an earlier run; it will be replaced (--resume would go on from it)");
  return {};
}

std::optional<InitialModel> initial_model(const Args& args) {
  if (!args.given("init")) return {};
  auto document = read_document(args.text("init"));
  auto loaded = load_model(document, args.text("init"));
  return InitialModel{std::move(document), std::move(loaded)};
}

const TaskKind& wanted_task(const Args& args, const LoadedModel* begun) {
  if (args.given("task")) return task_kind(args.text("task"));
  if (begun) return task_kind(task_of(begun->model->config()));
  return task_kind(train_flags::chosen(args).first.task);
}

namespace {

// Sets what the task has of its own: what the command line says, what the configuration had, or its defaults.
void set_task(nlohmann::json& config, const Streams& streams, const Args& args) {
  const TaskKind& task = streams.task;
  const auto& arch = architecture(config.at("arch").get<std::string>());
  if (task.name != arch.task || config.contains("task")) config["task"] = task.name;
  config.update(task_settings(task, config));
  for (const auto& [flag, value] : train_flags::given_settings(args, task))
    config[key_of_flag(flag)] = typed_setting(value);
  if (task.texts == 0) return;
  config[kHeadOutputsKey] = task.outputs > 0 ? task.outputs : streams.vocabularies[task.texts].size();
  if (std::ranges::find(task.settings, kPoolKey, &Setting::flag) == task.settings.end()) config.erase(kPoolKey);
  if (config.value(kPoolKey, "") == "auto") config[kPoolKey] = arch.pool;
  if (arch.encoder_alone) arch.encoder_alone(config);
  auto& defaults = config[kDefaultsKey]["tokenize"];
  const auto asked = std::span(task.columns).first(task.asked);
  defaults["columns"] = joined(std::vector<std::string>(asked.begin(), asked.end()), ",");
  if (!task.contents.placed.empty()) defaults["offsets"] = "yes";
}

// The sizes of the architecture's vocabularies, of which the model of a head has the first alone.
std::vector<int64_t> padded(std::vector<int64_t> sizes, const Architecture& arch) {
  sizes.resize(arch.vocabularies.size(), sizes[0]);
  return sizes;
}

// Parameters that the document lacks, or that are of other labels than its own: those that a head brings.
std::set<std::string, std::less<>> head_parameters(const InitialModel& initial, const Model& model,
                                                   const Streams& streams) {
  const auto& before = initial.loaded;
  bool same = task_of(before.model->config()) == streams.task.name;
  if (same && streams.task.texts > 0 && streams.task.outputs == 0) {
    const auto labels = streams.task.texts;
    same = before.vocabulary(streams.task.columns[labels]) == streams.vocabularies[labels].bytes();
  }
  std::set<std::string, std::less<>> anew;
  for (const auto& spec : model.parameters().specs()) {
    const bool heads = is_of_head(spec.name);
    if ((heads && !same) || ((heads || spec.name.starts_with("pooler.")) && !initial.document.find(spec.name)))
      anew.insert(spec.name);
  }
  if (!anew.empty()) note(anew.size(), " parameters of the head are new: ", joined({anew.begin(), anew.end()}, ", "));
  return anew;
}

}  // namespace

std::unique_ptr<Model> new_model(const Args& args, const Streams& streams, const InitialModel* initial) {
  const auto seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  if (!initial) {
    const auto [arch, preset] = train_flags::chosen(args);
    const auto sizes = streams.task.texts > 0 ? padded({streams.sizes()[0]}, arch) : streams.sizes();
    auto config = make_config(arch, preset, train_flags::given_settings(args), sizes);
    set_task(config, streams, args);
    put_adaptation(args, nullptr, {}, config);
    auto model = make_model(config);
    if (!args.on("dry-run")) model->parameters().initialize(seed);
    return model;
  }
  if (args.given("init-adapter")) return model_with_adapter(args, streams, *initial);
  const auto grown = streams.grown_from(initial->loaded);
  auto config = changed(initial->loaded.model->config(), args);
  if (!grown.empty()) {
    const auto& keys = architecture(config.at("arch").get<std::string>()).vocabularies;
    for (std::size_t c = 0; c < std::min(keys.size(), grown.size()); ++c)
      config[keys[c]] = streams.vocabularies[c].size();
  }
  set_task(config, streams, args);
  config.erase(kAdaptationKey);
  put_adaptation(args, initial, grown, config);
  auto model = make_model(config);
  const auto anew = head_parameters(*initial, *model, streams);
  if (!anew.empty() || wanted_adaptation(args)) model->parameters().initialize(seed);  // what is added
  read_parameters(initial->document, *model, grown, anew);
  return model;
}

void check_resumed(const Args& args, const Checkpoint& checkpoint, const Streams& streams) {
  check_resumed_adaptation(args, checkpoint);
  const auto& name = checkpoint.loaded.name;
  if (const auto began = checkpoint.plan.find("embeddings");
      args.given("embeddings") && (began == checkpoint.plan.end() || began->second != args.text("embeddings")))
    throw UsageError(str("--embeddings ", args.text("embeddings"), " is not what ", name,
                         " began with; leave it out, or "
                         "give another -o"));
  streams.require_same(checkpoint.loaded);
  const Model& model = *checkpoint.loaded.model;
  const auto& config = model.config();
  if (args.given("task") && args.text("task") != task_of(config))
    throw UsageError(str("--task ", args.text("task"), " is not what ", name, " has (", task_of(config),
                         "); leave it out, or begin anew with --init"));
  const auto& arch = architecture(model.architecture());
  if (args.given("arch") && args.text("arch") != arch.name)
    throw UsageError(str("--arch ", args.text("arch"), " is not what ", name, " has (", arch.name,
                         "); leave it out, or give another -o"));
  for (const auto& [flag, value] : train_flags::given_settings(args, streams.task))
    if (const auto has = task_settings(streams.task, config).at(key_of_flag(flag)); has != typed_setting(value))
      throw UsageError(str("--", flag, " ", value, " is not what ", name, " has (", has.dump(),
                           "); leave it out, or begin anew with --init"));
  auto wish = make_config(arch, args.given("preset") ? args.text("preset") : arch.presets.front().name,
                          train_flags::given_settings(args), padded(model.description().vocabularies, arch));
  if (streams.task.texts > 0 && arch.encoder_alone) {
    wish[kPoolKey] = config.value(kPoolKey, "");
    arch.encoder_alone(wish);
  }
  for (const auto& s : arch.settings) {
    const auto key = key_of_flag(s.flag);
    if ((args.given(s.flag) || args.given("preset")) && config.contains(key) && config[key] != wish.at(key))
      throw UsageError(str("--", s.flag, " ", wish.at(key).dump(), " is not what ", name, " has (", config[key].dump(),
                           "); leave it out, or begin anew with --init"));
  }
}

TrainSettings resumed_settings(const Args& args, const Checkpoint& checkpoint, const Device* device) {
  auto settings = train_flags::settings(args, checkpoint.settings, true);
  const auto before = to_json(checkpoint.settings), now = to_json(settings);
  if (settings.seed != checkpoint.settings.seed)
    throw UsageError(str("--seed ", settings.seed, " is not what ", checkpoint.loaded.name, " has (",
                         checkpoint.settings.seed, "): the order of the data hangs on it; leave it out"));
  if (settings.optimizer.name != checkpoint.settings.optimizer.name)
    throw UsageError(str("--optimizer ", settings.optimizer.name, " is not what ", checkpoint.loaded.name, " has (",
                         checkpoint.settings.optimizer.name,
                         "): its state would not fit; leave it out, or begin anew with --init"));
  for (const char* key : {"block", "documents", "streams"})
    if (now.at(key) != before.at(key))
      throw UsageError(str("--", key, " ", now.at(key).dump(), " is not what ", checkpoint.loaded.name, " has (",
                           before.at(key).dump(), "): where the text is cut hangs on it; leave it out"));
  for (const auto& [key, value] : now.items())
    if (before.at(key) != value && key != "threads")
      warn(key, " is now ", value.dump(), ", it was ", before.at(key).dump(), " before");
  settings.device = device_name(device);
  constexpr const char* kOtherBits = "; the bits will not be those of an undisturbed run";
  if (settings.device != checkpoint.settings.device)
    warn("device: now ", settings.device, ", before ", checkpoint.settings.device, kOtherBits);
  else if (!device && checkpoint.settings.threads != omp_get_max_threads())
    warn("threads: now ", omp_get_max_threads(), ", before ", checkpoint.settings.threads, kOtherBits);
  return settings;
}

}  // namespace storm
