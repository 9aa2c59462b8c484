#include "models/transformer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "models/settings.h"
#include "models/transformer_decoder.h"
#include "models/transformer_model.h"

namespace storm {

namespace {

// With post-norm, what a sublayer adds to the residual stream must be small at first: from Xavier's bounds everywhere,
// cross-attention is still uniform after 500 updates of Multi30k, where the smaller starts have long begun to align.
const std::vector<std::pair<std::string, TransformerInit>>& initializations() {
  using enum LinearInit::Rule;
  static const std::vector<std::pair<std::string, TransformerInit>> all{
      {"pytorch", {{fan_in}, {fan_in}, {fan_in}}},  // torch.nn.Linear's everywhere
      {"xavier", {{xavier}, {xavier}, {xavier}}},   // tensor2tensor, which the paper was trained with
      // Its MultiheadAttention's and TransformerLayer's.
      {"fairseq", {{xavier, std::numbers::sqrt2 / 2}, {xavier}, {fan_in}}},
  };
  return all;
}

}  // namespace

TransformerConfig TransformerConfig::from(const nlohmann::json& json) {
  const Settings s(json);
  TransformerConfig c{};
  const int64_t layers = s.whole("layers", 1, 1000);
  c.encoder_layers = s.whole("encoder_layers", 0, 1000);
  c.decoder_layers = s.whole("decoder_layers", 0, 1000);
  if (c.encoder_layers == 0) c.encoder_layers = layers;
  if (c.decoder_layers == 0) c.decoder_layers = layers;
  c.d_model = s.whole("d_model", 1, 1 << 20);
  c.d_ff = s.whole("d_ff", 1, 1 << 20);
  c.heads = s.whole("heads", 1, 1 << 12);
  c.d_k = s.whole("d_k", 0, 1 << 16);
  c.d_v = s.whole("d_v", 0, 1 << 16);
  if ((c.d_k == 0 || c.d_v == 0) && c.d_model % c.heads != 0)
    throw UsageError(str("--heads: ", c.heads, " heads do not divide --d-model ", c.d_model,
                         " evenly; set --d-k and --d-v, or another number of heads"));
  if (c.d_k == 0) c.d_k = c.d_model / c.heads;
  if (c.d_v == 0) c.d_v = c.d_model / c.heads;
  c.pre_norm = s.choice("norm", {"post", "pre"}) == 1;
  c.activation = std::array{Activation::relu, Activation::gelu,
                            Activation::gelu_tanh}[s.choice("activation", {"relu", "gelu", "gelu-tanh"})];
  c.positions = static_cast<Positions>(s.choice("positions", {"sinusoidal", "sinusoidal-concat", "learned"}));
  c.max_positions = s.whole("max_positions", 1, 1 << 24);
  if (c.positions == Positions::sinusoidal_concat && c.d_model % 2 != 0)
    throw UsageError("--positions: sinusoidal-concat needs an even --d-model");
  c.dropout = s.real("dropout", 0, 1);
  c.attention_dropout = s.real("attention_dropout", 0, 1);
  c.activation_dropout = s.real("activation_dropout", 0, 1);
  c.norm_epsilon = s.real("norm_epsilon", 0, 1);
  c.source_vocabulary = s.whole("source_vocab_size", 1, 1 << 24);
  c.target_vocabulary = s.whole("target_vocab_size", 1, 1 << 24);
  std::vector<std::string> names;
  for (const auto& [name, init] : initializations()) names.push_back(name);
  c.init = initializations()[s.choice("initialization", names)].second;
  c.share = static_cast<Share>(s.choice("share_embeddings", {"all", "target", "none"}));
  if (c.share == Share::all && c.source_vocabulary != c.target_vocabulary)
    throw UsageError("--share-embeddings: all needs one vocabulary for both sides; take target or none");
  return c;
}

ResidualStream::ResidualStream(Graph& graph, const Parameters& parameters, const TransformerConfig& config,
                               const std::vector<NormLayer>& norms, Value x)
    : graph_(graph), parameters_(parameters), config_(config), norms_(norms), sum_(x), normed_(x) {
  if (config.pre_norm) normed_ = norms_[next_++](graph, parameters, x, {}, config.norm_epsilon, 0).normed;
}

void ResidualStream::add(Value h) {
  const float dropout = graph_.gradients() ? config_.dropout : 0;
  const auto r = norms_[next_++](graph_, parameters_, sum_, h, config_.norm_epsilon, dropout);
  sum_ = config_.pre_norm ? r.sum : r.normed;
  normed_ = r.normed;
}

TransformerModel::TransformerModel(const nlohmann::json& json)
    : TransformerModel(json, TransformerConfig::from(json)) {}

TransformerModel::TransformerModel(const nlohmann::json& json, const TransformerConfig& c)
    : TransformerModel(json, c, TransformerLayers(c)) {}

TransformerModel::TransformerModel(const nlohmann::json& json, const TransformerConfig& c, TransformerLayers layers)
    : Model(layers.parameters, json.dump(), c.source_vocabulary, c.target_vocabulary),
      config_(c),
      layers_(std::move(layers)),
      sinusoids_(c.d_model, c.positions == TransformerConfig::Positions::sinusoidal_concat
                                ? SinusoidLayout::concatenated
                                : SinusoidLayout::interleaved) {}

TransformerLayers::TransformerLayers(const TransformerConfig& c) {
  ParameterList& list = parameters;
  const auto table = [&](const std::string& name, int64_t rows) {
    // The paper's sqrt(d_model) brings these to variance 1.
    return list.add({.name = name,
                     .shape = {rows, c.d_model},
                     .init = ParameterSpec::Init::normal,
                     .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.d_model)))});
  };
  if (c.share == TransformerConfig::Share::all) {
    source_embedding = target_embedding = output = table("embedding.weight", c.target_vocabulary);
  } else {
    source_embedding = table("source_embedding.weight", c.source_vocabulary);
    target_embedding = output = table("target_embedding.weight", c.target_vocabulary);
    if (c.share == TransformerConfig::Share::none) output = table("output.weight", c.target_vocabulary);
  }
  if (c.positions == TransformerConfig::Positions::learned) {
    source_positions = table("source_positions.weight", c.max_positions);
    target_positions = table("target_positions.weight", c.max_positions);
  }
  const auto attention_in = [&](const std::string& name) {
    return LinearLayer::declare(list, name, c.d_model, c.qkv_width(), 3, c.init.attention_in);
  };
  const auto ffn = [&](const std::string& name) {
    return FeedForward{LinearLayer::declare(list, name + ".up", c.d_model, c.d_ff, 1, c.init.feed_forward),
                       LinearLayer::declare(list, name + ".down", c.d_ff, c.d_model, 1, c.init.feed_forward)};
  };
  const auto norm = [&](const std::string& name, std::vector<NormLayer>& norms) {
    norms.push_back(NormLayer::declare(list, name, c.d_model));
  };
  for (int64_t i = 0; i < c.encoder_layers; ++i) {
    const auto name = str("encoder.", i);
    EncoderLayer e;
    e.qkv = attention_in(name + ".self.qkv");
    e.out = LinearLayer::declare(list, name + ".self.out", c.heads * c.d_v, c.d_model, 1, c.init.attention_out);
    norm(name + ".self.norm", encoder_norms);
    e.ffn = ffn(name + ".ffn");
    norm(name + ".ffn.norm", encoder_norms);
    encoder.push_back(e);
  }
  if (c.pre_norm) norm("encoder.norm", encoder_norms);
  for (int64_t i = 0; i < c.decoder_layers; ++i) {
    const auto name = str("decoder.", i);
    DecoderLayer d;
    d.qkv = attention_in(name + ".self.qkv");
    d.out = LinearLayer::declare(list, name + ".self.out", c.heads * c.d_v, c.d_model, 1, c.init.attention_out);
    norm(name + ".self.norm", decoder_norms);
    d.q = LinearLayer::declare(list, name + ".cross.q", c.d_model, c.heads * c.d_k, 1, c.init.attention_in);
    d.kv = LinearLayer::declare(list, name + ".cross.kv", c.d_model, c.heads * (c.d_k + c.d_v), 2, c.init.attention_in);
    d.cross_out = LinearLayer::declare(list, name + ".cross.out", c.heads * c.d_v, c.d_model, 1, c.init.attention_out);
    norm(name + ".cross.norm", decoder_norms);
    d.ffn = ffn(name + ".ffn");
    norm(name + ".ffn.norm", decoder_norms);
    decoder.push_back(d);
  }
  if (c.pre_norm) norm("decoder.norm", decoder_norms);
}

