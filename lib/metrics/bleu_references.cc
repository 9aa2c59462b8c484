#include "metrics/bleu_references.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"

namespace storm {

BleuReferences::BleuReferences(std::span<const std::vector<std::string>> references, const BleuOptions& options)
    : options_(options), offsets_{0}, orders_{0} {
  require(!references.empty() && !references[0].empty(), "BLEU needs at least one reference");
  for (const auto& list : references)
    require(list.size() == references[0].size(), "BLEU: lists of ", references[0].size(), " and ", list.size(),
            " references");
  Tokenizer tokenizer(options.tokenizer);
  std::vector<uint32_t> ids, found;
  for (std::size_t i = 0; i < references[0].size(); ++i) {
    const std::size_t begin = ngrams_.size();
    for (const auto& list : references) {
      const auto tokens = tokenizer(list[i]);
      ref_lens_.push_back(static_cast<int64_t>(tokens.size()));
      ids.clear();
      found.clear();
      for (const auto token : tokens) ids.push_back(table_.add_token(token));
      orders_.resize(table_.size() + 1, 0);
      for (std::size_t k = 0; k < ids.size(); ++k) {
        uint32_t ngram = ids[k];
        found.push_back(ngram);
        for (std::size_t n = 1; n < BleuCounts::orders && k + n < ids.size(); ++n) {
          found.push_back(ngram = table_.add_pair(ngram, ids[k + n]));
          orders_.resize(table_.size() + 1, static_cast<uint8_t>(n));
        }
      }
      std::ranges::sort(found);
      for (std::size_t k = 0, end; k < found.size(); k = end) {
        end = static_cast<std::size_t>(std::ranges::upper_bound(found, found[k]) - found.begin());
        ngrams_.push_back({found[k], static_cast<uint32_t>(end - k)});
      }
    }
    // Of an n-gram that several references have the one with the largest count stays.
    const auto mine = ngrams_.begin() + static_cast<std::ptrdiff_t>(begin);
    std::sort(mine, ngrams_.end(), [](Ngram a, Ngram b) { return a.id != b.id ? a.id < b.id : a.count > b.count; });
    ngrams_.erase(std::unique(mine, ngrams_.end(), [](Ngram a, Ngram b) { return a.id == b.id; }), ngrams_.end());
    offsets_.push_back(ngrams_.size());
  }
}

BleuCounts BleuReferences::count(std::size_t segment, std::span<const std::string_view> tokens,
                                 std::vector<uint32_t>& ids, std::vector<uint32_t>& ngrams) const {
  const std::size_t num_refs = ref_lens_.size() / (offsets_.size() - 1);
  BleuCounts c = empty_counts(tokens.size(), std::span(ref_lens_).subspan(segment * num_refs, num_refs));
  ids.clear();
  ngrams.clear();
  for (const auto token : tokens) ids.push_back(table_.find_token(token));
  for (std::size_t k = 0; k < ids.size(); ++k) {
    uint32_t ngram = ids[k];
    for (std::size_t n = 1; ngram != NgramTable::absent; ++n) {
      ngrams.push_back(ngram);
      if (n == BleuCounts::orders || k + n == ids.size() || ids[k + n] == NgramTable::absent) break;
      ngram = table_.find_pair(ngram, ids[k + n]);
    }
  }
  std::ranges::sort(ngrams);
  std::size_t at = offsets_[segment];
  for (std::size_t k = 0, used = 0; k < ngrams.size(); ++k) {
    used = k > 0 && ngrams[k] == ngrams[k - 1] ? used + 1 : 0;
    while (at < offsets_[segment + 1] && ngrams_[at].id < ngrams[k]) ++at;
    if (at < offsets_[segment + 1] && ngrams_[at].id == ngrams[k] && used < ngrams_[at].count)
      ++c.correct[orders_[ngrams[k]]];
  }
  return c;
}

BleuScore BleuReferences::score(std::span<const std::string> hypotheses) const {
  require(hypotheses.size() + 1 == offsets_.size(), "BLEU: ", hypotheses.size(), " hypotheses, but ",
          offsets_.size() - 1, " references");
  BleuCounts sum;
  parallel_ranges(static_cast<int64_t>(hypotheses.size()), 64, [&](int64_t begin, int64_t end) {
    Tokenizer tokenizer(options_.tokenizer);
    std::vector<uint32_t> ids, ngrams;
    BleuCounts part;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      part += count(i, tokenizer(hypotheses[i]), ids, ngrams);
#pragma omp critical(storm_bleu_sum)
    sum += part;
  });
  return bleu_score(sum, options_);
}

}  // namespace storm
