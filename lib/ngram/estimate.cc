#include "ngram/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "ngram/counted_grams.h"
#include "ngram/order_estimate.h"
#include "ngram/record_sorter.h"
#include "ngram/suffix_scan.h"
#include "stream/document.h"

namespace storm {

namespace {

class Estimation {
 public:
  Estimation(NgramText& text, const NgramSettings& settings) : text_(text), settings_(settings) {
    settings_.prune.resize(static_cast<std::size_t>(settings_.order));
    read();
    words_ = text_.words();
    bits_ = word_bits_of(text_.size());
    require(bits_ <= kMostWordBits, "more than ", 1 << kMostWordBits, " different words");
    unigrams_.resize(text_.size());
  }

  void run(const std::string& command, Output& output) {
    for (int n = 2; n <= settings_.order; ++n) {
      // Each order has about as many n-grams as the text has words, and a record grows with its words.
      const auto share = [&](double all) {
        return static_cast<std::size_t>(all * static_cast<double>(settings_.memory) * (n + 2) / shares());
      };
      orders_.push_back(make_order_estimate(n, n == settings_.order, bits_, share(0.45), share(0.45)));
    }
    with_packed_parts(settings_.order, bits_, [&](auto k) { count<k()>(); });
    for (int n = settings_.order; n >= 1; --n) normalize(n);
    write(command, output);
  }

  NgramEstimate result() const { return {sentences_, tokens_, counts_}; }

 private:
  struct Unigram {
    uint32_t count = 0;
    HistorySums sums;
    float probability = 0;
  };

  double shares() const {
    double sum = 0;
    for (int n = 2; n <= settings_.order; ++n) sum += n + 2;
    return sum;
  }

  OrderEstimate& order(int n) { return *orders_[static_cast<std::size_t>(n) - 2]; }

  // The numbers of the text's words, on disk: how many bits one takes is known when all have come.
  void read() {
    Progress progress("reading words", 0);
    std::vector<uint32_t> words;
    while (text_.next(words)) {
      for (const auto word : words) numbers_.push(word);
      numbers_.push(kSentenceEnd);
      ++sentences_;
      tokens_ += words.size() + 1;
      progress.set(tokens_);
    }
  }

  // The longest n-grams, sorted and counted; from them the adjusted counts of all.
  template <int K>
  void count() {
    const int n = settings_.order;
    RecordSorter<CountedGram<K>> sorter(settings_.memory / 2);
    numbers_.rewind();
    std::array<uint32_t, kMostOrder> window{};  // last word first
    const auto reversed = std::span(window).first(static_cast<std::size_t>(n));
    const auto begin = [&] { std::ranges::fill(reversed, kSentenceBegin); };
    begin();
    while (const auto* word = numbers_.next()) {
      std::copy_backward(reversed.begin(), reversed.end() - 1, reversed.end());
      reversed[0] = *word;
      sorter.push({PackedWords<K>::of(reversed, bits_), 1});
      if (*word == kSentenceEnd) begin();
    }
    sorter.finish();
    std::array<uint32_t, kMostOrder> mixed{};
    SuffixScan scan(
        n, settings_.prune, kSentenceBegin,
        [&](std::span<const uint32_t> gram, uint32_t adjusted, bool pruned, uint32_t lower) {
          if (gram.size() == 1) {
            unigrams_[gram[0]].count = adjusted;
            places_.push_back(gram[0]);
            return;
          }
          for (std::size_t k = 0; k < gram.size(); ++k) mixed[k] = mixed_word(gram[gram.size() - 1 - k], bits_);
          order(static_cast<int>(gram.size())).add(std::span(mixed).first(gram.size()), adjusted, pruned, lower);
        });
    while (const auto* gram = sorter.next()) {
      for (int k = 0; k < n; ++k) reversed[static_cast<std::size_t>(k)] = gram->words.word(k, bits_);
      scan.add(reversed, gram->count);
    }
    scan.finish();
    for (int k = 1; k <= n; ++k) discounts_.push_back(discounts_of(scan.counts_of_counts(k), k, settings_.fallback));
  }

