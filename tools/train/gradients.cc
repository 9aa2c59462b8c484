// Training by gradients: what train does with every preset of an architecture.
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/file_lock.h"
#include "base/log.h"
#include "base/output.h"
#include "base/signals.h"
#include "cpu/gemm.h"
#include "tensor/open_device.h"
#include "tools/replicas.h"
#include "tools/spread_files.h"
#include "tools/train/adaptation.h"
#include "tools/train/embeddings.h"
#include "tools/train/learner.h"
#include "tools/train/memory_plan.h"
#include "tools/train/resume.h"
#include "tools/train_flags.h"
#include "train/device_group.h"
#include "train/replicated_answers.h"
#include "train/text_limits.h"

namespace storm {

namespace {

namespace fs = std::filesystem;

// Early, so that no training is lost to a file that cannot be written in the end.
void require_writable(const TrainPlan& plan) {
  const auto& path = plan.output;
  if (path.empty() || path == "-")
    throw UsageError("-o MODEL is missing: a file, since checkpoints are kept beside it (or give --dry-run)");
  std::error_code ignored;
  require(!fs::exists(path, ignored) || fs::is_regular_file(path, ignored), path,
          ": cannot write: is not a regular file, and checkpoints are kept beside it");
  Output model(path), checkpoint(checkpoint_path(path));
  if (!plan.adapter.empty()) Output adapter(plan.adapter);
  if (plan.snapshots.active()) Output snapshot(snapshot_path(path, INT64_MAX));
}

// Throws Error for products that are not to be had, before any work is done for them.
void require_products(ProductPrecision precision, Device* device) {
  if (device)
    const DeviceProductsScope scope(*device, precision);
  else
    const ProductPrecisionScope scope(precision);
}

// What the machine has to give, in bytes; 0 where it does not say.
std::size_t available_memory() {
  std::ifstream said("/proc/meminfo");
  for (std::string line; std::getline(said, line);)
    if (line.starts_with("MemAvailable:")) return std::stoull(line.substr(line.find(':') + 1)) << 10;
  return 0;
}

// What a run takes at most, in epochs; 0: it has no limit that is known before. per_epoch: batches.
double epochs_of(const TrainPlan& plan, const TrainSettings& settings, int64_t per_epoch) {
  double least = plan.epochs > 0 ? static_cast<double>(plan.epochs) : HUGE_VAL;
  if (plan.steps > 0 && settings.accumulate_warmup == 0) {
    const int64_t updates = (per_epoch + settings.accumulate - 1) / settings.accumulate;
    least = std::min(least, static_cast<double>(plan.steps) / static_cast<double>(updates));
  } else if (plan.steps > 0) {
    const auto all = static_cast<double>(plan.steps), more = static_cast<double>(settings.accumulate - 1),
               warmup = static_cast<double>(settings.accumulate_warmup), rising = std::min(all, warmup);
    const double batches = all + more * (rising * rising / (2 * warmup) + all - rising);
    least = std::min(least, batches / static_cast<double>(per_epoch));
  }
  return least == HUGE_VAL ? 0 : least;
}

// Tried by some updates where the memory is there; 0: it is not. initialize: gives a new model its first weights, which
// a dry run has left out.
double seconds_of_epoch(Trainer& trainer, const std::function<void()>& initialize,
                        const std::function<std::unique_ptr<Trainer>()>& on_device, Replicas& replicas) {
  std::unique_ptr<Trainer> other;
  bool fits = trainer.memory().total() < available_memory() / static_cast<std::size_t>(replicas.size());
  if (fits || on_device) initialize();
  if (on_device) try {
      fits = true;
      other = on_device();
    } catch (const Error&) {
      fits = false;  // the plan is what is asked for
    }
  if (replicas.any(!fits)) return 0;
  try {
    return other ? other->seconds_of_epoch() : trainer.seconds_of_epoch();
  } catch (const Error&) {  // a loss that is no number, say: the training will tell
    if (!replicas.is_alone()) throw;
    return 0;
  }
}

// seconds: of an epoch; 0: it was not tried.
void print_dry_run(const Model& model, const Task& task, const Streams& streams, const Trainer& trainer,
                   const TrainSettings& settings, const TrainPlan& plan, const Device* device, double seconds) {
  const auto& batches = trainer.batches();
  const auto memory = planned_memory(model, task, streams.rows(), settings, device, open_replicas().size());
  const auto mib = [](std::size_t bytes) { return fixed(static_cast<double>(bytes) / (1 << 20), 1); };
  const int64_t count = batches.batches(0);
  const auto rows = streams.row_name();
  Output out("-");
  const std::size_t all = model.parameters().numbers(), trained = model.parameters().trained_numbers();
  out.write(str("parameters\t", all, "\n", trained < all ? str("trained\t", trained, "\n") : "", rows, "\t",
                batches.rows(), "\ndropped_", rows, "\t", batches.dropped(), "\nmax_tokens\t", settings.max_tokens,
                "\nmicro_batch\t", settings.tokens_at_once(), "\nbatches/epoch\t", count, "\nupdates/epoch\t",
                (count + settings.accumulate - 1) / settings.accumulate, "\nlr\t", settings.schedule.peak,
                "\nparameters_and_optimizer_MiB\t", mib(memory.state), "\nlargest_batch_MiB\t", mib(memory.arena),
                "\nall_MiB\t", mib(memory.total()), "\n"));
  if (seconds > 0) out.write(str("minutes/epoch\t", fixed(seconds / 60, 2), "\n"));
  double minutes = epochs_of(plan, settings, count) * seconds / 60;
  if (plan.minutes > 0) minutes = minutes > 0 ? std::min(minutes, plan.minutes) : plan.minutes;
  if (minutes > 0) out.write(str("minutes\t", fixed(minutes, 1), "\n"));
  if (device) out.write(str("device\t", device->description(), "\nfree_MiB\t", mib(device->free_bytes()), "\n"));
  out.commit();
}

// Flags that contradict one another, and files that would be overwritten while they are read.
void check_files(const Args& args, const TrainPlan& plan) {
  if (args.given("init-adapter") && !args.given("init"))
    throw UsageError("--init-adapter needs --init MODEL: what the adapter was made for");
  if (args.given("embeddings") && args.given("init"))
    throw UsageError("--embeddings: the model of --init has its own; leave one of the two out");
  if (args.text("data") == "-" && args.text("valid") == "-") throw UsageError("--data and --valid are both -");
  if (args.text("data") == "-" && ::isatty(STDIN_FILENO)) throw UsageError("--data FILE is missing");
  std::error_code ignored;
  for (const char* flag : {"data", "valid", "init", "init-adapter", "embeddings"})
    if (!plan.output.empty() && fs::equivalent(args.text(flag), plan.output, ignored))
      throw UsageError(str("-o: ", plan.output, " is what --", flag, " reads; give it another name"));
  for (const auto& [output, path] : {std::pair("log", plan.log), {"save-adapter", plan.adapter}})
    for (const char* flag : {"data", "valid", "init", "init-adapter", "embeddings", "save"})
      if (!path.empty() && (path == args.text(flag) || fs::equivalent(args.text(flag), path, ignored)))
        throw UsageError(str("--", output, ": ", path, " is what --", flag, " names; give it another name"));
}

std::unique_ptr<FileLock> locked(const TrainPlan& plan) {
  const auto path = plan.output + ".lock";
  return std::make_unique<FileLock>(path, str(plan.output, ": another training is writing it, and holds ", path,
                                              "; wait for its end, or give another -o"));
}

void announce(const Model& model, const Streams& streams, const Trainer& trainer, const TrainSettings& settings,
              const Device* device, std::size_t free, int processes) {
  if (device)
    note(name(settings.precision), " products, ", trainer.memory().total() >> 20, " of ", free >> 20, " MiB");
  else
    note(gemm_description(), ", ", settings.threads, " threads",
         processes > 1 ? str(", ", processes, " processes") : "");
  const int64_t step = trainer.state().step;
  if (device && processes > 1)
    note(processes, " processes, whose devices add up ", trainer.grouped() ? "by NCCL" : "by way of their hosts");
  const std::size_t all = model.parameters().numbers(), trained = model.parameters().trained_numbers();
  note(all, " parameters, ", trained < all ? str(trained, " of them trained, ") : "", trainer.batches().rows(), " ",
       streams.row_name(), ", ", trainer.batches().tokens(), " target tokens, max_tokens ", settings.max_tokens,
       ", lr ", settings.schedule.peak, step > 0 ? str(", going on from step ", step) : "");
}

// What several processes cannot share.
void check_shared(const Args& args, const TrainSettings& settings) {
  if (args.text("data") == "-" || args.text("valid") == "-")
    throw UsageError(
        "several processes read the data, which one alone can do of -; give it as a file that each can read");
  if (settings.text.streams > 0)
    throw UsageError(
        "--streams carries a state from batch to batch, which several processes cannot deal out; leave it out");
  if (args.on("spread") && args.given("embeddings"))
    throw UsageError("--spread sends no --embeddings; begin a model with them by one process, and give it as --init");
}

void train_by_gradients(const Args& given_args) {
  Replicas& replicas = join(given_args);
  auto plan = train_flags::plan(given_args);
  const bool dry = given_args.on("dry-run");
  if (replicas.is_first()) check_files(given_args, plan);
  SpreadFiles spread(replicas);
  const Args args = spread(given_args, {"data", "valid", "init", "init-adapter"});
  // What was begun there is read from a copy as well.
  if (args.on("spread") && args.on("resume") && !replicas.is_alone()) {
    constexpr std::string_view kModel = "model";
    const auto copy = spread.file(checkpoint_path(plan.output), checkpoint_path(std::string(kModel)));
    plan.output = copy.substr(0, copy.size() - (checkpoint_path(std::string(kModel)).size() - kModel.size()));
  }
  auto settings = train_flags::settings(args, {}, false);
  settings.threads = omp_get_max_threads();
  if (settings.r_drop > 0 && settings.text.streams > 0)
    throw UsageError(
        "--r-drop runs each row twice, which --streams, that carry a state, cannot; leave one of them out");
  if (!replicas.is_alone()) check_shared(args, settings);
  if (!args.given("accumulate")) settings.accumulate = replicas.size();
  if (settings.schedule.restarts > 0 && !settings.schedule.ends())
    throw UsageError("--restarts: " + schedule_name(settings.schedule.kind) +
                     " does not end, and cannot begin again; give --schedule linear or cosine");
  if (settings.accumulate_warmup > 0 && settings.accumulate == 1)
    throw UsageError("--accumulate-warmup: an update has one batch from the start; give --accumulate");
  plan.flags = plan_flags(args);
  const bool writes = !dry && replicas.is_first();
  if (writes) require_writable(plan);
  const auto lock = writes ? locked(plan) : nullptr;
  const auto device = args.device();
  if (!replicas.is_alone()) require_same(replicas, device != nullptr, "whether there is a device");
  join_devices(replicas, device.get());
  const std::size_t free = device ? device->free_bytes() : 0;
  auto initial = initial_model(args);
  auto checkpoint = checkpoint_of(args, plan, initial ? &*initial : nullptr);
  const TaskKind& kind = wanted_task(args, checkpoint ? &checkpoint->loaded : initial ? &initial->loaded : nullptr);
  train_flags::require_running_text(args, kind);
  const auto given = [&](const char* flag) { return args.given(flag); };
  if (kind.epochs > 0 && std::ranges::none_of(std::array{"steps", "epochs", "minutes", "patience"}, given)) {
    plan.steps = 0;
    plan.epochs = kind.epochs;
  }
  const auto measure_names = train_flags::measures(args, kind);
  plan.best_by = train_flags::best_by(args, kind, measure_names);
  Streams data(args, kind);
  if (checkpoint) {
    check_resumed(args, *checkpoint, data);
    plan.flags["embeddings"] = checkpoint->plan["embeddings"];
  }
  const auto model =
      checkpoint ? std::move(checkpoint->loaded.model) : new_model(args, data, initial ? &*initial : nullptr);
  if (!checkpoint) begin_embeddings(args, data, *model);
  check_saved_adapter(plan, *model);
  const auto own_vocabularies =
      initial && data.files() == initial->loaded.vocabularies ? std::map<std::string, std::string>{} : data.files();
  initial.reset();
  data.index();
  if (!replicas.is_alone()) {
    require_same(replicas, data.train.fingerprint(), data.train.name());
    if (data.valid) require_same(replicas, data.valid->fingerprint(), data.valid->name());
    require_same(replicas, checkpoint ? static_cast<uint64_t>(checkpoint->state.step) + 1 : 0,
                 checkpoint_path(plan.output));
  }
  const auto task = kind.make(*model, data.vocabularies);
  // The log has a column for each; where nothing is measured, for the task's first, so that logs have one shape.
  auto columns = measure_names;
  if (columns.empty() && !kind.measures.empty()) columns.push_back(kind.measures[0]);

  model->parameters().allocate_gradients();  // which planning looks for, and takes no memory yet
  if (checkpoint) {
    settings = resumed_settings(args, *checkpoint, device.get());
    if (kind.running_text) require_text(settings, *model, *task);
    data.cut(*task, settings);
    resolve_resumed(args, *checkpoint, *model, *task, data.rows(), device.get(), settings);
    const bool limited = args.given("steps") || args.given("epochs") || args.given("minutes");
    if (!limited && settings.schedule.steps > 0) {  // a schedule ends the run
      plan.steps = settings.schedule.steps;
      plan.epochs = 0;
    }
  } else {
    resolve_automatic(args, *model, kind, *task, settings);
    if (kind.running_text) require_text(settings, *model, *task);
    data.cut(*task, settings);
    resolve_memory(args, *model, *task, data.rows(), device.get(), settings);
  }
  require_block_fits(settings, *task);
  std::unique_ptr<Measures> measures;
  ReplicatedAnswers dealer(replicas);
  auto decoding = train_flags::decoding(args);
  if (!replicas.is_alone()) decoding.dealer = &dealer;
  if (!measure_names.empty()) measures = data.measures(*task, measure_names, decoding);
  require_products(settings.precision, device.get());
  const TrainData train_data{.train = data.train,
                             .valid = data.valid ? &*data.valid : nullptr,
                             .vocabularies = data.files(),
                             .own_vocabularies = own_vocabularies,
                             .measure_names = columns,
                             .measures = measures.get(),
                             .train_rows = data.train_rows.get(),
                             .valid_rows = data.valid_rows.get(),
                             .word_dropout = data.word_dropout ? &*data.word_dropout : nullptr};
  Trainer trainer(*model, *task, train_data, settings, plan, dry ? nullptr : device.get(), replicas);
  require_rows(trainer.batches(), data.train, data.row_name(), "", "dropped");
  if (const BatchSource* judged = trainer.validation_batches())
    require_rows(*judged, *data.valid, data.row_name(), str(" of ", data.valid->name()), "validation leaves them out");
  if (dry) {
    const auto on_device = [&] {
      return std::make_unique<Trainer>(*model, *task, train_data, settings, plan, device.get(), replicas);
    };
    const auto initialize = [&] {
      if (!args.given("init") && !checkpoint) model->parameters().initialize(settings.seed);
    };
    const double seconds = seconds_of_epoch(
        trainer, initialize, device ? std::function<std::unique_ptr<Trainer>()>(on_device) : nullptr, replicas);
    if (replicas.is_first()) print_dry_run(*model, *task, data, trainer, settings, plan, device.get(), seconds);
    return replicas.finish();
  }
  if (checkpoint) trainer.resume(*checkpoint);
  if (!replicas.is_alone()) {
    const auto values = std::as_bytes(model->parameters().values());
    require_same(replicas, hash_of_bytes({reinterpret_cast<const char*>(values.data()), values.size()}),
                 "what the training begins with");
    TrainSettings shared = settings;
    shared.threads = 0;  // which machines may have more or less of
    require_same(replicas, hash_of_bytes(to_json(shared).dump() + to_json(trainer.state()).dump()),
                 "how the training goes on");
  }
  if (checkpoint) warn_of_missing(args, *checkpoint);
  checkpoint.reset();

  announce(*model, data, trainer, settings, device.get(), free, replicas.size());
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
  args.stat("trained_parameters", static_cast<double>(model->parameters().trained_numbers()));
  if (!replicas.is_alone()) {
    args.stat("processes", replicas.size());
    args.stat("bytes_sent", static_cast<double>(replicas.bytes_sent()));
    if (const GradientReduction* r = trainer.reduction()) {
      args.stat("reduce_seconds", r->finish_seconds());
      args.stat("share_seconds", r->share_seconds());
    }
  }
  replicas.finish();
}

std::vector<Flag> all_flags() {
  auto flags = train_flags::flags();
  const auto own = adaptation_flags();  // before those of architectures
  flags.insert(std::ranges::find(flags, "arch", &Flag::name), own.begin(), own.end());
  return flags;
}

}  // namespace

const Learner& gradient_learner() {
  static const Learner learner{.name = "gradients",
                               .presets =
                                   [] {
                                     std::vector<std::string> names;
                                     for (const Architecture* a : architectures())
                                       for (const Preset& preset : a->presets) names.push_back(preset.name);
                                     return names;
                                   }(),
                               .flags = all_flags(),
                               .learn = train_by_gradients};
  return learner;
}

}  // namespace storm
