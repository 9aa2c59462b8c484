#include "decode/generate.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "decode/beam_search.h"
#include "decode/dealt_by_length.h"
#include "decode/sampling.h"
#include "decode/sorted_batches.h"

namespace storm {

namespace {

// A thread takes a batch by itself: the products of a step are too small to be shared without waiting. So there are
// several for each thread, but none so small that its products run slow (of 256 rows they reach 85 % of the rate).
// A device takes one batch at a time, as large as it may be: a step of few rows takes it as long as one of many.
int64_t sentences_of_a_batch(std::size_t sentences, int64_t rows, const DecodeOptions& options) {
  if (options.device) return options.max_tokens / rows;
  const int64_t share = static_cast<int64_t>(sentences) / (4 * thread_count()) + 1;
  return std::min(options.max_tokens / rows, std::max(share, 256 / rows));
}

// The process that answers each request.
std::vector<std::size_t> owners(std::span<const Request> requests, const AnswerDealer* dealer) {
  if (!dealer) return {};
  std::vector<std::size_t> lengths;
  for (const Request& request : requests) lengths.push_back(request.context.size());
  return dealt_by_length(lengths, dealer->processes());
}

}  // namespace

double normalized_score(double log_prob, int64_t length, bool eos, const DecodeOptions& options) {
  const auto n = static_cast<double>(length);
  const double by = options.length_norm == LengthNorm::gnmt    ? (5 + n) / 6
                    : options.length_norm == LengthNorm::power ? std::max(n, 1.0)
                                                               : n + (eos ? 1 : 0);
  return log_prob / std::pow(by, options.length_penalty);
}

std::vector<Hypotheses> generate(const Generator& model, const SpecialIds& special, std::span<const Request> requests,
                                 const DecodeOptions& options, std::vector<Workspace>* kept) {
  std::vector<Hypotheses> answers(requests.size());
  const auto owner = owners(requests, options.dealer);
  std::vector<int64_t> lengths;
  std::vector<std::size_t> own;  // the requests that are answered here
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (options.dealer && owner[i] != options.dealer->number()) continue;
    lengths.push_back(static_cast<int64_t>(requests[i].context.size()));
    own.push_back(i);
  }
  const int64_t rows = options.sample ? options.nbest : options.beam;
  const auto batches = sorted_batches(lengths, options.max_tokens, sentences_of_a_batch(own.size(), rows, options));
  std::vector<Workspace> fresh;
  auto& workspaces = kept ? *kept : fresh;
  const auto needed = options.device ? 1 : static_cast<std::size_t>(thread_count());
  while (workspaces.size() < needed) workspaces.emplace_back(options.device);
  const auto run_batch = [&](std::size_t b, Workspace& workspace) {
    DecodingBatch batch;
    for (const std::size_t place : batches[b]) {
      const Request& request = requests[own[place]];
      batch.numbers.push_back(request.number);
      batch.contexts.add(request.before, request.context, request.after);
      batch.first.push_back(request.first);
      batch.prefixes.push_back(request.prefix);
      batch.said.push_back(request.said);
      batch.most.push_back(request.most);
      batch.least.push_back(std::min(request.least, request.most));
    }
    auto found = options.sample ? sample(model, special, options, workspace, batch)
                                : BeamSearch(model, special, options, workspace)(batch);
    for (std::size_t i = 0; i < found.size(); ++i) answers[own[batches[b][i]]] = std::move(found[i]);
  };
  if (options.device)
    for (std::size_t b = 0; b < batches.size(); ++b) run_batch(b, workspaces[0]);
  else
    parallel_items(static_cast<int64_t>(batches.size()), [&](int64_t b) {
      run_batch(static_cast<std::size_t>(b), workspaces[static_cast<std::size_t>(thread_number())]);
    });
  if (options.dealer) options.dealer->exchange(answers, owner);
  return answers;
}

}  // namespace storm
