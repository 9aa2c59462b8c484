#include "models/rnn/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/rnn/model.h"

namespace storm {

namespace {

std::vector<Setting> settings() {
  std::vector<Setting> all{{"cell", "rnn|gru|lstm", "lstm", "kind of recurrent cell"}};
  for (Setting& s : SideLayers::settings("2")) all.push_back(std::move(s));
  for (const Setting& s : std::vector<Setting>{
           {"d-model", "N", "512", "width of the model"},
           {"bidirectional", "[yes|no]", "no", "an encoder that reads both ways; not with --attention dot"},
           {"reverse-source", "[yes|no]", "no", "read the source from its end; not with --bidirectional"},
           {"attention", "KIND", "none",
            "none; additive (Bahdanau: the context feeds the cell); dot, general or concat (Luong); kernel of a "
            "learned "
            "width, kernel-fixed (Nadaraya, Watson)"},
           {"input-feeding", "[yes|no]", "no", "feed the last output back; not with --attention none or additive"},
           {"dropout", "RATE", "0.2", "dropout of embeddings, between layers and before the output"},
           {"recurrent-dropout", "RATE", "0", "variational dropout of the recurrent state"},
           TableSizes::setting()})
    all.push_back(s);
  return all;
}

}  // namespace

RnnConfig RnnConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  RnnConfig c{};
  c.cell = static_cast<Cell>(s.choice("cell", {"rnn", "gru", "lstm"}));
  c.layers = SideLayers::from(s);
  c.d_model = s.whole("d_model", 1, 1 << 20);
  c.bidirectional = s.on("bidirectional");
  c.reverse_source = s.on("reverse_source");
  c.input_feeding = s.on("input_feeding");
  c.attention = static_cast<Attention>(
      s.choice("attention", {"none", "additive", "dot", "general", "concat", "kernel", "kernel-fixed"}));
  c.dropout = s.real("dropout", 0, 1);
  c.recurrent_dropout = s.real("recurrent_dropout", 0, 1);
  c.tables = TableSizes::from(s);
  if (c.bidirectional && c.reverse_source)
    throw UsageError("--reverse-source: a bidirectional encoder reads both ways already; leave one of the two out");
  if (c.bidirectional && c.attention == Attention::dot)
    throw UsageError(
        "--attention: dot needs states of one width, a bidirectional encoder's are twice the decoder's; take general");
  if (c.input_feeding && c.attention == Attention::none)
    throw UsageError(
        "--input-feeding: feeds what attention gives out; take --attention dot, general, concat or kernel");
  if (c.input_feeding && c.attention == Attention::additive)
    throw UsageError(
        "--input-feeding: additive attention feeds its context to the cell already; take dot, general, concat or "
        "kernel");
  return c;
}

const Architecture& rnn_architecture() {
  static const Architecture architecture{
      .name = "rnn",
      .settings = settings(),
      .presets = {{"rnn-tiny", {{"layers", "2"}, {"d-model", "192"}, {"reverse-source", "yes"}}},
                  {"rnn-attn-tiny",
                   {{"cell", "gru"},
                    {"layers", "1"},
                    {"d-model", "192"},
                    {"bidirectional", "yes"},
                    {"attention", "additive"}}},
                  {"rnn-attn",
                   {{"cell", "gru"},
                    {"layers", "1"},
                    {"d-model", "1000"},
                    {"bidirectional", "yes"},
                    {"attention", "additive"}}}},
      .preset = "rnn-tiny",
      .vocabularies = TableSizes::keys(),
      .task = "translation",
      .make = [](const nlohmann::json& json) -> std::unique_ptr<Model> {
        const auto config = RnnConfig::from(json);
        if (config.tables.target > 0) return std::make_unique<RnnModel>(json, config, RnnLayers(config));
        return std::make_unique<RnnEncoder<TextEncoder>>(json, config, RnnLayers(config));
      },
      .training = {{"clip_norm", 5}},
      .encoder_alone = leave_out_decoder};
  return architecture;
}

}  // namespace storm
