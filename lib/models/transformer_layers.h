// The Transformer's parts as training and incremental decoding share them. Inside lib/models only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nn/linear_layer.h"
#include "nn/norm_layer.h"
#include "ops/attention.h"

namespace storm {

// How the linear layers of attention's queries, keys and values, of its output and of the feed-forward layers begin.
struct TransformerInit {
  LinearInit attention_in, attention_out, feed_forward;
};

struct TransformerConfig {
  int64_t encoder_layers, decoder_layers, d_model, d_ff, heads, d_k, d_v;
  bool pre_norm;
  Activation activation;
  enum class Positions { sinusoidal, sinusoidal_concat, learned } positions;
  int64_t max_positions;  // of learned positions
  float dropout, attention_dropout, activation_dropout, norm_epsilon;
  enum class Share { all, target, none } share;  // which embedding tables are one
  int64_t source_vocabulary, target_vocabulary;
  TransformerInit init;

  static TransformerConfig from(const nlohmann::json& config);  // throws UsageError
  int64_t qkv_width() const { return heads * (2 * d_k + d_v); }
};

struct FeedForward {
  LinearLayer up, down;
};

struct EncoderLayer {
  LinearLayer qkv, out;
  FeedForward ffn;
};

struct DecoderLayer {
  LinearLayer qkv, out;
  LinearLayer q, kv, cross_out;
  FeedForward ffn;
};

// The residual stream of one side. Post-norm: x = norm(x + sublayer(x)). Pre-norm: x = x + sublayer(norm(x)), and the
// norm of the next sublayer (or the final one) is taken in the same pass as the sum.
class ResidualStream {
 public:
  // norms: of each sublayer in order and, for pre-norm, the final one.
  ResidualStream(Graph& graph, const Parameters& parameters, const TransformerConfig& config,
                 const std::vector<NormLayer>& norms, Value x);

  Value input() const { return normed_; }  // what the next sublayer reads: [tokens, d_model]
  Value sum() const { return sum_; }       // what the residual has come to; after post-norm the same as input()
  void add(Value h);                       // the sublayer's output: [tokens, d_model]

 private:
  Graph& graph_;
  const Parameters& parameters_;
  const TransformerConfig& config_;
  const std::vector<NormLayer>& norms_;
  std::size_t next_ = 0;
  Value sum_, normed_;
};

}  // namespace storm