  void normalize(int n) {
    const auto& discounts = discounts_[static_cast<std::size_t>(n) - 1];
    if (n == 1) return normalize_unigrams(discounts);
    order(n).normalize(discounts, [&](std::span<const uint32_t> history, const HistorySums& sums) {
      if (n == 2)
        unigrams_[unmixed_word(history[0], bits_)].sums = sums;
      else
        order(n - 1).add_history(history, sums);
    });
  }

  void normalize_unigrams(const Discounts& discounts) {
    uint64_t sum = 0;
    std::array<uint64_t, 4> counts{};
    for (const auto& word : unigrams_) {
      sum += word.count;
      ++counts[std::min<uint32_t>(word.count, 3)];
    }
    float left = 0;
    for (std::size_t j = 1; j < 4; ++j) left += discounts[j] * static_cast<float>(counts[j]);
    left /= static_cast<float>(sum);
    // What is left goes to all words alike, of which <unk> is one, and <s>, which nothing predicts, is not.
    const auto uniform = static_cast<float>(1.0 / static_cast<float>(unigrams_.size() - 1));
    for (std::size_t w = 0; w < unigrams_.size(); ++w) {
      auto& word = unigrams_[w];
      const float own = word.count > 0 ? discounted(word.count, discounts) / static_cast<float>(sum) : 0;
      word.probability = w == kSentenceBegin ? 1 : own + left * uniform;
    }
  }

  void write(const std::string& command, Output& output) {
    counts_ = {unigrams_.size()};
    for (int n = 2; n <= settings_.order; ++n) counts_.push_back(order(n).kept());
    std::vector<NgramTablesWriter::Word> words(unigrams_.size());
    uint64_t next = 0;
    for (const auto w : by_mixed_number(static_cast<uint32_t>(words.size()), bits_)) {
      const auto& u = unigrams_[w];
      words[w] = {std::min(0.0F, std::log10(u.probability)), std::log10(u.sums.backoff), next};
      next += u.sums.next;
    }
    std::map<std::string, std::string> metadata{{kCommandKey, command}};
    if (!words_.column.empty()) metadata["ngram.column"] = words_.column;
    NgramTablesWriter writer(output, counts_, words_.vocabulary, words_.ids, words, true, std::move(metadata));
    // One order's table is written while the next one's probabilities are interpolated.
    std::vector<Sequence<float>> probabilities(static_cast<std::size_t>(settings_.order) + 1);
    const auto interpolate = [&](int n) {
      const auto k = static_cast<std::size_t>(n);
      order(n).interpolate(probabilities[k - 1], probabilities[k]);
      probabilities[k - 1] = Sequence<float>();  // its file goes
    };
    for (const auto w : places_) probabilities[1].push(unigrams_[w].probability);
    if (settings_.order > 1) interpolate(2);
    for (int n = 2; n <= settings_.order; ++n) {
      parallel_items(n < settings_.order ? 2 : 1, [&](int64_t which) {
        if (which == 0)
          order(n).write(writer);
        else
          interpolate(n + 1);
      });
      orders_[static_cast<std::size_t>(n) - 2].reset();
    }
    writer.finish();
  }

  NgramText& text_;
  NgramSettings settings_;
  Sequence<uint32_t> numbers_;
  uint64_t sentences_ = 0, tokens_ = 0;
  NgramWords words_;
  int bits_ = 0;
  std::vector<Unigram> unigrams_;
  std::vector<uint32_t> places_;  // the word of each place in suffix order
  std::vector<std::unique_ptr<OrderEstimate>> orders_;
  std::vector<Discounts> discounts_;
  std::vector<uint64_t> counts_;
};

}  // namespace

NgramEstimate estimate_ngrams(NgramText& text, const NgramSettings& settings, const std::string& command,
                              Output& output) {
  Estimation estimation(text, settings);
  estimation.run(command, output);
  return estimation.result();
}

}  // namespace storm
