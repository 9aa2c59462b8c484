#include "metrics/chrf.h"

#include <algorithm>
#include <array>
#include <bit>

#include "metrics/sort_keys.h"
#include "text/unicode.h"

namespace storm {

namespace {

constexpr double kEps = 1e-16;
using Lanes = int32_t __attribute__((vector_size(32)));
constexpr uint64_t kEnd = ~uint64_t{0};  // behind the sorted windows: above all of them

// statistics: [orders][hypothesis, reference, match]
template <class Real, class Count>
Real f_score(std::span<const Count> statistics, const ChrfOptions& options) {
  const auto orders = statistics.size() / 3;
  const auto factor = static_cast<Real>(options.beta * options.beta), eps = static_cast<Real>(kEps);
  Real score = 0, precision_sum = 0, recall_sum = 0;
  int effective_order = 0;
  for (std::size_t i = 0; i < orders; ++i) {
    const auto hyp = static_cast<Real>(statistics[3 * i]), ref = static_cast<Real>(statistics[3 * i + 1]),
               match = static_cast<Real>(statistics[3 * i + 2]);
    const Real precision = hyp > 0 ? match / hyp : eps, recall = ref > 0 ? match / ref : eps;
    const Real denominator = factor * precision + recall;
    score += denominator > 0 ? (1 + factor) * precision * recall / denominator : eps;
    if (hyp > 0 && ref > 0) {
      precision_sum += precision;
      recall_sum += recall;
      ++effective_order;
    }
  }
  if (options.eps_smoothing) return 100 * score / static_cast<Real>(orders);
  if (effective_order == 0) return 0;
  const Real precision = precision_sum / static_cast<Real>(effective_order),
             recall = recall_sum / static_cast<Real>(effective_order);
  if (precision + recall == 0) return 0;
  return 100 * ((1 + factor) * precision * recall / (factor * precision + recall));
}

bool is_ascii_punctuation(char c) {
  return (c > ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 127);
}

}  // namespace

std::string_view ChrfCounter::prepare(std::string_view segment) {
  if (!options_.lowercase) return segment;
  lower_case(segment, lowered_);
  return lowered_;
}

void ChrfCounter::number(std::string_view text, bool add, std::vector<uint32_t>& ids) {
  ids.clear();
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (!options_.whitespace && is_space(c)) continue;
    const uint32_t id = add ? alphabet_.add_pair(0, c) : alphabet_.find_pair(0, c);
    ids.push_back(id == NgramTable::absent ? unknown_ : id);
  }
}

void ChrfCounter::pack(Characters& characters) {
  characters.windows.clear();
  if (options_.char_order == 0) return characters.windows.push_back(kEnd);
  const auto& ids = characters.ids;
  const int total = bits_ * options_.char_order;
  characters.windows.resize(ids.size());
  uint64_t window = 0;
  // From the end, so that the window before is this one moved by a character; places behind the end are 0.
  for (std::size_t i = ids.size(); i-- > 0;) {
    window = window >> bits_ | uint64_t{ids[i]} << (total - bits_);
    characters.windows[i] = window;
  }
  sort_keys(characters.windows, sorted_);
  characters.windows.push_back(kEnd);
}

// Words as chrF++ sees them: a mark at the end is a word of its own, or else one at the beginning.
void ChrfCounter::split_words(std::string_view text) {
  words_.clear();
  const auto add = [&](std::string_view word) {
    if (word.empty()) return;
    const bool single = static_cast<std::size_t>(utf8_length(word[0])) == word.size();
    if (!single && is_ascii_punctuation(word.back())) {
      words_.push_back(word.substr(0, word.size() - 1));
      words_.push_back(word.substr(word.size() - 1));
    } else if (!single && is_ascii_punctuation(word[0])) {
      words_.push_back(word.substr(0, 1));
      words_.push_back(word.substr(1));
    } else {
      words_.push_back(word);
    }
  };
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const int space = space_at(text, i);
    if (space) add(text.substr(begin, i - begin));
    i += static_cast<std::size_t>(space ? space : utf8_length(text[i]));
    if (space) begin = i;
  }
  add(text.substr(begin));
}

