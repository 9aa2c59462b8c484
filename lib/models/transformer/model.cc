#include "models/transformer/model.h"

#include <algorithm>
#include <cmath>

#include "models/dropped_heads.h"
#include "models/transformer/decoder.h"
#include "ops/embed.h"

namespace storm {

namespace {

Description described(const TransformerConfig& c, const TransformerLayers& layers) {
  const auto states = static_cast<std::size_t>(c.layers.encoder) + 1;
  Description d{.vocabularies = {c.tables.source},
                .tables = {layers.embedding.source},
                .width = c.block.d_model,
                .state_widths = std::vector<int64_t>(states, c.block.d_model),
                .attentions = {{AttentionKind::encoder, c.layers.encoder, c.block.heads}},
                .sinusoidal_positions = c.positions != TransformerConfig::Positions::learned};
  if (c.tables.target == 0) return d;
  d.vocabularies.push_back(c.tables.target);
  d.tables.push_back(layers.embedding.target);
  for (const auto kind : {AttentionKind::decoder, AttentionKind::cross})
    d.attentions.push_back({kind, c.layers.decoder, c.block.heads});
  return d;
}

Value attend(Graph& graph, const AttentionInput& input, AttentionKind kind, std::size_t layer, Trace* trace) {
  if (trace) trace->note(graph, kind, layer, [&] { return attention_weights(graph, input, trace->scores); });
  return attention(graph, input);
}

Value offsets_in(Graph& graph, const PackedSentences& s) {
  return graph.constant({s.sentences() + 1, 1}, s.offsets.data());
}

}  // namespace

template <class Ability>
TransformerEncoder<Ability>::TransformerEncoder(const nlohmann::json& json, const TransformerConfig& c,
                                                TransformerLayers layers)
    : Model(layers.parameters, json, described(c, layers)),
      config_(c),
      layers_(std::move(layers)),
      sinusoids_(c.block.d_model,
                 c.positions == TransformerConfig::Positions::sinusoidal_concat   ? SinusoidLayout::concatenated
                 : c.positions == TransformerConfig::Positions::sinusoidal_halves ? SinusoidLayout::halves
                                                                                  : SinusoidLayout::interleaved) {}

template <class Ability>
Value TransformerEncoder<Ability>::embedded(Graph& graph, ParameterId table, ParameterId learned,
                                            const PackedSentences& s) const {
  const int64_t width = config_.block.d_model, positions = std::max<int64_t>(s.longest, 1);
  Value position_table;
  if (learned) {
    require(positions <= config_.max_positions, "a sentence of ", positions, " tokens is longer than the model's ",
            config_.max_positions, " learned positions");
    position_table = parameters().in(graph, learned);
  } else {
    position_table = graph.constant({positions, width}, sinusoids_.rows(positions));
  }
  return embed(graph, parameters().in(graph, table), graph.constant({s.tokens(), 1}, s.ids.data()), position_table,
               graph.column(s.positions()), config_.embedding_scale, graph.gradients() ? config_.block.dropout : 0);
}

template <class Ability>
Value TransformerEncoder<Ability>::encode(Graph& graph, const PackedSentences& source, Value offsets,
                                          Trace* trace) const {
  const Value x = embedded(graph, layers_.embedding.source, layers_.source_positions, source);
  if (trace) trace->note(graph, x);
  ResidualStream stream(graph, parameters(), config_.block, layers_.encoder_norms, x,
                        sentences_in(graph, config_.block, source));
  for (std::size_t i = 0; i < layers_.encoder.size(); ++i) {
    if (stream.skips(2)) continue;
    layers_.encoder[i].self(graph, parameters(), stream, [&](Value qkv) {
      const auto self = SelfAttention::over(graph, config_.block, qkv, offsets);
      return attend(graph, self, AttentionKind::encoder, i, trace);
    });
    layers_.encoder[i].ffn(graph, parameters(), config_.block, stream);
    if (trace) trace->note(graph, i + 1 < layers_.encoder.size() ? stream.sum() : stream.input());
  }
  return stream.input();
}

template <class Ability>
Value TransformerEncoder<Ability>::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  return encode(graph, text, offsets_in(graph, text), trace);
}

template <class Ability>
std::span<const float> TransformerEncoder<Ability>::token_embeddings() const {
  return parameters().view(layers_.embedding.source);
}

template <class Ability>
int64_t TransformerEncoder<Ability>::longest_source() const {
  return layers_.source_positions ? config_.max_positions : TextEncoder::longest_source();
}

template class TransformerEncoder<TextEncoder>;
template class TransformerEncoder<EncoderDecoder>;

Value TransformerModel::decode(Graph& graph, Value x, const AttendLayer& attend_self, const AttendLayer& attend_cross,
                               Value sentences) const {
  ResidualStream stream(graph, parameters(), config_.block, layers_.decoder_norms, x, sentences);
  for (std::size_t i = 0; i < layers_.decoder.size(); ++i) {
    if (stream.skips(3)) continue;
    const DecoderLayer& layer = layers_.decoder[i];
    layer.self(graph, parameters(), stream, [&](Value qkv) { return attend_self(i, qkv); });
    layer.cross(graph, parameters(), stream, [&](Value q) { return attend_cross(i, q); });
    layer.ffn(graph, parameters(), config_.block, stream);
  }
  return stream.input();
}

Value TransformerModel::states(Graph& graph, const PackedSentences& source, const PackedSentences& target,
                               Trace* trace) const {
  const Value source_offsets = offsets_in(graph, source), target_offsets = offsets_in(graph, target);
  const Value memory = encode(graph, source, source_offsets, trace);
  return decode(
      graph, embedded(graph, layers_.embedding.target, layers_.target_positions, target),
      [&](std::size_t i, Value qkv) {
        AttentionInput self = SelfAttention::over(graph, config_.block, qkv, target_offsets);
        self.causal = true;
        return attend(graph, self, AttentionKind::decoder, i, trace);
      },
      [&](std::size_t i, Value q) {
        const Value kv = layers_.decoder[i].cross.kv(graph, parameters(), memory);
        const auto cross = CrossAttention::over(graph, config_.block, q, kv, target_offsets, source_offsets);
        return attend(graph, cross, AttentionKind::cross, i, trace);
      },
      sentences_in(graph, config_.block, target));
}

OutputLayer TransformerModel::output(Graph& graph) const {
  return {parameters().in(graph, layers_.output), parameters().in(graph, layers_.output_bias)};
}

std::unique_ptr<Decoder> TransformerModel::start(Workspace& workspace, const PackedSentences& source) const {
  return std::make_unique<TransformerDecoder>(*this, workspace, source);
}

int64_t TransformerModel::longest_target() const {
  return layers_.target_positions ? config_.max_positions : EncoderDecoder::longest_target();
}

}  // namespace storm
