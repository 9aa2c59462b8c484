// Trains a model on sentence pairs.
#include <omp.h>
#include <unistd.h>

#include <filesystem>

#include "base/file_lock.h"
#include "base/log.h"
#include "base/output.h"
#include "base/signals.h"
#include "cpu/gemm.h"
#include "decode/special_ids.h"
#include "tensor/device.h"
#include "tools/train_flags.h"
#include "train/memory.h"

namespace storm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostTokens = 1 << 24;  // of a batch, as --max-tokens takes

// Made when main runs: the architectures it asks for are ready only then.
Tool tool() {
  return {"train",
          "trains a translation model on a token stream of sentence pairs",
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
  for (const char* flag : {"valid", "log", "steps", "epochs", "minutes", "patience", "validate-every", "save-every",
                           "report-every", "average", "average-of", "best-by", "beam", "length-penalty"})
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

const std::string& vocabulary_of(const PairFile& file, const char* column) {
  const auto* bytes = file.info().vocabulary(column);
  require(bytes != nullptr, file.name(), ": carries no vocabulary for '", column, "'; make the stream with tokenize");
  return *bytes;
}

// A model's configuration with the settings of the command line in place of its own.
nlohmann::json changed(const std::string& text, const Args& args) {
  auto config = nlohmann::json::parse(text);
  for (const char* flag : {"arch", "preset"})
    if (args.given(flag) && (flag != std::string("arch") || config.at("arch") != args.text("arch")))
      throw UsageError(str("--", flag, ": the model of --init has its own; leave the flag out"));
  const auto& arch = architecture(config.at("arch").get<std::string>());
  const auto fresh = make_config(arch, arch.presets.front().name, train_flags::given_settings(args), 1, 1);
  for (const auto& [flag, value] : train_flags::given_settings(args)) {
    std::string key = flag;
    std::replace(key.begin(), key.end(), '-', '_');
    config[key] = fresh.at(key);
  }
  return config;
}

std::unique_ptr<Model> new_model(const Args& args, const TrainData& data, int64_t sources, int64_t targets) {
  const auto seed = static_cast<uint64_t>(args.integer("seed", 0, INT64_MAX));
  if (!args.given("init")) {
    const auto [arch, preset] = train_flags::chosen(args);
    auto model = make_model(make_config(arch, preset, train_flags::given_settings(args), sources, targets));
    if (!args.on("dry-run")) model->parameters().initialize(seed);
    return model;
  }
  const auto path = args.text("init");
  const auto document = read_document(path);
  const auto loaded = load_model(document, path);
  for (const char* column : {"src", "tgt"})
    require_same_vocabulary(path, loaded.vocabulary(column), vocabulary_of(data.train, column));
  auto model = make_model(changed(loaded.model->config(), args));
  read_parameters(document, *model);
  return model;
}

void check_resumed(const Args& args, const Checkpoint& checkpoint, const TrainData& data) {
  const auto& name = checkpoint.loaded.name;
  for (const char* column : {"src", "tgt"})
    require_same_vocabulary(name, checkpoint.loaded.vocabulary(column), vocabulary_of(data.train, column));
  const auto config = nlohmann::json::parse(checkpoint.loaded.model->config());
  const auto& arch = architecture(config.at("arch").get<std::string>());
  if (args.given("arch") && args.text("arch") != arch.name)
    throw UsageError(str("--arch ", args.text("arch"), " is not what ", name, " has (", arch.name,
                         "); leave it out, or give another -o"));
  const auto wish = make_config(arch, args.given("preset") ? args.text("preset") : arch.presets.front().name,
                                train_flags::given_settings(args), 1, 1);
  for (const auto& s : arch.settings) {
    std::string key = s.flag;
    std::replace(key.begin(), key.end(), '-', '_');
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
  if (settings.optimizer.kind != checkpoint.settings.optimizer.kind)
    throw UsageError(str("--optimizer ", optimizer_name(settings.optimizer.kind), " is not what ",
                         checkpoint.loaded.name, " has (", optimizer_name(checkpoint.settings.optimizer.kind),
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

// So that it is known before any work is done. Throws Error for products that are not to be had.
void require_products(ProductPrecision precision, Device* device) {
  if (device)
    const DeviceProductsScope scope(*device, precision);
  else
    const ProductPrecisionScope scope(precision);
}

// The memory that training may take: what --memory says, or what a device has. No bytes: as many as it likes.
struct Room {
  std::size_t bytes = 0;
  MemoryOptions options;
};

Room room(const Args& args, const TrainSettings& settings, const Device* device) {
  Room r{.bytes = args.given("memory") ? train_flags::memory_bytes(args) : 0,
         .options = {.optimizer = settings.optimizer}};
  if (!device) return r;
  r.options.device = settings.precision;
  const std::size_t usable = usable_bytes(*device, args.on("valid-bleu"));
  if (r.bytes == 0 || r.bytes > usable) {
    r.bytes = std::max<std::size_t>(usable, 1);
    r.options.whose = device->description() + ", free memory";
  }
  return r;
}

int64_t micro_batch(const Model& model, const PairFile& file, const TrainSettings& settings, const Room& room) {
  return fitting_micro_batch(model, room.bytes, settings.max_tokens,
                             std::min(file.longest().source + 1, model.longest_source()),
                             std::min(file.longest().target + 1, model.longest_target()), room.options);
}

void resolve_auto(const Args& args, const Model& model, const PairFile& file, const Device* device,
                  TrainSettings& settings) {
  const auto config = nlohmann::json::parse(model.config());
  const bool nesterov = settings.optimizer.kind == OptimizerOptions::Kind::nesterov;  // Gehring et al. 2017, §4.2
  if (args.text("clip-norm") == "auto")
    settings.clip_norm = nesterov ? 0.1 : architecture(config.at("arch").get<std::string>()).clip_norm;
  if (args.text("lr") == "auto" && nesterov) {
    settings.schedule.peak = 0.25;
  } else if (args.text("lr") == "auto") {
    const auto d_model = config.value("d_model", 512.0);
    settings.schedule.peak =
        1 / std::sqrt(d_model * static_cast<double>(std::max<int64_t>(settings.schedule.warmup, 1)));
  }
  const Room within = room(args, settings, device);
  if (args.text("max-tokens") == "auto") {
    if (within.bytes == 0) throw UsageError("--max-tokens auto needs --memory SIZE");
    const auto tokens = file.tokens();
    const auto most = std::min<int64_t>(std::max(tokens.source, tokens.target) + file.size(), kMostTokens);
    settings.max_tokens =
        fitting_max_tokens(model, within.bytes, most, std::min(file.longest().source + 1, model.longest_source()),
                           std::min(file.longest().target + 1, model.longest_target()), within.options);
  } else {
    settings.micro_batch = micro_batch(model, file, settings, within);
  }
}

void print_dry_run(const Model& model, const PairFile& file, const Trainer& trainer, const TrainSettings& settings,
                   const Device* device) {
  const auto& batches = trainer.batches();
  const auto memory = planned_memory(model, file, settings, device != nullptr);
  const auto mib = [](std::size_t bytes) { return fixed(static_cast<double>(bytes) / (1 << 20), 1); };
  const int64_t count = batches.batches(0);
  Output out("-");
  out.write(str("parameters\t", model.parameters().trainable(), "\npairs\t", batches.pairs(), "\ndropped_pairs\t",
                batches.dropped(), "\nmax_tokens\t", settings.max_tokens, "\nmicro_batch\t", settings.tokens_at_once(),
                "\nbatches/epoch\t", count, "\nupdates/epoch\t",
                (count + settings.accumulate - 1) / settings.accumulate, "\nlr\t", settings.schedule.peak,
                "\nparameters_and_optimizer_MiB\t", mib(memory.state), "\nlargest_batch_MiB\t", mib(memory.arena),
                "\nall_MiB\t", mib(memory.total()), "\n"));
  if (device) out.write(str("device\t", device->description(), "\nfree_MiB\t", mib(device->free_bytes()), "\n"));
  out.commit();
}

// Says how many pairs do not fit. Throws Error when none does. whose: " of FILE", where it must be said; fate: theirs.
void require_pairs(const BatchSource& batches, const PairFile& file, const std::string& whose, const char* fate) {
  const auto& limits = batches.limits();
  if (batches.dropped() > 0)
    note(batches.dropped(), " of ", file.size(), " pairs", whose, " are longer than ", limits.longest_source, " and ",
         limits.longest_target, " tokens: ", fate);
  require(batches.pairs() > 0, file.name(), ": no pair fits --max-tokens ", limits.max_tokens,
          " and the model's longest sentence");
}

void run(const Args& args) {
  auto plan = train_flags::plan(args);
  const bool dry = args.on("dry-run");
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
  auto settings = train_flags::settings(args, {}, false);
  settings.threads = omp_get_max_threads();
  plan.flags = plan_flags(args);
  std::optional<FileLock> lock;
  if (!dry) {
    require_writable(plan);
    const auto lock_path = plan.output + ".lock";
    lock.emplace(lock_path, str(plan.output, ": another training is writing it, and holds ", lock_path,
                                "; wait for its end, or give another -o"));
  }
  const auto device = args.device();
  const std::size_t free = device ? device->free_bytes() : 0;

  std::optional<Checkpoint> checkpoint;
  const auto saved = checkpoint_path(plan.output);
  if (args.on("resume") && fs::exists(saved, ignored))
    checkpoint = load_checkpoint(saved);
  else if (args.on("resume"))
    note(saved, ": there is none; the training begins");
  else if (!dry && fs::exists(saved, ignored))
    note(saved, ": of an earlier run; it will be replaced (--resume would go on from it)");

  PairFile file(args.text("data"));
  TrainData data{.train = file, .valid = nullptr, .special = {}, .vocabularies = {}, .bleu = {}};
  const auto source = Vocabulary::from_bytes(vocabulary_of(file, "src"), file.name());
  const auto target = Vocabulary::from_bytes(vocabulary_of(file, "tgt"), file.name());
  data.special = special_ids(source, target);
  if (source == target)
    data.vocabularies["vocab"] = source.bytes();
  else
    data.vocabularies = {{"vocab.src", source.bytes()}, {"vocab.tgt", target.bytes()}};
  std::optional<PairFile> valid;
  if (args.given("valid")) {
    valid.emplace(args.text("valid"));
    data.valid = &*valid;
    for (const char* column : {"src", "tgt"})
      require_same_vocabulary(file.name(), vocabulary_of(file, column), vocabulary_of(*valid, column));
  }
  if (checkpoint) check_resumed(args, *checkpoint, data);
  const auto model =
      checkpoint ? std::move(checkpoint->loaded.model) : new_model(args, data, source.size(), target.size());
  for (PairFile* f : {&file, valid ? &*valid : nullptr}) {
    if (!f) continue;
    f->index(source.size(), target.size());
    require(f->size() > 0, f->name(), ": holds no sentence pairs");
  }
  if (args.on("valid-bleu")) {
    data.bleu.emplace(*valid, target, data.special, train_flags::decoding(args), model->longest_source());
    require(data.bleu->size() > 0, valid->name(), ": the model takes sources of up to ", model->longest_source() - 1,
            " tokens, and all are longer: --valid-bleu has nothing to translate");
    if (data.bleu->size() < valid->size())
      note(valid->size() - data.bleu->size(), " of ", valid->size(), " pairs of ", valid->name(),
           " have sources of more than ", model->longest_source() - 1, " tokens: --valid-bleu leaves them out");
    if (const auto unknown = data.bleu->unknown_references(); unknown > 0)
      warn(unknown, " references of ", valid->name(),
           " hold pieces that the vocabulary does not have; an unknown piece of a translation matches them, so that "
           "--valid-bleu is not what bleu gives against the text");
  }

  if (checkpoint) {
    settings = resumed_settings(args, *checkpoint, device.get());
    model->parameters().allocate_gradients();  // which planning looks for, and takes no memory yet
    const bool moved = settings.device != checkpoint->settings.device;
    const int64_t before = settings.micro_batch;
    if (moved || args.given("memory"))
      settings.micro_batch = micro_batch(*model, file, settings, room(args, settings, device.get()));
    if (!moved && settings.micro_batch != before)
      warn("micro_batch is now ", settings.micro_batch, ", it was ", before, " before");
    const bool limited = args.given("steps") || args.given("epochs") || args.given("minutes");
    if (!limited && settings.schedule.steps > 0) plan.steps = settings.schedule.steps;  // a schedule ends the run
  } else {
    model->parameters().allocate_gradients();  // which planning looks for, and takes no memory yet
    resolve_auto(args, *model, file, device.get(), settings);
  }
  require_products(settings.precision, device.get());
  Trainer trainer(*model, std::move(data), settings, plan, dry ? nullptr : device.get());
  const auto& batches = trainer.batches();
  require_pairs(batches, file, "", "dropped");
  if (const BatchSource* judged = trainer.validation_batches())
    require_pairs(*judged, *valid, str(" of ", valid->name()), "validation leaves them out");
  if (dry) return print_dry_run(*model, file, trainer, settings, device.get());
  if (checkpoint) trainer.resume(*checkpoint);
  if (checkpoint) warn_of_missing(args, *checkpoint);
  checkpoint.reset();

  if (device)
    note(name(settings.precision), " products, ", trainer.memory().total() >> 20, " of ", free >> 20, " MiB");
  else
    note(gemm_description(), ", ", settings.threads, " threads");
  note(model->parameters().trainable(), " parameters, ", batches.pairs(), " pairs, ",
       file.tokens().target + file.size(), " target tokens, max_tokens ", settings.max_tokens, ", lr ",
       settings.schedule.peak, trainer.state().step > 0 ? str(", going on from step ", trainer.state().step) : "");
  const auto before = trainer.state();
  catch_stop_signals();  // only now is there something to save: until here a signal ends the process as ever
  trainer.run();
  const auto& after = trainer.state();
  const auto tokens = static_cast<double>(after.target_tokens - before.target_tokens);
  args.stat("steps", static_cast<double>(after.step - before.step));
  args.stat("target_tokens", tokens);
  args.stat("target_tokens/s", tokens / (after.training_seconds - before.training_seconds));
  if (device)
    args.stat("device_MiB", (static_cast<double>(free) - static_cast<double>(device->free_bytes())) / (1 << 20));
  args.stat("planning_seconds", trainer.planning_seconds());
  args.stat("parameters", static_cast<double>(model->parameters().trainable()));
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  return storm::run_tool(storm::tool(), argc, argv, storm::run);
}