Value TransformerModel::embedded(Graph& graph, ParameterId table, ParameterId learned, const PackedSentences& s) const {
  const Shape rows{s.tokens(), 1};
  const int64_t positions = std::max<int64_t>(s.longest, 1);
  Value position_table;
  if (learned) {
    require(positions <= config_.max_positions, "a sentence of ", positions, " tokens is longer than the model's ",
            config_.max_positions, " learned positions");
    position_table = parameters().in(graph, learned);
  } else {
    position_table = graph.constant({positions, config_.d_model}, sinusoids_.rows(positions));
  }
  return embed(graph, parameters().in(graph, table), graph.constant(rows, s.ids.data()), position_table,
               graph.column(s.positions()), std::sqrt(static_cast<float>(config_.d_model)),
               graph.gradients() ? config_.dropout : 0);
}

Value TransformerModel::feed_forward(Graph& graph, const FeedForward& layer, Value x) const {
  const float dropout = graph.gradients() ? config_.activation_dropout : 0;
  return layer.down(graph, parameters(), layer.up(graph, parameters(), x, config_.activation, dropout));
}

AttentionInput TransformerModel::attention_of(const Graph& graph) const {
  AttentionInput a;
  a.heads = static_cast<int32_t>(config_.heads);
  a.d_k = static_cast<int32_t>(config_.d_k);
  a.d_v = static_cast<int32_t>(config_.d_v);
  a.dropout = graph.gradients() ? config_.attention_dropout : 0;
  return a;
}

