// Trains a model on a token stream.
#include <omp.h>
#include <unistd.h>

#include <filesystem>

#include "base/file_lock.h"
#include "base/log.h"
#include "base/output.h"
#include "base/signals.h"
#include "cpu/gemm.h"
#include "tensor/device.h"
#include "tools/train_flags.h"
#include "train/memory.h"

namespace storm {
namespace {

namespace fs = std::filesystem;

// Made when main runs: the architectures it asks for are ready only then.
Tool tool() {
  return {"train",
          "trains a model on a token stream: to translate, from sentence pairs",
          R"(  train --data train.st --valid valid.st --preset tiny -o model.st
  paste train.en train.de | tokenize -m spm.model --columns src,tgt | train --preset small --minutes 60 -o model.st
  train --data train.st --valid valid.st --patience 10 --average 10 --log run.tsv -o model.st
  train --data train.st --valid valid.st --resume -o model.st                (the same command, after it was stopped)
  train --data new.st --init model.st --schedule constant --lr 1e-4 --epochs 3 -o tuned.st
  train --data train.st --preset base --max-tokens auto --memory 8G --dry-run
  train --data train.st --preset base --max-tokens 25000 --device cuda --precision bf16 -o model.st
  train --data train.st --valid valid.st --preset rnn-attn-tiny --attention general --input-feeding -o rnn.st
)",
          kThreads | kDevice | kSeed,
          train_flags::flags(),
          ""};
}

// Early, so that no training is lost to a file that cannot be written in the end.
void require_writable(const TrainPlan& plan) {
  const auto& path = plan.output;
  if (path.empty() || path == "-")
    throw UsageError("-o MODEL is missing: a file, since checkpoints are kept beside it (or give --dry-run)");
  std::error_code ignored;
  require(!fs::exists(path, ignored) || fs::is_regular_file(path, ignored), path,
          ": cannot write: is not a regular file, and checkpoints are kept beside it");
  Output model(path), checkpoint(checkpoint_path(path));
  if (plan.snapshots.active()) Output snapshot(snapshot_path(path, INT64_MAX));
}

// What the checkpoint keeps of the flags that no update hangs on.
PlanFlags plan_flags(const Args& args) {
  PlanFlags flags{{"valid-bleu", args.on("valid-bleu") ? "yes" : "no"}};
  for (const char* flag : {"valid", "measure", "log", "steps", "epochs", "minutes", "patience", "validate-every",
                           "save-every", "report-every", "average", "average-of", "best-by", "beam", "length-penalty"})
    flags[flag] = args.text(flag);
  return flags;
}

// A resumed run takes its settings from the checkpoint, and these from the command line alone: what is left out there
// is missed only at the end.
void warn_of_missing(const Args& args, const Checkpoint& checkpoint) {
  const bool limited = args.given("steps") || args.given("epochs") || args.given("minutes");
  for (const auto& [flag, now] : plan_flags(args)) {
    const auto before = checkpoint.plan.find(flag);
    if (before == checkpoint.plan.end() || before->second == now || args.given(flag)) continue;
    if ((flag == "steps" || flag == "epochs" || flag == "minutes") &&
        (limited || checkpoint.settings.schedule.steps > 0))
      continue;  // another limit
    warn("--", flag, " is left out, and was ", before->second, " before; give it again for what it did");
  }
}

const std::string& vocabulary_of(const TokenFile& file, const std::string& column) {
  const auto* bytes = file.info().vocabulary(column);
  require(bytes != nullptr, file.name(), ": carries no vocabulary for '", column, "'; make the stream with tokenize");
  return *bytes;
}

// The streams to train and to validate on, and their columns' vocabularies, which both must have alike.
struct Streams {
  const TaskKind& task;
  TokenFile train;
  std::optional<TokenFile> valid;
  std::vector<Vocabulary> vocabularies;  // of each column of the task