void ChrfCounter::add_ngrams(std::span<const uint32_t> ids, int orders, NgramTable& table) {
  table.begin_reference();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t end = std::min(i + static_cast<std::size_t>(orders), ids.size());
    uint32_t ngram = 0;
    for (std::size_t next = i; next < end; ++next) table.add(ngram = table.add_pair(ngram, ids[next]));
  }
}

void ChrfCounter::match_ngrams(std::span<const uint32_t> ids, int orders, NgramTable& table, int32_t* row) {
  table.begin_hypothesis();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t end = std::min(i + static_cast<std::size_t>(orders), ids.size());
    uint32_t ngram = 0;
    for (std::size_t next = i; next < end; ++next) {
      ngram = table.find_pair(ngram, ids[next]);
      if (ngram == NgramTable::absent) break;  // then no longer one is there either
      row[3 * (next - i) + 2] += table.match(ngram);
    }
  }
}

// Both lists of windows are sorted, so walking them together meets the n-grams of every order group by group; where two
// neighbours first differ says which orders' groups end there.
void ChrfCounter::match_windows(const Characters& reference, int32_t* row) const {
  const uint64_t *hyp = hypothesis_.windows.data(), *ref = reference.windows.data();
  const int32_t orders = options_.char_order;
  for (int32_t first = 0; first < orders; first += 8) {  // eight orders a walk
    const Lanes order = Lanes{0, 1, 2, 3, 4, 5, 6, 7} + first;
    Lanes hyp_begin{}, ref_begin{}, matches{};
    int32_t h = 0, r = 0;
    for (uint64_t last = 0; last != kEnd;) {
      const bool take_hyp = hyp[h] < ref[r];
      const uint64_t next = take_hyp ? hyp[h] : ref[r];
      const int32_t shared = shared_[static_cast<std::size_t>(std::countl_zero(next ^ last))],
                    length = length_[static_cast<std::size_t>(std::countr_zero(last))];
      // The groups of orders above `shared` end here; they are n-grams where the window is so long.
      const Lanes ends = order >= shared, hyp_count = h - hyp_begin, ref_count = r - ref_begin;
      matches += ends & (order < length) & (hyp_count < ref_count ? hyp_count : ref_count);
      hyp_begin += ends & hyp_count;
      ref_begin += ends & ref_count;
      h += take_hyp;
      r += !take_hyp;
      last = next;
    }
    for (int32_t n = first; n < std::min(first + 8, orders); ++n) row[3 * n + 2] = matches[n - first];
  }
}

void ChrfCounter::set_references(std::span<const std::string_view> references) {
  while (references_.size() < references.size()) references_.push_back(std::make_unique<Reference>());
  num_refs_ = references.size();
  alphabet_.clear();
  for (std::size_t r = 0; r < num_refs_; ++r) {
    Reference& ref = *references_[r];
    const std::string_view text = prepare(references[r]);
    number(text, true, ref.characters.ids);
    if (options_.word_order == 0) continue;
    split_words(text);
    ref.words.clear();
    word_ids_.clear();
    for (const auto word : words_) word_ids_.push_back(ref.words.add_token(word));
    add_ngrams(word_ids_, options_.word_order, ref.words);
    ref.num_words = words_.size();
  }
  unknown_ = alphabet_.size() + 1;
  bits_ = std::bit_width(unknown_);
  const int order = options_.char_order, total = bits_ * order;
  narrow_ = total < 64;
  for (int zeros = 0; narrow_ && zeros <= 64; ++zeros) {
    shared_[static_cast<std::size_t>(zeros)] = static_cast<uint8_t>(std::max(0, zeros - (64 - total)) / bits_);
    length_[static_cast<std::size_t>(zeros)] = static_cast<uint8_t>(std::max(0, order - zeros / bits_));
  }
  for (std::size_t r = 0; r < num_refs_; ++r) {
    Reference& ref = *references_[r];
    if (narrow_) {
      pack(ref.characters);
    } else {
      ref.wide.clear();
      add_ngrams(ref.characters.ids, options_.char_order, ref.wide);
    }
  }
}

