// The Transformer's blocks (Vaswani et al. 2017, §3), written once for every model that is made of them: attention over
// the own rows and over others, the feed-forward layers, and the residual stream between them, in post- or pre-norm.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "nn/linear_layer.h"
#include "nn/norm_layer.h"
#include "ops/attention.h"

namespace storm {

// How the linear layers of attention's queries, keys and values, of its output, and of the feed-forward layers' two
// products begin.
struct BlockInit {
  LinearInit attention_in, attention_out, up, down;
};

struct BlockShape {
  int64_t d_model = 0, d_ff = 0, heads = 0, d_k = 0, d_v = 0;  // d_k, d_v: of a head
  bool pre_norm = false;
  Activation activation = Activation::relu;
  float dropout = 0, attention_dropout = 0, activation_dropout = 0;  // on in graphs with gradients
  float head_dropout = 0;  // of whole heads, for each sentence (DropHead: Zhou et al. 2020); on likewise
  float layer_drop = 0;    // in graphs that draw, how likely a batch goes without a layer (LayerDrop: Fan et al. 2020)
  float norm_epsilon = 1e-5f;

  // Of a model of one side, by its settings (d_model, d_ff, heads, activation, dropouts, norm_epsilon): heads divide
  // the width, and d_ff 0 is four times it. Throws UsageError.
  static BlockShape of_one_side(const Settings& settings);

  static Setting drop_head_setting();  // of these two, which read_drops() reads
  static Setting layer_drop_setting();
  void read_drops(const Settings& settings);
  int64_t kv_width() const { return heads * (d_k + d_v); }
  AttentionInput attention(const Graph& graph) const;  // its sizes and dropout, without values
};

// The residual stream of one side. Post-norm: x = norm(x + sublayer(x)). Pre-norm: x = x + sublayer(norm(x)), and the
// norm of the next sublayer (or the final one) is taken in the same pass as the sum.
class ResidualStream {
 public:
  // norms: of each sublayer in order and, for pre-norm, the final one. All are borrowed. sentences: I32 [tokens, 1],
  // which sentence each row is of; none where no heads are dropped.
  ResidualStream(Graph& graph, const Parameters& parameters, const BlockShape& shape,
                 const std::vector<NormLayer>& norms, Value x, Value sentences = {});

  Value input() const { return normed_; }  // what the next sublayer reads: [tokens, d_model]
  Value sum() const { return sum_; }       // what the residual has come to; after post-norm the same as input()
  void add(Value h);                       // the sublayer's output: [tokens, d_model]
  // What attention gave, without the heads that are dropped: [tokens, heads * d_v].
  Value without_heads(Value attended) const;
  // Whether the batch goes without the next layer, of so many sublayers: then the stream is behind it.
  bool skips(std::size_t sublayers);

 private:
  Graph& graph_;
  const Parameters& parameters_;
  const BlockShape& shape_;
  const std::vector<NormLayer>& norms_;
  Value sentences_;
  std::size_t next_ = 0;
  Value sum_, normed_;
};

// What a block makes of its attention's values: the rows of all heads, [tokens, heads * d_v]. A pass over whole
// sentences attends at once, a decoder's step attends to what it kept.
using Attend = std::function<Value(Value projected)>;

// Attention of a side's rows over one another.
struct SelfAttention {
  LinearLayer qkv, out;  // qkv: [heads * (2 d_k + d_v), d_model]: queries, keys, values

  static SelfAttention declare(ParameterList& list, const std::string& name, const BlockShape& shape,
                               const BlockInit& init);
  // The input of attention over whole sentences. qkv: [tokens, heads * (2 d_k + d_v)]; offsets: [sentences + 1, 1].
  static AttentionInput over(const Graph& graph, const BlockShape& shape, Value qkv, Value offsets);
  void operator()(Graph& graph, const Parameters& parameters, ResidualStream& stream, const Attend& attend) const;
};

// Attention of a side's rows over the rows of another.
struct CrossAttention {
  LinearLayer q, kv, out;  // kv: keys and values of the other side's rows

  static CrossAttention declare(ParameterList& list, const std::string& name, const BlockShape& shape,
                                const BlockInit& init);
  // q: [tokens, heads * d_k], kv: [other tokens, heads * (d_k + d_v)], with the offsets of each.
  static AttentionInput over(const Graph& graph, const BlockShape& shape, Value q, Value kv, Value q_offsets,
                             Value kv_offsets);
  void operator()(Graph& graph, const Parameters& parameters, ResidualStream& stream, const Attend& attend) const;
};

struct FeedForward {
  LinearLayer up, down;

  static Activation activation_from(const Settings& settings);   // throws UsageError
  static Setting activation_setting(const std::string& preset);  // of --activation
  static FeedForward declare(ParameterList& list, const std::string& name, const BlockShape& shape,
                             const BlockInit& init);
  void operator()(Graph& graph, const Parameters& parameters, const BlockShape& shape, ResidualStream& stream) const;
};

}  // namespace storm
