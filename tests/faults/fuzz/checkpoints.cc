// The JSON texts that a model's and a checkpoint's metadata hold: configuration, settings and state, a line each.
#include <array>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "tests/faults/fuzz/fuzz.h"
#include "train/state.h"
#include "train/train_settings.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  auto text = fuzz::text_of(data, size);
  std::array<std::string, 3> lines;
  for (auto& line : lines) {
    const auto end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  fuzz::taken([&] {
    // As load_model reads it: a configuration is flat. Large models are left out, since memory is what they lack here.
    const auto small = [](int depth, nlohmann::json::parse_event_t, nlohmann::json& value) {
      require(depth <= 8 && !(value.is_number() && value.get<double>() > 512), "too large");
      return true;
    };
    const auto config = nlohmann::json::parse(lines[0], small, false);
    if (!config.is_discarded()) make_model(config);
  });
  const auto read = [](const std::string& line, auto&& from) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_discarded()) return;
    try {
      const auto value = from(json);
      if (to_json(from(to_json(value))) != to_json(value)) std::abort();
    } catch (const nlohmann::json::exception&) {  // which load_checkpoint turns into an Error
    } catch (const Error&) {
    }
  };
  read(lines[1], settings_from);
  read(lines[2], state_from);
  return 0;
}