void ChrfCounter::count(std::string_view hypothesis, int32_t* row) {
  const std::string_view text = prepare(hypothesis);
  number(text, false, hypothesis_.ids);
  if (narrow_) pack(hypothesis_);
  if (options_.word_order > 0) split_words(text);
  candidate_.resize(3 * static_cast<std::size_t>(options_.char_order + options_.word_order));
  double best = -1;
  for (std::size_t r = 0; r < num_refs_; ++r) {
    Reference& ref = *references_[r];
    std::ranges::fill(candidate_, 0);
    int32_t* candidate = candidate_.data();
    // Without any n-gram of an order in the reference, those of the hypothesis do not count either.
    const auto totals = [](std::size_t hyp_len, std::size_t ref_len, int orders, int32_t* out) {
      for (std::size_t n = 0; n < static_cast<std::size_t>(orders) && n < ref_len; ++n) {
        out[3 * n] = static_cast<int32_t>(hyp_len > n ? hyp_len - n : 0);
        out[3 * n + 1] = static_cast<int32_t>(ref_len - n);
      }
    };
    totals(hypothesis_.ids.size(), ref.characters.ids.size(), options_.char_order, candidate);
    if (narrow_)
      match_windows(ref.characters, candidate);
    else
      match_ngrams(hypothesis_.ids, options_.char_order, ref.wide, candidate);
    if (options_.word_order > 0) {
      int32_t* word_part = candidate + 3 * options_.char_order;
      totals(words_.size(), ref.num_words, options_.word_order, word_part);
      word_ids_.clear();
      for (const auto word : words_) word_ids_.push_back(ref.words.find_token(word));
      match_ngrams(word_ids_, options_.word_order, ref.words, word_part);
    }
    const double score = num_refs_ == 1 ? 0 : f_score<double, int32_t>(candidate_, options_);
    if (score > best) {
      best = score;
      std::ranges::copy(candidate_, row);
    }
  }
}

Metric chrf_metric(const ChrfOptions& options, int64_t num_refs) {
  Metric m;
  m.key = "CHRF";
  m.name = "chrF" + std::to_string(options.beta) + std::string(static_cast<std::size_t>(options.word_order), '+');
  m.signature.fields = {
      {"nrefs", "#", std::to_string(num_refs)},           {"case", "c", options.lowercase ? "lc" : "mixed"},
      {"eff", "e", options.eps_smoothing ? "no" : "yes"}, {"nc", "nc", std::to_string(options.char_order)},
      {"nw", "nw", std::to_string(options.word_order)},   {"space", "s", options.whitespace ? "yes" : "no"}};
  m.columns = 3 * (options.char_order + options.word_order);
  m.divisors.assign(static_cast<std::size_t>(m.columns), 1);
  m.counter = [options] {
    // std::function wants to copy; the counter's buffers are of no use to a copy, but must not be shared either.
    return [counter = std::make_shared<ChrfCounter>(options), columns = 3 * (options.char_order + options.word_order)](
               auto references, auto hypotheses, int32_t* row) {
      counter->set_references(references);
      for (const auto hypothesis : hypotheses) {
        counter->count(hypothesis, row);
        row += columns;
      }
    };
  };
  m.value = [options](std::span<const double> sums) { return f_score<double>(sums, options); };
  m.value_f32 = [options](std::span<const float> sums) { return double{f_score<float>(sums, options)}; };
  return m;
}

}  // namespace storm
