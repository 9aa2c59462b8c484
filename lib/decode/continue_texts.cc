#include "decode/continue_texts.h"

#include <algorithm>

#include "base/error.h"

namespace storm {

namespace {

constexpr int64_t kNew = 100;  // tokens of a continuation unless its maximum is given, or a minimum that is more

}  // namespace

std::vector<Hypotheses> continue_texts(const Generator& model, int64_t longest, int32_t eos,
                                       std::span<const std::span<const int32_t>> texts, const DecodeOptions& options,
                                       std::vector<Workspace>* kept) {
  const int64_t wanted = options.max_length > 0 ? options.max_length : std::max<int64_t>(kNew, options.min_length);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const uint64_t number = options.first_sentence + i;
    auto text = texts[i];
    // The model is fed EOS, the text, and all that is new: the EOS that ends it is said after the last token. Without a
    // text EOS is all there is to be fed.
    const bool begins = options.begin_with_eos || text.empty();
    const auto room = [&] { return longest - static_cast<int64_t>(text.size()) - (begins ? 1 : 0); };
    if (options.slide && room() < wanted) {
      const int64_t read = std::max(longest / 2, longest - (begins ? 1 : 0) - wanted);
      if (read < static_cast<int64_t>(text.size())) text = text.last(static_cast<std::size_t>(read));
    }
    require(room() > 0, "text ", number + 1, ": of its ", text.size(), " tokens", begins ? " and EOS" : "",
            " the model takes ", longest, ", and nothing can follow; --slide reads its last part");
    Request r{.first = eos,
              .said = texts[i],
              .least = options.min_length,
              .most = static_cast<int32_t>(std::min(wanted, room())),
              .number = number};
    if (!text.empty()) {
      if (begins) r.before = eos;
      r.context = text.first(text.size() - 1);
      r.first = text.back();
    }
    requests.push_back(r);
  }
  auto answers = generate(model, {.bos = eos, .eos = eos}, requests, options, kept);
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (Hypothesis& answer : answers[i]) answer.ids.insert(answer.ids.begin(), texts[i].begin(), texts[i].end());
  return answers;
}

}  // namespace storm
