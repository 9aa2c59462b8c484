#include "train/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/output.h"
#include "base/split.h"
#include "stream/stream.h"
#include "stream/tokens.h"

namespace storm {

namespace {

constexpr const char* kCarried = "train.carried";

std::vector<int64_t> carried_shape(std::span<const float> carried, const TrainSettings& settings) {
  const int64_t streams = settings.text.streams;
  return {streams, static_cast<int64_t>(carried.size()) / streams};
}

}  // namespace

void save_checkpoint(const std::string& path, const Model& model, std::span<const Optimizer::State> optimizer,
                     std::span<const float> carried, const TrainSettings& settings, const TrainState& state,
                     const PlanFlags& plan, const std::map<std::string, std::string>& vocabularies,
                     const std::string& command) {
  std::vector<std::string> tensors;
  for (const auto& buffer : optimizer) tensors.push_back(buffer.name);
  if (!carried.empty()) tensors.push_back(kCarried);
  const std::map<std::string, std::string> metadata{{kKindKey, kCheckpointKind},
                                                    {kCommandKey, command},
                                                    {kSettingsKey, to_json(settings).dump()},
                                                    {kStateKey, to_json(state).dump()},
                                                    {kPlanKey, nlohmann::json(plan).dump()},
                                                    {kStateTensorsKey, joined(tensors)}};
  const bool adapted = !Adaptation::from(model.config()).base.empty();
  Document document =
      adapted ? trained_document(model, vocabularies, metadata) : model_document(model, vocabularies, metadata);
  document.metadata[kConfigKey] = model.config().dump();  // with what is frozen
  for (const auto& [name, values] : optimizer) document.add_view(name, std::span<const float>(values));
  if (!carried.empty())
    document.add_view(kCarried, DType::F32, carried_shape(carried, settings), std::as_bytes(carried));
  Output output(path);
  write_document(output, document);
  output.commit();
}

Checkpoint load_checkpoint(const std::string& path, const LoadedModel* base) {
  Document document = read_document(path, kCheckpointKind);
  const auto json = [&](const char* key) {
    auto parsed = nlohmann::json::parse(document.meta(key), nullptr, false);
    require(!parsed.is_discarded(), path, ": ", key, " is not JSON");
    return parsed;
  };
  const bool adapted = !Adaptation::from(config_of(document, path)).base.empty();
  require(!adapted || base, path,
          ": holds what was trained alone; give the model that it began with, --init MODEL, too");
  auto loaded =
      adapted ? LoadedModel{adapted_model(*base, document, path), vocabularies_of(document), document.metadata, path}
              : load_model(document, path);
  try {
    const auto settings = settings_from(json(kSettingsKey));
    const auto state = state_from(json(kStateKey));
    constexpr int64_t kMost = int64_t{1} << 48;  // of what is counted
    const auto count = [](int64_t n) { return n >= 0 && n <= kMost; };
    require(count(state.step) && count(state.batches) && count(state.place.epoch) && count(state.place.next) &&
                state.place.next <= state.epoch_rows && count(state.not_better),
            path, ": the training's state holds numbers out of range; the file is damaged");
    const auto plan = document.metadata.contains(kPlanKey) ? json(kPlanKey).get<PlanFlags>() : PlanFlags{};
    return {std::move(loaded), settings, state, plan, document};
  } catch (const nlohmann::json::exception&) {
    fail(path, ": the training's state lacks an entry, or one is of another kind; the file is damaged");
  } catch (const UsageError& e) {
    fail(path, ": the training's state: ", e.what());  // a name that only a newer version knows, say
  }
}

void Checkpoint::restore(const Optimizer& optimizer) const {
  const std::vector<int64_t> shape{static_cast<int64_t>(optimizer.count())};
  for (const auto& [name, values] : optimizer.state()) {
    const auto all = document.values<float>(name, shape);
    auto to = values.begin();
    for (const Range& range : optimizer.ranges())
      to = std::ranges::copy(all.subspan(range.begin, range.size()), to).out;
  }
}

void Checkpoint::restore_carried(std::span<float> carried) const {
  if (!carried.empty())
    std::ranges::copy(document.values<float>(kCarried, carried_shape(carried, settings)), carried.begin());
}

void Checkpoint::restore_average(std::span<float> mean) const {
  std::ranges::copy(document.values<float>(kAverage, {static_cast<int64_t>(mean.size())}), mean.begin());
}

void save_model(const std::string& path, const Model& model, const std::map<std::string, std::string>& vocabularies,
                const TrainState& state, const std::string& command) {
  Output output(path);
  write_document(output, model_document(model, vocabularies,
                                        {{kCommandKey, command}, {"train.step", std::to_string(state.step)}}));
  output.commit();
}

void save_adapter(const std::string& path, const Model& model, const std::map<std::string, std::string>& vocabularies,
                  const TrainState& state, const std::string& command) {
  Output output(path);
  write_document(output, trained_document(model, vocabularies,
                                          {{kCommandKey, command}, {"train.step", std::to_string(state.step)}}));
  output.commit();
}

}  // namespace storm
