#include "models/rnn_lm/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/rnn_lm/model.h"

namespace storm {

RnnLmConfig RnnLmConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  RnnLmConfig c{};
  c.cell = static_cast<Cell>(s.choice("cell", {"rnn", "gru", "lstm"}));
  c.layers = s.whole("layers", 1, 1000);
  c.d_model = s.whole("d_model", 1, 1 << 20);
  c.dropout = s.real("dropout", 0, 1);
  c.recurrent_dropout = s.real("recurrent_dropout", 0, 1);
  c.locked_dropout = s.on("locked_dropout");
  c.vocabulary = s.whole("vocab_size", 1, 1 << 24);
  c.window = s.whole("attention_window", 0, 1 << 20);
  c.split_states = s.on("split_states");
  if (c.split_states && c.window == 0)
    throw UsageError("--split-states: keys and values are for attention; say how far back by --attention-window");
  if (c.split_states && c.d_model % 3 != 0)
    throw UsageError(str("--split-states: keys, values and predictions do not share --d-model ", c.d_model, " evenly"));
  return c;
}

const Architecture& rnn_lm_architecture() {
  static const Architecture architecture{
      .name = "rnn-lm",
      .settings = {{"cell", "rnn|gru|lstm", "lstm", "kind of recurrent cell"},
                   {"layers", "N", "2", "layers of encoder and decoder"},
                   {"d-model", "N", "650", "width of the model"},
                   {"dropout", "RATE", "0.5", "dropout of embeddings, between layers and before the output"},
                   {"recurrent-dropout", "RATE", "0", "variational dropout of the recurrent state"},
                   {"locked-dropout", "[yes|no]", "no", "--dropout drops the same numbers of all tokens of a text"},
                   {"attention-window", "N", "0", "tokens back that the states attend to (0: no attention)"},
                   {"split-states", "[yes|no]", "no", "a third of the state each for keys, values and predictions"}},
      .presets = {{"rnn-lm-tiny", {{"layers", "2"}, {"d-model", "200"}, {"dropout", "0.2"}}}, {"rnn-lm", {}}},
      .preset = "rnn-lm",
      .vocabularies = {"vocab_size"},
      .task = "language-model",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = RnnLmConfig::from(json);
        return std::make_unique<RnnLmModel>(json, config, RnnLmLayers(config));
      },
      .training = {{"clip_norm", 0.25}, {"label_smoothing", 0}, {"block", 35}},
      .pool = "last"};
  return architecture;
}

}  // namespace storm
