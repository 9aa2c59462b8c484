#include "decode/text_log_probs.h"

#include "base/error.h"
#include "decode/diverged.h"
#include "decode/sorted_batches.h"

namespace storm {

std::vector<double> text_log_probs(const LanguageModel& model, int32_t eos,
                                   std::span<const std::span<const int32_t>> texts, int64_t max_tokens, Device* device,
                                   int64_t first) {
  std::vector<int64_t> lengths;
  for (const auto& text : texts) {
    require(tokens_with_eos(text.size()) <= model.longest_source(), "text ",
            first + static_cast<int64_t>(lengths.size()), ": ", tokens_with_eos(text.size()),
            " tokens with EOS, the model takes ", model.longest_source(), "; --stride N reads all texts as one");
    lengths.push_back(static_cast<int64_t>(text.size()));
  }
  std::vector<double> scores(texts.size());
  Workspace workspace(device);
  for (const auto& places : sorted_batches(lengths, max_tokens, max_tokens)) {
    PackedSentences inputs;
    std::vector<int32_t> labels;
    for (const std::size_t place : places) {
      inputs.add(eos, texts[place], -1);
      labels.insert(labels.end(), texts[place].begin(), texts[place].end());
      labels.push_back(eos);
    }
    Graph& graph = workspace.graph;
    graph.clear();
    const Value recorded = model.token_nll(graph, inputs, graph.column(std::move(labels)));
    workspace.run();
    const float* nll = workspace.data(recorded);
    for (std::size_t i = 0; i < places.size(); ++i)
      for (int32_t t = inputs.offsets[i]; t < inputs.offsets[i + 1]; ++t)
        scores[places[i]] -= static_cast<double>(nll[t]);
  }
  for (const double s : scores) require_number(s);
  return scores;
}

}  // namespace storm
