#include "tools/train/memory_plan.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "tools/train_flags.h"
#include "train/replicas.h"

namespace storm {

namespace {

constexpr double kBlock = 256;  // of running text, where nothing else is said

// The memory that training may take: what --memory says, or what a device has. Of 0 bytes it may take what it likes.
struct Room {
  std::size_t bytes = 0;
  MemoryOptions options;
};

Room room(const Args& args, const TrainSettings& settings, const Device* device) {
  Room r{.bytes = args.given("memory") ? train_flags::memory_bytes(args) : 0,
         .options = memory_options(settings, device, open_replicas().size())};
  if (!device) return r;
  const std::size_t usable = usable_bytes(*device, args.on("valid-bleu") || args.given("measure"));
  if (r.bytes == 0 || r.bytes > usable) {
    r.bytes = std::max<std::size_t>(usable, 1);
    r.options.whose = device->description() + ", free memory";
  }
  return r;
}

// As a setting's JSON has it.
nlohmann::json number(double value) {
  return value == std::floor(value) ? nlohmann::json(static_cast<int64_t>(value)) : nlohmann::json(value);
}

int64_t micro_batch(const Model& model, const Task& task, const RowSource& rows, const TrainSettings& settings,
                    const Room& room) {
  if (settings.text.streams > 0) {  // which are not run in parts
    const auto need = training_memory(model, task, settings.max_tokens, longest_rows(rows, task.sides()), room.options);
    require(room.bytes == 0 || need.total() <= room.bytes, room.options.whose, ": ", room.bytes >> 20,
            " MiB are not enough: training takes ", (need.total() >> 20) + 1, " MiB; give fewer --streams");
    return 0;
  }
  return fitting_micro_batch(model, task, room.bytes, settings.max_tokens, longest_rows(rows, task.sides()),
                             room.options);
}

}  // namespace

void resolve_automatic(const Args& args, const Model& model, const TaskKind& kind, const Task& task,
                       TrainSettings& settings) {
  const auto width = static_cast<double>(model.description().width);
  const auto warmup = static_cast<double>(std::max<int64_t>(settings.schedule.warmup, 1));
  std::map<std::string, double> automatic{{"lr", 1 / std::sqrt(width * warmup)}, {"clip_norm", 0}};
  if (kind.running_text && !args.on("rows")) automatic["block"] = kBlock;
  for (const auto& training :
       {kind.training, architecture(model.architecture()).training, settings.optimizer.kind().training})
    for (const auto& [key, value] : training) automatic[key] = value;
  if (!kind.running_text || args.on("rows")) automatic.erase("block");  // an architecture's is of running text, too
  for (const TrainSetting& row : train_settings())
    if (automatic.contains(row.key) &&
        (row.automatic ? args.text(row.setting.flag) == "auto" : !args.given(row.setting.flag)))
      row.set(settings, number(automatic.at(row.key)));
  if (args.text("block") == "auto") settings.text.block = std::min(settings.text.block, task.sides()[0].longest);
  if (settings.text.streams > 0 && (!args.given("max-tokens") || args.text("max-tokens") == "auto"))
    settings.max_tokens = settings.text.streams * settings.text.block;
}

void resolve_memory(const Args& args, const Model& model, const Task& task, const RowSource& rows, const Device* device,
                    TrainSettings& settings) {
  const Room within = room(args, settings, device);
  if (args.text("max-tokens") != "auto" || settings.text.streams > 0) {
    settings.micro_batch = micro_batch(model, task, rows, settings, within);
    return;
  }
  if (within.bytes == 0) throw UsageError("--max-tokens auto needs --memory SIZE");
  int64_t most = 1;
  for (const Side& side : task.sides()) most = std::max(most, all_tokens(rows, side));
  settings.max_tokens = fitting_max_tokens(model, task, within.bytes, std::min(most, kMostTokens),
                                           longest_rows(rows, task.sides()), within.options);
}

void resolve_resumed(const Args& args, const Checkpoint& checkpoint, const Model& model, const Task& task,
                     const RowSource& rows, const Device* device, TrainSettings& settings) {
  const bool moved = settings.device != checkpoint.settings.device;
  const int64_t before = settings.micro_batch;
  if (moved || args.given("memory"))
    settings.micro_batch = micro_batch(model, task, rows, settings, room(args, settings, device));
  if (!moved && settings.micro_batch != before)
    warn("micro_batch is now ", settings.micro_batch, ", it was ", before, " before");
}

}  // namespace storm