AttentionInput TransformerModel::self_attention_of(const Graph& graph, Value qkv, Value offsets) const {
  AttentionInput a = attention_of(graph);
  a.q = a.kv = qkv;
  a.k_column = a.heads * a.d_k;
  a.v_column = 2 * a.heads * a.d_k;
  a.q_offsets = a.kv_offsets = offsets;
  return a;
}

AttentionInput TransformerModel::cross_attention_of(const Graph& graph, Value q, Value kv, Value q_offsets,
                                                    Value kv_offsets) const {
  AttentionInput a = attention_of(graph);
  a.q = q;
  a.kv = kv;
  a.v_column = a.heads * a.d_k;
  a.q_offsets = q_offsets;
  a.kv_offsets = kv_offsets;
  return a;
}

namespace {

Value attend(Graph& graph, const AttentionInput& input, AttentionKind kind, std::size_t layer, Trace* trace) {
  const auto l = static_cast<int64_t>(layer);
  if (trace && trace->wants && trace->wants(kind, l)) {
    const Value weights = attention_weights(graph, input, trace->scores);
    graph.keep(weights);
    trace->attentions.push_back({kind, l, weights});
  }
  return attention(graph, input);
}

}  // namespace

Value TransformerModel::encode(Graph& graph, const PackedSentences& source, Value offsets, Trace* trace) const {
  const Value x = embedded(graph, layers_.source_embedding, layers_.source_positions, source);
  const auto note = [&](Value states) {
    if (!trace || !trace->states) return;
    graph.keep(states);
    trace->encoder_states.push_back(states);
  };
  note(x);
  ResidualStream stream(graph, parameters(), config_, layers_.encoder_norms, x);
  for (std::size_t i = 0; i < layers_.encoder.size(); ++i) {
    const EncoderLayer& layer = layers_.encoder[i];
    const auto self = self_attention_of(graph, layer.qkv(graph, parameters(), stream.input()), offsets);
    stream.add(layer.out(graph, parameters(), attend(graph, self, AttentionKind::encoder, i, trace)));
    stream.add(feed_forward(graph, layer.ffn, stream.input()));
    note(i + 1 < layers_.encoder.size() ? stream.sum() : stream.input());
  }
  return stream.input();
}

Value TransformerModel::decode(Graph& graph, const PackedSentences& target, Value offsets, Value memory,
                               Value memory_offsets, Trace* trace) const {
  ResidualStream stream(graph, parameters(), config_, layers_.decoder_norms,
                        embedded(graph, layers_.target_embedding, layers_.target_positions, target));
  for (std::size_t i = 0; i < layers_.decoder.size(); ++i) {
    const DecoderLayer& layer = layers_.decoder[i];
    AttentionInput self = self_attention_of(graph, layer.qkv(graph, parameters(), stream.input()), offsets);
    self.causal = true;
    stream.add(layer.out(graph, parameters(), attend(graph, self, AttentionKind::decoder, i, trace)));
    const Value q = layer.q(graph, parameters(), stream.input()), kv = layer.kv(graph, parameters(), memory);
    const auto cross = cross_attention_of(graph, q, kv, offsets, memory_offsets);
    stream.add(layer.cross_out(graph, parameters(), attend(graph, cross, AttentionKind::cross, i, trace)));
    stream.add(feed_forward(graph, layer.ffn, stream.input()));
  }
  return stream.input();
}

