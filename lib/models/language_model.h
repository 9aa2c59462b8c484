// A model that continues text. The text that it is fed begins with EOS, the end of whatever stood before.
#pragma once

#include "models/generator.h"
#include "models/text_encoder.h"
#include "ops/cross_entropy.h"

namespace storm {

// What a model that reads on where it stopped takes from one stretch of a text to the next.
struct CarriedState {
  Value before{};  // [texts, carried_width()]: that each text begins with; none: zeros
  Value after{};   // [texts, carried_width()]: left by the pass
};

class LanguageModel : public TextEncoder, public Generator {
 public:
  static constexpr const char* kCannot = "does not continue text";

  // Records the pass over packed texts to what the output layer reads: [tokens, width]. text must outlive the graph's
  // run. Dropout is on in graphs with gradients. trace: what it asks for is left in it. carried: for a model that
  // carries state; without it each text begins from zeros.
  virtual Value states(Graph& graph, const PackedSentences& text, Trace* trace = nullptr,
                       CarriedState* carried = nullptr) const = 0;

  // Records -log p of each label, I32 [tokens, 1], of texts, which are as states() has them -> [tokens, 1], kept
  // readable after the run.
  virtual Value token_nll(Graph& graph, const PackedSentences& text, Value labels,
                          CarriedState* carried = nullptr) const;

  TextEnds ends() const override { return TextEnds::eos_before; }

  // Numbers that a text's state takes to the text's next stretch; 0: the model carries none.
  virtual int64_t carried_width() const { return 0; }
};

// Records the loss of texts. labels: I32 [tokens, 1], what follows each token. text must outlive the graph's run.
CrossEntropy loss(const LanguageModel& model, Graph& graph, const PackedSentences& text, Value labels,
                  const LossOptions& options, float gradient_scale, CarriedState* carried = nullptr);

}  // namespace storm
