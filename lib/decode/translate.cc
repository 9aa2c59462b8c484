#include "decode/translate.h"

#include <algorithm>

#include "base/error.h"
#include "decode/long_sources.h"

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

// The random stream of a part, of up to 2^12 of one source, that no other source has among 2^32.
uint64_t number_of_part(uint64_t source, std::size_t part) { return source + (static_cast<uint64_t>(part) << 32); }

}  // namespace

std::vector<Hypotheses> translate(const EncoderDecoder& model, const SpecialIds& special,
                                  std::span<const std::span<const int32_t>> sources, const DecodeOptions& options,
                                  std::span<const std::span<const int32_t>> prefixes, std::vector<Workspace>* kept) {
  std::vector<Hypotheses> answers(sources.size());
  std::vector<Request> requests;
  std::vector<std::size_t> asked;  // the source of each request
  const int64_t most = model.longest_source() - tokens_with_eos(0);
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const auto prefix = prefixes.empty() ? std::span<const int32_t>() : prefixes[s];
    const uint64_t number = options.first_sentence + s;
    const bool is_long = std::ssize(sources[s]) > most;
    require(!is_long || (options.long_sources && most > 0), "sentence ", number + 1, ": ",
            tokens_with_eos(sources[s].size()), " tokens with EOS, the model takes ", model.longest_source(),
            "; --long split translates it in parts, --long cut its beginning");
    require(static_cast<int64_t>(prefix.size()) < model.longest_target(), "sentence ", number + 1,
            ": the prefix is longer than the model's longest output");
    if (sources[s].empty()) {
      // It gets as many as others have, so that who takes every Nth hypothesis stays in step.
      answers[s].assign(static_cast<std::size_t>(options.nbest), {{prefix.begin(), prefix.end()}, 0, 0});
      continue;
    }
    const auto parts = is_long ? options.long_sources->parts(sources[s], most) : std::vector{sources[s]};
    for (std::size_t part = 0; part < parts.size(); ++part) {
      asked.push_back(s);
      requests.push_back({.context = parts[part],
                          .after = special.eos,
                          .first = special.bos,
                          .prefix = prefix,
                          .least = options.min_length,
                          .most = longest_output(model, options, parts[part].size(), prefix.size()),
                          .number = number_of_part(number, part)});
    }
  }
  auto found = generate(model, special, requests, options, kept);
  for (std::size_t first = 0, end; first < asked.size(); first = end) {
    for (end = first + 1; end < asked.size() && asked[end] == asked[first];) ++end;
    answers[asked[first]] = end == first + 1
                                ? std::move(found[first])
                                : options.long_sources->joined(std::span(found).subspan(first, end - first),
                                                               requests[end - 1].most, options);
  }
  return answers;
}

}  // namespace storm
