#include "decode/translate.h"

#include <algorithm>

#include "base/error.h"

namespace storm {

namespace {

int32_t longest_output(const EncoderDecoder& model, const DecodeOptions& options, std::size_t source,
                       std::size_t prefix) {
  const int64_t wanted = options.max_length > 0
                             ? options.max_length
                             : std::max<int64_t>(3 * static_cast<int64_t>(source) + 50, options.min_length);
  const int64_t possible = model.longest_target() - 1;  // BOS takes a place, too
  return static_cast<int32_t>(std::max(std::min(wanted, possible), static_cast<int64_t>(prefix)));
}

}  // namespace

std::vector<Hypotheses> translate(const EncoderDecoder& model, const SpecialIds& special,
                                  std::span<const std::span<const int32_t>> sources, const DecodeOptions& options,
                                  std::span<const std::span<const int32_t>> prefixes, std::vector<Workspace>* kept) {
  std::vector<Hypotheses> answers(sources.size());
  std::vector<Request> requests;
  std::vector<std::size_t> asked;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const auto prefix = prefixes.empty() ? std::span<const int32_t>() : prefixes[s];
    const uint64_t number = options.first_sentence + s;
    const int64_t tokens = tokens_with_eos(sources[s].size());
    require(tokens <= model.longest_source(), "sentence ", number + 1, ": ", tokens,
            " tokens with EOS, the model takes ", model.longest_source(), "; cut it with tokenize --max-length");
    require(static_cast<int64_t>(prefix.size()) < model.longest_target(), "sentence ", number + 1,
            ": the prefix is longer than the model's longest output");
    if (sources[s].empty()) {
      // It gets as many as others have, so that who takes every Nth hypothesis stays in step.
      answers[s].assign(static_cast<std::size_t>(options.nbest), {{prefix.begin(), prefix.end()}, 0, 0});
      continue;
    }
    asked.push_back(s);
    requests.push_back({.context = sources[s],
                        .after = special.eos,
                        .first = special.bos,
                        .prefix = prefix,
                        .least = options.min_length,
                        .most = longest_output(model, options, sources[s].size(), prefix.size()),
                        .number = number});
  }
  auto found = generate(model, special, requests, options, kept);
  for (std::size_t i = 0; i < asked.size(); ++i) answers[asked[i]] = std::move(found[i]);
  return answers;
}

}  // namespace storm