  std::vector<int64_t> sizes() const {
    std::vector<int64_t> sizes;
    for (const auto& vocabulary : vocabularies) sizes.push_back(vocabulary.size());
    return sizes;
  }
  // As a model's file has them: one for all columns, or each column's own.
  std::map<std::string, std::string> files() const {
    if (std::ranges::all_of(vocabularies, [&](const auto& v) { return v == vocabularies[0]; }))
      return {{"vocab", vocabularies[0].bytes()}};
    std::map<std::string, std::string> files;
    for (std::size_t c = 0; c < vocabularies.size(); ++c) files["vocab." + task.columns[c]] = vocabularies[c].bytes();
    return files;
  }
  // Throws Error when a model was trained with other vocabularies.
  void require_same(const LoadedModel& loaded) const {
    for (std::size_t c = 0; c < vocabularies.size(); ++c)
      require_same_vocabulary(loaded.name, loaded.vocabulary(task.columns[c]), vocabularies[c].bytes());
  }
  void index() {
    for (TokenFile* file : {&train, valid ? &*valid : nullptr}) {
      if (!file) continue;
      file->index(sizes());
      require(file->size() > 0, file->name(), ": holds no ", task.rows);
    }
  }
};

Streams streams(const Args& args, const TaskKind& task) {
  auto columns = train_flags::words_of(args.text("columns"));
  if (columns.empty()) columns = task.columns;
  if (columns.size() != task.columns.size())
    throw UsageError(str("--columns ", args.text("columns"), ": ", task.name, " has the columns ",
                         train_flags::joined(task.columns), "; name a column of the stream for each"));
  Streams s{.task = task, .train = TokenFile(args.text("data"), columns), .valid = {}, .vocabularies = {}};
  if (args.given("valid")) s.valid.emplace(args.text("valid"), columns);
  for (const auto& column : s.train.columns()) {
    const auto& bytes = vocabulary_of(s.train, column);
    s.vocabularies.push_back(Vocabulary::from_bytes(bytes, s.train.name()));
    if (s.valid) require_same_vocabulary(s.train.name(), bytes, vocabulary_of(*s.valid, column));
  }
  return s;
}

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

// The task that the command line asks for, or what the model is for that it begins with, or its architecture.
const TaskKind& wanted_task(const Args& args, const Checkpoint* checkpoint) {
  if (args.given("task")) return task_kind(args.text("task"));
  if (checkpoint) return task_kind(task_of(checkpoint->loaded.model->config()));
  if (args.given("init")) return task_kind(task_of(load_model(args.text("init")).model->config()));
  return task_kind(train_flags::chosen(args).first.task);
}

std::unique_ptr<Model> new_model(const Args& args, const Streams& streams) {
  const auto seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  if (!args.given("init")) {
    const auto [arch, preset] = train_flags::chosen(args);
    auto config = make_config(arch, preset, train_flags::given_settings(args), streams.sizes());
    if (streams.task.name != arch.task) config["task"] = streams.task.name;
    auto model = make_model(config);
    if (!args.on("dry-run")) model->parameters().initialize(seed);
    return model;
  }
  const auto path = args.text("init");
  const auto document = read_document(path);
  const auto loaded = load_model(document, path);
  streams.require_same(loaded);
  auto model = make_model(changed(loaded.model->config(), args));
  read_parameters(document, *model);
  return model;
}

void check_resumed(const Args& args, const Checkpoint& checkpoint, const Streams& streams) {
  const auto& name = checkpoint.loaded.name;
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
  const auto wish = make_config(arch, args.given("preset") ? args.text("preset") : arch.presets.front().name,
                                train_flags::given_settings(args), model.description().vocabularies);
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

// Throws Error for products that are not to be had, before any work is done for them.
void require_products(ProductPrecision precision, Device* device) {
  if (device)
    const DeviceProductsScope scope(*device, precision);
  else
    const ProductPrecisionScope scope(precision);
}

// The memory that training may take: what --memory says, or what a device has. Of 0 bytes it may take what it likes.
struct Room {
  std::size_t bytes = 0;
  MemoryOptions options;
};

Room room(const Args& args, const TrainSettings& settings, const Device* device) {
  Room r{.bytes = args.given("memory") ? train_flags::memory_bytes(args) : 0,
         .options = {.optimizer = settings.optimizer, .device = device, .precision = settings.precision}};
  if (!device) return r;
  const std::size_t usable = usable_bytes(*device, args.on("valid-bleu") || args.given("measure"));
  if (r.bytes == 0 || r.bytes > usable) {
    r.bytes = std::max<std::size_t>(usable, 1);
    r.options.whose = device->description() + ", free memory";
  }
  return r;
}

int64_t micro_batch(const Model& model, const Task& task, const TokenFile& file, const TrainSettings& settings,
                    const Room& room) {
  return fitting_micro_batch(model, task, room.bytes, settings.max_tokens, longest_rows(file, task.sides()),
                             room.options);
}

// What is auto, by the model and the data.
void resolve_auto(const Args& args, const Model& model, const Task& task, const TokenFile& file, const Device* device,
                  TrainSettings& settings) {
  const auto width = static_cast<double>(model.description().width);
  const auto warmup = static_cast<double>(std::max<int64_t>(settings.schedule.warmup, 1));
  std::map<std::string, double> automatic{{"lr", 1 / std::sqrt(width * warmup)}, {"clip_norm", 0}};
  for (const auto& training : {architecture(model.architecture()).training, settings.optimizer.kind().training})
    for (const auto& [key, value] : training) automatic[key] = value;
  for (const TrainSetting& row : train_settings())
    if (automatic.contains(row.key) &&
        (row.automatic ? args.text(row.setting.flag) == "auto" : !args.given(row.setting.flag)))
      row.set(settings, automatic.at(row.key));
  const Room within = room(args, settings, device);
  if (args.text("max-tokens") != "auto") {
    settings.micro_batch = micro_batch(model, task, file, settings, within);
    return;
  }
  if (within.bytes == 0) throw UsageError("--max-tokens auto needs --memory SIZE");
  int64_t most = 1;
  for (const Side& side : task.sides()) most = std::max(most, all_tokens(file, side));
  settings.max_tokens = fitting_max_tokens(model, task, within.bytes, std::min(most, kMostTokens),
                                           longest_rows(file, task.sides()), within.options);
}

// A resumed run's settings are the checkpoint's, but for what the command line changes.
TrainSettings resumed(const Args& args, const Checkpoint& checkpoint, const Model& model, const Task& task,
                      const TokenFile& file, const Device* device) {
  auto settings = resumed_settings(args, checkpoint, device);
  const bool moved = settings.device != checkpoint.settings.device;
  const int64_t before = settings.micro_batch;
  if (moved || args.given("memory"))
    settings.micro_batch = micro_batch(model, task, file, settings, room(args, settings, device));
  if (!moved && settings.micro_batch != before)
    warn("micro_batch is now ", settings.micro_batch, ", it was ", before, " before");
  return settings;
}

void print_dry_run(const Model& model, const Task& task, const Streams& streams, const Trainer& trainer,
                   const TrainSettings& settings, const Device* device) {
  const auto& batches = trainer.batches();
  const auto memory = planned_memory(model, task, streams.train, settings, device);
  const auto mib = [](std::size_t bytes) { return fixed(static_cast<double>(bytes) / (1 << 20), 1); };
  const int64_t count = batches.batches(0);
  const auto& rows = streams.task.rows;
  Output out("-");
  out.write(str("parameters\t", model.parameters().numbers(), "\n", rows, "\t", batches.rows(), "\ndropped_", rows,
                "\t", batches.dropped(), "\nmax_tokens\t", settings.max_tokens, "\nmicro_batch\t",
                settings.tokens_at_once(), "\nbatches/epoch\t", count, "\nupdates/epoch\t",
                (count + settings.accumulate - 1) / settings.accumulate, "\nlr\t", settings.schedule.peak,
                "\nparameters_and_optimizer_MiB\t", mib(memory.state), "\nlargest_batch_MiB\t", mib(memory.arena),
                "\nall_MiB\t", mib(memory.total()), "\n"));
  if (device) out.write(str("device\t", device->description(), "\nfree_MiB\t", mib(device->free_bytes()), "\n"));
  out.commit();
}

// Says how many rows do not fit. Throws Error when none does. whose: " of FILE", where it must be said; fate: theirs.
void require_rows(const BatchSource& batches, const TokenFile& file, const std::string& rows, const std::string& whose,
                  const char* fate) {
  std::string limits;
  for (const Side& side : batches.sides()) limits += str(limits.empty() ? "" : " and ", side.longest);
  if (batches.dropped() > 0)
    note(batches.dropped(), " of ", file.size(), " ", rows, whose, " are longer than ", limits, " tokens: ", fate);
  require(batches.rows() > 0, file.name(), ": none of its ", rows, " fits --max-tokens ", batches.max_tokens(),
          " and the model's longest sentence");
}

// Flags that contradict one another, and files that would be overwritten while they are read.
void check_files(const Args& args, const TrainPlan& plan) {
  if (args.given("init") && args.on("resume")) throw UsageError("--resume has no meaning with --init");
  if (args.text("data") == "-" && args.text("valid") == "-") throw UsageError("--data and --valid are both -");
  if (args.text("data") == "-" && ::isatty(STDIN_FILENO)) throw UsageError("--data FILE is missing");
  std::error_code ignored;
  for (const char* flag : {"data", "valid", "init"})
    if (!plan.output.empty() && fs::equivalent(args.text(flag), plan.output, ignored))
      throw UsageError(str("-o: ", plan.output, " is what --", flag, " reads; give it another name"));
  for (const char* flag : {"data", "valid", "init", "save"})
    if (!plan.log.empty() && (plan.log == args.text(flag) || fs::equivalent(args.text(flag), plan.log, ignored)))
      throw UsageError(str("--log: ", plan.log, " is what --", flag, " names; give it another name"));
}

std::unique_ptr<FileLock> locked(const TrainPlan& plan) {
  const auto path = plan.output + ".lock";
  return std::make_unique<FileLock>(path, str(plan.output, ": another training is writing it, and holds ", path,
                                              "; wait for its end, or give another -o"));
}

// What --resume goes on from, where there is such.
std::optional<Checkpoint> checkpoint_of(const Args& args, const TrainPlan& plan) {
  const auto path = checkpoint_path(plan.output);
  std::error_code ignored;
  const bool exists = fs::exists(path, ignored);
  if (args.on("resume") && exists) return load_checkpoint(path);
  if (args.on("resume"))
    note(path, ": there is none; the training begins");
  else if (!args.on("dry-run") && exists)
    note(path, ": of an earlier run; it will be replaced (--resume would go on from it)");
  return {};
}

void announce(const Model& model, const Streams& streams, const Trainer& trainer, const TrainSettings& settings,
              const Device* device, std::size_t free) {
  if (device)
    note(name(settings.precision), " products, ", trainer.memory().total() >> 20, " of ", free >> 20, " MiB");
  else
    note(gemm_description(), ", ", settings.threads, " threads");
  const int64_t step = trainer.state().step;
  note(model.parameters().numbers(), " parameters, ", trainer.batches().rows(), " ", streams.task.rows, ", ",
       all_tokens(streams.train, trainer.batches().sides().back()), " target tokens, max_tokens ", settings.max_tokens,
       ", lr ", settings.schedule.peak, step > 0 ? str(", going on from step ", step) : "");
}

void train(const Args& args) {
  auto plan = train_flags::plan(args);
  const bool dry = args.on("dry-run");
  check_files(args, plan);
  auto settings = train_flags::settings(args, {}, false);
  settings.threads = omp_get_max_threads();
  plan.flags = plan_flags(args);
  if (!dry) require_writable(plan);
  const auto lock = dry ? nullptr : locked(plan);
  const auto device = args.device();
  const std::size_t free = device ? device->free_bytes() : 0;
  auto checkpoint = checkpoint_of(args, plan);

  const TaskKind& kind = wanted_task(args, checkpoint ? &*checkpoint : nullptr);
  const auto measure_names = train_flags::measures(args, kind);
  plan.best_by = train_flags::best_by(args, measure_names);
  Streams data = streams(args, kind);
  if (checkpoint) check_resumed(args, *checkpoint, data);
  const auto model = checkpoint ? std::move(checkpoint->loaded.model) : new_model(args, data);
  data.index();
  const auto task = kind.make(*model, data.vocabularies);
  std::unique_ptr<Measures> measures;
  if (!measure_names.empty()) measures = task->measures(*data.valid, measure_names, train_flags::decoding(args));

  model->parameters().allocate_gradients();  // which planning looks for, and takes no memory yet
  if (checkpoint) {
    settings = resumed(args, *checkpoint, *model, *task, data.train, device.get());
    const bool limited = args.given("steps") || args.given("epochs") || args.given("minutes");
    if (!limited && settings.schedule.steps > 0) plan.steps = settings.schedule.steps;  // a schedule ends the run
  } else {
    resolve_auto(args, *model, *task, data.train, device.get(), settings);
  }
  require_products(settings.precision, device.get());
  Trainer trainer(
      *model, *task,
      {.train = data.train,
       .valid = data.valid ? &*data.valid : nullptr,
       .vocabularies = data.files(),
       .measure_names =
           measure_names.empty() ? std::vector(kind.measures.begin(), kind.measures.begin() + 1) : measure_names,
       .measures = measures.get()},
      settings, plan, dry ? nullptr : device.get());
  require_rows(trainer.batches(), data.train, kind.rows, "", "dropped");
  if (const BatchSource* judged = trainer.validation_batches())
    require_rows(*judged, *data.valid, kind.rows, str(" of ", data.valid->name()), "validation leaves them out");
  if (dry) return print_dry_run(*model, *task, data, trainer, settings, device.get());
  if (checkpoint) trainer.resume(*checkpoint);
  if (checkpoint) warn_of_missing(args, *checkpoint);
  checkpoint.reset();

  announce(*model, data, trainer, settings, device.get(), free);
  const auto before = trainer.state();
  catch_stop_signals();  // only now is there something to save: until here a signal ends the process as ever
  trainer.run();
  const auto& after = trainer.state();
  const auto tokens = static_cast<double>(after.predicted - before.predicted);
  args.stat("steps", static_cast<double>(after.step - before.step));
  args.stat("target_tokens", tokens);
  args.stat("target_tokens/s", tokens / (after.training_seconds - before.training_seconds));
  if (device)
    args.stat("device_MiB", (static_cast<double>(free) - static_cast<double>(device->free_bytes())) / (1 << 20));
  args.stat("planning_seconds", trainer.planning_seconds());
  args.stat("parameters", static_cast<double>(model->parameters().numbers()));
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  return storm::run_tool(storm::tool(), argc, argv, storm::train);
}
