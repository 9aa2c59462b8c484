#include "decode/translate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "decode/beam_search.h"
#include "decode/sampling.h"
#include "decode/sorted_batches.h"

namespace storm {

namespace {

int32_t longest_output(const EncoderDecoder& model, const DecodeOptions& options, std::size_t source,
                       std::size_t prefix) {
  const int64_t wanted = options.max_length > 0 ? options.max_length : 3 * static_cast<int64_t>(source) + 50;
  const int64_t possible = model.longest_target() - 1;  // BOS takes a place, too
  return static_cast<int32_t>(std::max(std::min(wanted, possible), static_cast<int64_t>(prefix)));
}

// A thread takes a batch by itself: the products of a step are too small to be shared without waiting. So there are
// several for each thread, but none so small that its products run slow (of 256 rows they reach 85 % of the rate).
// A device takes one batch at a time, as large as it may be: a step of few rows takes it as long as one of many.
int64_t sentences_of_a_batch(std::size_t sentences, int64_t rows, const DecodeOptions& options) {
  if (options.device) return options.max_tokens / rows;
  const int64_t share = static_cast<int64_t>(sentences) / (4 * thread_count()) + 1;
  return std::min(options.max_tokens / rows, std::max(share, 256 / rows));
}

}  // namespace

double normalized_score(double log_prob, int64_t length, const DecodeOptions& options) {
  const auto n = static_cast<double>(length);
  const double by = options.length_norm == LengthNorm::gnmt    ? (5 + n) / 6
                    : options.length_norm == LengthNorm::power ? std::max(n, 1.0)
                                                               : n + 1;
  return log_prob / std::pow(by, options.length_penalty);
}

std::vector<Hypotheses> translate(const EncoderDecoder& model, const SpecialIds& special,
                                  std::span<const std::span<const int32_t>> sources, const DecodeOptions& options,
                                  std::span<const std::span<const int32_t>> prefixes, std::vector<Workspace>* kept) {
  std::vector<Hypotheses> answers(sources.size());
  const auto prefix_of = [&](std::size_t s) { return prefixes.empty() ? std::span<const int32_t>() : prefixes[s]; };
  std::vector<int64_t> lengths;
  std::vector<std::size_t> asked;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const int64_t tokens = tokens_with_eos(sources[s].size());
    require(tokens <= model.longest_source(), "sentence ", options.first_sentence + s + 1, ": ", tokens,
            " tokens with EOS, the model takes ", model.longest_source(), "; cut it with tokenize --max-length");
    require(static_cast<int64_t>(prefix_of(s).size()) < model.longest_target(), "sentence ",
            options.first_sentence + s + 1, ": the prefix is longer than the model's longest output");
    if (sources[s].empty()) {
      const auto prefix = prefix_of(s);
      // It gets as many as others have, so that who takes every Nth hypothesis stays in step.
      answers[s].assign(static_cast<std::size_t>(options.nbest), {{prefix.begin(), prefix.end()}, 0, 0});
      continue;
    }
    asked.push_back(s);
    lengths.push_back(static_cast<int64_t>(sources[s].size()));
  }

  const int64_t rows = options.sample ? options.nbest : options.beam;
  const auto batches = sorted_batches(lengths, options.max_tokens, sentences_of_a_batch(asked.size(), rows, options));
  std::vector<Workspace> own;
  auto& workspaces = kept ? *kept : own;
  const auto needed = options.device ? 1 : static_cast<std::size_t>(thread_count());
  while (workspaces.size() < needed) workspaces.emplace_back(options.device);
  const auto run_batch = [&](std::size_t b, Workspace& workspace) {
    DecodingBatch batch;
    for (const std::size_t place : batches[b]) {
      const std::size_t s = asked[place];
      batch.sentences.push_back(s);
      batch.sources.push_back(sources[s]);
      batch.prefixes.push_back(prefix_of(s));
      batch.most.push_back(longest_output(model, options, sources[s].size(), batch.prefixes.back().size()));
      batch.least.push_back(std::min(options.min_length, batch.most.back()));
    }
    auto found = options.sample ? sample(model, special, options, workspace, batch)
                                : BeamSearch(model, special, options, workspace)(batch);
    for (std::size_t i = 0; i < found.size(); ++i) answers[batch.sentences[i]] = std::move(found[i]);
  };
  if (options.device)
    for (std::size_t b = 0; b < batches.size(); ++b) run_batch(b, workspaces[0]);
  else
    parallel_items(static_cast<int64_t>(batches.size()), [&](int64_t b) {
      run_batch(static_cast<std::size_t>(b), workspaces[static_cast<std::size_t>(thread_number())]);
    });
  return answers;
}

}  // namespace storm