namespace {

Value offsets_in(Graph& graph, const PackedSentences& s) {
  return graph.constant({s.sentences() + 1, 1}, s.offsets.data());
}

}  // namespace

CrossEntropy TransformerModel::loss(Graph& graph, const Batch& batch, float label_smoothing,
                                    float gradient_scale) const {
  const Value source_offsets = offsets_in(graph, batch.source), target_offsets = offsets_in(graph, batch.target);
  const Value memory = encode(graph, batch.source, source_offsets);
  const Value states = decode(graph, batch.target, target_offsets, memory, source_offsets);
  const Value labels = graph.constant({batch.target.tokens(), 1}, batch.labels.data());
  return cross_entropy(graph, states, parameters().in(graph, layers_.output), {}, labels, label_smoothing,
                       gradient_scale);
}

void TransformerModel::trace(Graph& graph, const Batch& batch, Trace& trace) const {
  const Value source_offsets = offsets_in(graph, batch.source);
  const Value memory = encode(graph, batch.source, source_offsets, &trace);
  if (batch.target.sentences() > 0)
    decode(graph, batch.target, offsets_in(graph, batch.target), memory, source_offsets, &trace);
}

std::span<const float> TransformerModel::source_embeddings() const {
  return parameters().view(layers_.source_embedding);
}

std::unique_ptr<Decoder> TransformerModel::start(Workspace& workspace, const PackedSentences& source) const {
  return std::make_unique<TransformerDecoder>(*this, workspace, source);
}

int64_t TransformerModel::longest_source() const {
  return layers_.source_positions ? config_.max_positions : Model::longest_source();
}
int64_t TransformerModel::longest_target() const {
  return layers_.target_positions ? config_.max_positions : Model::longest_target();
}

const Architecture& transformer_architecture() {
  static const Architecture architecture{
      .name = "transformer",
      .settings = {{"layers", "N", "6", "layers of encoder and decoder"},
                   {"encoder-layers", "N", "0", "layers of the encoder (0: as --layers)"},
                   {"decoder-layers", "N", "0", "layers of the decoder (0: as --layers)"},
                   {"d-model", "N", "512", "width of the model"},
                   {"d-ff", "N", "2048", "inner width of the feed-forward layers"},
                   {"heads", "N", "8", "attention heads"},
                   {"d-k", "N", "0", "width of a head's queries and keys (0: d-model / heads)"},
                   {"d-v", "N", "0", "width of a head's values (0: d-model / heads)"},
                   {"norm", "post|pre", "post", "layer norm after each residual (the paper) or before each sublayer"},
                   {"activation", "relu|gelu|gelu-tanh", "relu",
                    "activation of the feed-forward layers; gelu-tanh: GELU by GPT-2's approximation"},
                   {"positions", "KIND", "sinusoidal",
                    "sinusoidal (interleaved, the paper), sinusoidal-concat or learned"},
                   {"max-positions", "N", "1024", "longest sentence with learned positions"},
                   {"dropout", "RATE", "0.1", "dropout of sublayer outputs and embeddings"},
                   {"attention-dropout", "RATE", "0", "dropout of attention weights"},
                   {"activation-dropout", "RATE", "0", "dropout inside the feed-forward layers"},
                   {"share-embeddings", "all|target|none", "all",
                    "all: source, target and output; target: target and output"},
                   {"norm-epsilon", "X", "1e-5", "epsilon of the layer norms"},
                   {"initialization", "NAME", "pytorch",
                    "how linear layers begin: as pytorch's, fairseq's, or by xavier (the paper's)"}},
      .presets = {{"tiny", {{"layers", "4"}, {"d-model", "128"}, {"d-ff", "256"}, {"heads", "4"}, {"dropout", "0.3"}}},
                  {"small",
                   {{"layers", "3"}, {"d-model", "256"}, {"d-ff", "1024"}, {"heads", "4"}, {"dropout", "0.1"}}},
                  {"base", {}},
                  {"big", {{"d-model", "1024"}, {"d-ff", "4096"}, {"heads", "16"}, {"dropout", "0.3"}}}},
      .preset = "base",
      .make = [](const nlohmann::json& config) -> std::unique_ptr<Model> {
        return std::make_unique<TransformerModel>(config);
      }};
  return architecture;
}

}  // namespace storm
