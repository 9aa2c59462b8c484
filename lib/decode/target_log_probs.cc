#include "decode/target_log_probs.h"

#include <algorithm>

#include "base/error.h"
#include "decode/diverged.h"
#include "decode/sorted_batches.h"

namespace storm {

std::vector<double> target_log_probs(const EncoderDecoder& model, const SpecialIds& special,
                                     std::span<const SentencePair> pairs, int64_t max_tokens, Device* device,
                                     int64_t first) {
  std::vector<int64_t> lengths;
  for (const auto& [source, target] : pairs) {
    const int64_t from = tokens_with_eos(source.size()), to = tokens_with_eos(target.size());
    require(from <= model.longest_source() && to <= model.longest_target(), "pair ",
            first + static_cast<int64_t>(lengths.size()), ": ", from, " and ", to,
            " tokens with EOS are longer than the model takes; cut them with tokenize --max-length");
    lengths.push_back(static_cast<int64_t>(std::max(source.size(), target.size())));
  }
  std::vector<double> scores(pairs.size());
  Workspace workspace(device);
  for (const auto& places : sorted_batches(lengths, max_tokens, max_tokens)) {
    std::vector<SentencePair> batch_pairs;
    for (const std::size_t place : places) batch_pairs.push_back(pairs[place]);
    const Batch batch = make_batch(batch_pairs, special);
    workspace.graph.clear();
    const Value recorded = model.token_nll(workspace.graph, batch);
    workspace.run();
    const float* nll = workspace.data(recorded);
    for (std::size_t i = 0; i < places.size(); ++i)
      for (int32_t t = batch.inputs[1].offsets[i]; t < batch.inputs[1].offsets[i + 1]; ++t)
        scores[places[i]] -= static_cast<double>(nll[t]);
  }
  for (const double s : scores) require_number(s);
  return scores;
}

}  // namespace storm
