#include "nn/transformer_block.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/split.h"
#include "ops/join.h"

namespace storm {

namespace {

constexpr std::pair<const char*, Activation> kActivations[]{{"relu", Activation::relu},
                                                            {"gelu", Activation::gelu},
                                                            {"gelu-tanh", Activation::gelu_tanh},
                                                            {"swish", Activation::swish}};

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const auto& [name, activation] : kActivations) names.emplace_back(name);
  return names;
}

}  // namespace

BlockShape BlockShape::of_one_side(const Settings& s) {
  BlockShape b;
  b.d_model = s.whole("d_model", 1, 1 << 20);
  b.d_ff = s.whole("d_ff", 0, 1 << 20);
  if (b.d_ff == 0) b.d_ff = 4 * b.d_model;
  b.heads = s.whole("heads", 1, 1 << 12);
  if (b.d_model % b.heads != 0)
    throw UsageError(str("--heads: ", b.heads, " heads do not divide --d-model ", b.d_model, " evenly"));
  b.d_k = b.d_v = b.d_model / b.heads;
  b.activation = FeedForward::activation_from(s);
  b.dropout = s.real("dropout", 0, 1);
  b.attention_dropout = s.real("attention_dropout", 0, 1);
  b.read_drops(s);
  b.norm_epsilon = s.real("norm_epsilon", 0, 1);
  return b;
}

Setting BlockShape::drop_head_setting() {
  return {"drop-head", "RATE", "0", "dropout of whole attention heads, for each sentence (DropHead)"};
}

Setting BlockShape::layer_drop_setting() {
  return {"layer-drop", "RATE", "0",
          "each batch is trained without a layer, each as likely as this (LayerDrop; saves that share of the time)"};
}

void BlockShape::read_drops(const Settings& settings) {
  head_dropout = settings.real("drop_head", 0, 1);
  layer_drop = settings.real("layer_drop", 0, 1);
}

AttentionInput BlockShape::attention(const Graph& graph) const {
  AttentionInput a;
  a.heads = static_cast<int32_t>(heads);
  a.d_k = static_cast<int32_t>(d_k);
  a.d_v = static_cast<int32_t>(d_v);
  a.dropout = graph.gradients() ? attention_dropout : 0;
  return a;
}

ResidualStream::ResidualStream(Graph& graph, const Parameters& parameters, const BlockShape& shape,
                               const std::vector<NormLayer>& norms, Value x, Value sentences)
    : graph_(graph), parameters_(parameters), shape_(shape), norms_(norms), sentences_(sentences), sum_(x), normed_(x) {
  if (shape.pre_norm) normed_ = norms_[next_++](graph, parameters, x, {}, shape.norm_epsilon, 0).normed;
}

void ResidualStream::add(Value h) {
  const float dropout = graph_.gradients() ? shape_.dropout : 0;
  const auto r = norms_[next_++](graph_, parameters_, sum_, h, shape_.norm_epsilon, dropout);
  sum_ = shape_.pre_norm ? r.sum : r.normed;
  normed_ = r.normed;
}

Value ResidualStream::without_heads(Value attended) const {
  if (shape_.head_dropout == 0 || !sentences_ || !graph_.gradients()) return attended;
  return join(graph_, std::array{attended}, shape_.head_dropout, sentences_, shape_.d_v);
}

bool ResidualStream::skips(std::size_t sublayers) {
  if (shape_.layer_drop == 0 || !graph_.draw(static_cast<double>(shape_.layer_drop))) return false;
  next_ += sublayers;
  if (shape_.pre_norm) normed_ = norms_[next_ - 1](graph_, parameters_, sum_, {}, shape_.norm_epsilon, 0).normed;
  return true;
}

SelfAttention SelfAttention::declare(ParameterList& list, const std::string& name, const BlockShape& s,
                                     const BlockInit& init) {
  return {LinearLayer::declare_stack(list, name + ".qkv", s.d_model,
                                     {{"q", 0, s.heads * s.d_k}, {"k", 0, s.heads * s.d_k}, {"v", 0, s.heads * s.d_v}},
                                     init.attention_in),
          LinearLayer::declare_last(list, name + ".out", s.heads * s.d_v, s.d_model, init.attention_out)};
}

AttentionInput SelfAttention::over(const Graph& graph, const BlockShape& shape, Value qkv, Value offsets) {
  AttentionInput a = shape.attention(graph);
  a.q = a.kv = qkv;
  a.k_column = a.heads * a.d_k;
  a.v_column = 2 * a.heads * a.d_k;
  a.q_offsets = a.kv_offsets = offsets;
  return a;
}

void SelfAttention::operator()(Graph& graph, const Parameters& parameters, ResidualStream& stream,
                               const Attend& attend) const {
  stream.add(out(graph, parameters, stream.without_heads(attend(qkv(graph, parameters, stream.input())))));
}

CrossAttention CrossAttention::declare(ParameterList& list, const std::string& name, const BlockShape& s,
                                       const BlockInit& init) {
  return {LinearLayer::declare(list, name + ".q", s.d_model, s.heads * s.d_k, 1, init.attention_in),
          LinearLayer::declare_stack(list, name + ".kv", s.d_model,
                                     {{"k", 0, s.heads * s.d_k}, {"v", 0, s.heads * s.d_v}}, init.attention_in),
          LinearLayer::declare_last(list, name + ".out", s.heads * s.d_v, s.d_model, init.attention_out)};
}

AttentionInput CrossAttention::over(const Graph& graph, const BlockShape& shape, Value q, Value kv, Value q_offsets,
                                    Value kv_offsets) {
  AttentionInput a = shape.attention(graph);
  a.q = q;
  a.kv = kv;
  a.v_column = a.heads * a.d_k;
  a.q_offsets = q_offsets;
  a.kv_offsets = kv_offsets;
  return a;
}

void CrossAttention::operator()(Graph& graph, const Parameters& parameters, ResidualStream& stream,
                                const Attend& attend) const {
  stream.add(out(graph, parameters, stream.without_heads(attend(q(graph, parameters, stream.input())))));
}

Activation FeedForward::activation_from(const Settings& s) {
  return kActivations[s.choice("activation", activation_names())].second;
}

Setting FeedForward::activation_setting(const std::string& preset) {
  return {"activation", joined(activation_names(), "|"), preset,
          "activation of the feed-forward layers; gelu-tanh: GELU by GPT-2's approximation; swish: also called SiLU"};
}

FeedForward FeedForward::declare(ParameterList& list, const std::string& name, const BlockShape& s,
                                 const BlockInit& init) {
  return {LinearLayer::declare(list, name + ".up", s.d_model, s.d_ff, 1, init.up),
          LinearLayer::declare_last(list, name + ".down", s.d_ff, s.d_model, init.down)};
}

void FeedForward::operator()(Graph& graph, const Parameters& parameters, const BlockShape& shape,
                             ResidualStream& stream) const {
  const float dropout = graph.gradients() ? shape.activation_dropout : 0;
  stream.add(down(graph, parameters, up(graph, parameters, stream.input(), shape.activation, dropout)));
}

}  // namespace storm
