// What a model that reads text can do beside having parameters.
#pragma once

#include <cstdint>
#include <span>

#include "data/batch.h"
#include "models/model.h"

namespace storm {

// What stands around a text that a model is fed: EOS behind it; EOS before it, as the end of what came before; EOS on
// both sides; or BOS before it and EOS behind, BERT's [CLS] and [SEP], which are tokens of the text with states that
// mean something.
enum class TextEnds : uint8_t { eos_behind, eos_before, eos_around, bos_and_eos };

// Makes a vector of each token of a text, in its context.
class TextEncoder {
 public:
  static constexpr const char* kCannot = "has no encoder of text";
  virtual ~TextEncoder() = default;

  // Records the pass over packed texts to the states of the last layer: [tokens, the last of the description's
  // state_widths]. text must outlive the graph's run. Dropout is on in graphs with gradients. trace: what it asks for
  // is left in it, the states of all layers and attention weights.
  virtual Value encode(Graph& graph, const PackedSentences& text, Trace* trace = nullptr) const = 0;
  // [vocabulary, width]: the table that tokens are looked up in, as it was trained.
  virtual std::span<const float> token_embeddings() const = 0;
  virtual int64_t longest_source() const { return INT32_MAX; }  // tokens that a text may have, with its ends
  virtual TextEnds ends() const { return TextEnds::eos_behind; }
};

}  // namespace storm
