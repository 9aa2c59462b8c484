#include "models/rnn.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/rnn_model.h"
#include "models/settings.h"

namespace storm {

RnnConfig RnnConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  const auto yes = [&](const char* key) { return s.choice(key, {"no", "yes"}) == 1; };
  RnnConfig c{};
  c.cell = static_cast<Cell>(s.choice("cell", {"rnn", "gru", "lstm"}));
  const int64_t layers = s.whole("layers", 1, 1000);
  c.encoder_layers = s.whole("encoder_layers", 0, 1000);
  c.decoder_layers = s.whole("decoder_layers", 0, 1000);
  if (c.encoder_layers == 0) c.encoder_layers = layers;
  if (c.decoder_layers == 0) c.decoder_layers = layers;
  c.d_model = s.whole("d_model", 1, 1 << 20);
  c.bidirectional = yes("bidirectional");
  c.reverse_source = yes("reverse_source");
  c.input_feeding = yes("input_feeding");
  c.attention = static_cast<Attention>(s.choice("attention", {"none", "additive", "dot", "general", "concat"}));
  c.dropout = s.real("dropout", 0, 1);
  c.recurrent_dropout = s.real("recurrent_dropout", 0, 1);
  c.share = static_cast<Share>(s.choice("share_embeddings", {"all", "target", "none"}));
  c.source_vocabulary = s.whole("source_vocab_size", 1, 1 << 24);
  c.target_vocabulary = s.whole("target_vocab_size", 1, 1 << 24);
  if (c.share == Share::all && c.source_vocabulary != c.target_vocabulary)
    throw UsageError("--share-embeddings: all needs one vocabulary for both sides; take target or none");
  if (c.bidirectional && c.reverse_source)
    throw UsageError("--reverse-source: a bidirectional encoder reads both ways already; leave one of the two out");
  if (c.bidirectional && c.attention == Attention::dot)
    throw UsageError(
        "--attention: dot needs states of one width, a bidirectional encoder's are twice the decoder's; take general");
  if (c.input_feeding && c.attention == Attention::none)
    throw UsageError("--input-feeding: feeds what attention gives out; take --attention dot, general or concat");
  if (c.input_feeding && c.attention == Attention::additive)
    throw UsageError(
        "--input-feeding: additive attention feeds its context to the cell already; take dot, general or concat");
  return c;
}

RnnLayers::RnnLayers(const RnnConfig& c) {
  using Attention = RnnConfig::Attention;
  ParameterList& list = parameters;
  const int64_t d = c.d_model, m = c.memory_width(), gates = gates_of(c.cell);
  const auto table = [&](const std::string& name, int64_t rows) {
    return list.add({.name = name,
                     .shape = {rows, d},
                     .init = ParameterSpec::Init::normal,
                     .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(d)))});
  };
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t cols, int64_t fan_out) {
    const auto bound = static_cast<float>(std::sqrt(6.0 / static_cast<double>(cols + fan_out)));
    return list.add({.name = name, .shape = {rows, cols}, .init = ParameterSpec::Init::uniform, .scale = bound});
  };
  if (c.share == RnnConfig::Share::all) {
    source_embedding = target_embedding = output = table("embedding.weight", c.target_vocabulary);
  } else {
    source_embedding = table("source_embedding.weight", c.source_vocabulary);
    target_embedding = output = table("target_embedding.weight", c.target_vocabulary);
    if (c.share == RnnConfig::Share::none) output = table("output.weight", c.target_vocabulary);
  }
  for (int64_t i = 0; i < c.encoder_layers; ++i) {
    const auto name = str("encoder.", i);
    const int64_t in = i == 0 ? d : m;
    Encoder layer;
    layer.forward = RecurrentLayer::declare(list, name, c.cell, in, d);
    if (c.bidirectional) layer.backward = RecurrentLayer::declare(list, name + ".backward", c.cell, in, d);
    encoder.push_back(layer);
  }
  for (int64_t i = 0; i < c.decoder_layers; ++i) {
    Bridge bridge;
    bridge.h = LinearLayer::declare(list, str("bridge.", i, ".h"), m, d);
    if (c.cell == Cell::lstm) bridge.c = LinearLayer::declare(list, str("bridge.", i, ".c"), m, d);
    bridges.push_back(bridge);
    decoder.push_back(RecurrentLayer::declare(list, str("decoder.", i), c.cell, d, d));
  }
  if (!c.attends()) return;
  if (c.tied()) feed = matrix("attention.feed.weight", gates * d, c.feeds_context() ? m : d, d);
  if (c.attention == Attention::general) keys.weight = matrix("attention.keys.weight", d, m, d);
  if (c.attention == Attention::additive || c.attention == Attention::concat) {
    keys = LinearLayer::declare(list, "attention.keys", m, d);
    query = matrix("attention.query.weight", d, d, d);
    score = matrix("attention.score.weight", 1, d, 1);
  }
  attentional = LinearLayer::declare(list, "attention.out", m + d, d);
}

const Architecture& rnn_architecture() {
  static const Architecture architecture{
      .name = "rnn",
      .settings = {{"cell", "rnn|gru|lstm", "lstm", "kind of recurrent cell"},
                   {"layers", "N", "2", "layers of encoder and decoder"},
                   {"encoder-layers", "N", "0", "layers of the encoder (0: as --layers)"},
                   {"decoder-layers", "N", "0", "layers of the decoder (0: as --layers)"},
                   {"d-model", "N", "512", "width of the model"},
                   {"bidirectional", "[yes|no]", "no", "an encoder that reads both ways; not with --attention dot"},
                   {"reverse-source", "[yes|no]", "no", "read the source from its end; not with --bidirectional"},
                   {"attention", "KIND", "none",
                    "none; additive (Bahdanau: the context feeds the cell); dot, general or concat (Luong)"},
                   {"input-feeding", "[yes|no]", "no",
                    "feed the last output back; with --attention dot, general or concat"},
                   {"dropout", "RATE", "0.2", "dropout of embeddings, between layers and before the output"},
                   {"recurrent-dropout", "RATE", "0", "variational dropout of the recurrent state"},
                   {"share-embeddings", "all|target|none", "all",
                    "all: source, target and output; target: target and output"}},
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
      .make = [](const nlohmann::json& config) -> std::unique_ptr<Model> { return std::make_unique<RnnModel>(config); },
      .clip_norm = 5};
  return architecture;
}

}  // namespace storm
