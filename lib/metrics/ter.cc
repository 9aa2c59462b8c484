#include "metrics/ter.h"

#include <algorithm>
#include <memory>
#include <tuple>

#include "metrics/western.h"
#include "text/unicode.h"

namespace storm {

namespace {

constexpr int32_t kMaxShiftSize = 10, kMaxShiftDistance = 50;
constexpr int kMaxShiftCandidates = 1000;

template <class Real>
Real rate(Real edits, Real reference_length) {
  return 100 * (reference_length > 0 ? edits / reference_length : static_cast<Real>(edits > 0));
}

bool is_asian_mark(char32_t c) {
  return c == 0x3001 || c == 0x3002 || (c >= 0x3008 && c <= 0x3011) || (c >= 0x3014 && c <= 0x301F) ||
         (c >= 0xFF61 && c <= 0xFF65) || c == 0x30FB || c == 0xFF0E || c == 0xFF0C || c == 0xFF1F || c == 0xFF1A ||
         c == 0xFF1B || c == 0xFF01 || c == 0xFF02 || c == 0xFF08 || c == 0xFF09;
}

// Ideographs, strokes, radicals and compatibility forms; the last range is Tercom's, wider than its name.
bool stands_alone(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x31C0 && c <= 0x31EF) ||
         (c >= 0x2E80 && c <= 0x2EFF) || (c >= 0x3300 && c <= 0x33FF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFE30 && c <= 0xFE4F) || (c >= 0x3200 && c <= 0x3F22) || is_asian_mark(c);
}

void split_spaces(std::string_view text, std::vector<std::string_view>& words) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto space = static_cast<std::size_t>(space_at(text, i));
    if (space && i > begin) words.push_back(text.substr(begin, i - begin));
    i += space ? space : static_cast<std::size_t>(utf8_length(text[i]));
    if (space) begin = i;
  }
  if (text.size() > begin) words.push_back(text.substr(begin));
}

void shift_words(std::span<const uint32_t> words, std::size_t start, std::size_t length, std::size_t target,
                 std::vector<uint32_t>& out) {
  out.assign(words.begin(), words.end());
  const auto at = [&](std::size_t i) { return out.begin() + static_cast<std::ptrdiff_t>(i); };
  if (target < start)
    std::rotate(at(target), at(start), at(start + length));
  else  // behind the words, or so far behind as the target is behind the start where it lies within them
    std::rotate(at(start), at(start + length),
                at(target > start + length ? target : std::min(length + target, words.size())));
}

}  // namespace

std::span<const std::string_view> TerTokenizer::operator()(std::string_view segment) {
  words_.clear();
  segment = strip_right(segment);
  if (!options_.case_sensitive) {
    lower_case(segment, lowered_);
    segment = lowered_;
  }
  if (options_.normalized)
    cut_western(unescape_xml(segment, false, unescaped_),
                {.possessive = true, .stands_alone = options_.asian_support ? stands_alone : nullptr}, words_);
  else
    split_spaces(segment, words_);
  if (!options_.no_punct) return words_;

  kept_.clear();
  for (const auto word : words_) {
    for (std::size_t i = 0; i < word.size();) {
      const std::size_t at = i;
      const char32_t c = next_code_point(word, i);
      const bool mark = c < 128 ? std::string_view(".,?:;!\"()").find(static_cast<char>(c)) != std::string_view::npos
                                : options_.asian_support && is_asian_mark(c);
      if (!mark) kept_ += word.substr(at, i - at);
    }
    kept_ += ' ';
  }
  words_.clear();
  split_spaces(kept_, words_);
  return words_;
}

void TerCounter::set_references(std::span<const std::string_view> references) {
  table_.clear();
  num_refs_ = references.size();
  if (references_.size() < num_refs_) references_.resize(num_refs_);
  for (std::size_t r = 0; r < num_refs_; ++r) {
    references_[r].clear();
    auto words = tokenizer_(references[r]);
    if (normalized_) {
      // sacreBLEU normalises references twice, which cuts ".5" where "..5" was cut into ". .5" the first time.
      again_.clear();
      for (const auto word : words) (again_ += word) += ' ';
      words = tokenizer_(again_);
    }
    for (const auto word : words) references_[r].push_back(table_.add_token(word));
  }
}

void TerCounter::count(std::string_view hypothesis, int32_t* row) {
  words_.clear();
  for (const auto word : tokenizer_(hypothesis)) words_.push_back(table_.find_token(word));
  row[0] = INT32_MAX;
  row[1] = 0;
  for (std::size_t r = 0; r < num_refs_; ++r) {
    row[0] = std::min(row[0], edits(references_[r]));
    row[1] += static_cast<int32_t>(references_[r].size());
  }
}

bool TerCounter::Shift::better_than(const Shift& o) const {
  return std::tuple(gain, length, -start, -target) > std::tuple(o.gain, o.length, -o.start, -o.target);
}

int32_t TerCounter::edits(std::span<const uint32_t> reference) {
  if (reference.empty()) return static_cast<int32_t>(words_.size());
  hypothesis_ = words_;
  int32_t shifts = 0;
  for (int checked = 0;; ++shifts) {
    const int32_t distance = distance_.set(hypothesis_, reference);
    Shift best{};
    // The shift found when the candidates run out is not made.
    if (distance == 0 || !find_shift(reference, best, checked) || checked >= kMaxShiftCandidates || best.gain <= 0)
      return shifts + distance;
    shift_words(hypothesis_, static_cast<std::size_t>(best.start), static_cast<std::size_t>(best.length),
                static_cast<std::size_t>(best.target), shifted_);
    hypothesis_.swap(shifted_);
  }
}

bool TerCounter::find_shift(std::span<const uint32_t> reference, Shift& best, int& checked) {
  const auto& hyp = hypothesis_;
  const auto hyp_len = static_cast<int32_t>(hyp.size()), ref_len = static_cast<int32_t>(reference.size());
  const int32_t distance = distance_.distance(hyp, hyp.size());
  // Where each word of the reference is in the hypothesis (-1: before it), and how many errors come before each word.
  align_.clear();
  hyp_errors_.assign(1, 0);
  ref_errors_.assign(1, 0);
  int32_t at = -1;
  for (const auto operation : distance_.path()) {
    const int32_t error = operation != BeamEditDistance::keep;
    if (operation != BeamEditDistance::insert) {
      ++at;
      hyp_errors_.push_back(hyp_errors_.back() + error);
    }
    if (operation != BeamEditDistance::erase) {
      align_.push_back(at);
      ref_errors_.push_back(ref_errors_.back() + error);
    }
  }
  bool found = false;
  for (int32_t h = 0; h < hyp_len; ++h) {
    if (hyp[static_cast<std::size_t>(h)] == NgramTable::absent) continue;
    const int32_t end = std::min(ref_len, h + kMaxShiftDistance + 1);
    for (int32_t r = std::max(0, h - kMaxShiftDistance); r < end; ++r) {
      for (int32_t length = 1; length <= kMaxShiftSize && h + length <= hyp_len && r + length <= ref_len; ++length) {
        if (hyp[static_cast<std::size_t>(h + length - 1)] != reference[static_cast<std::size_t>(r + length - 1)]) break;
        // Both places must be wrong now, and the words must move out of where they are.
        const auto errors = [&](const std::vector<int32_t>& before, int32_t from) {
          return before[static_cast<std::size_t>(from + length)] - before[static_cast<std::size_t>(from)];
        };
        if (errors(hyp_errors_, h) == 0 || errors(ref_errors_, r) == 0) continue;
        const int32_t aligned = align_[static_cast<std::size_t>(r)];
        if (h <= aligned && aligned < h + length) continue;
        int32_t last_target = -1;
        for (int32_t offset = -1; offset < length; ++offset) {
          const int32_t target = r + offset < 0 ? 0 : align_[static_cast<std::size_t>(r + offset)] + 1;
          if (target == last_target) continue;
          last_target = target;
          shift_words(hyp, static_cast<std::size_t>(h), static_cast<std::size_t>(length),
                      static_cast<std::size_t>(target), shifted_);
          auto same = static_cast<std::size_t>(std::min(h, target));
          while (same < hyp.size() && shifted_[same] == hyp[same]) ++same;
          const Shift shift{distance - distance_.distance(shifted_, same), length, h, target};
          ++checked;
          if (!found || shift.better_than(best)) best = shift;
          found = true;
        }
        if (checked >= kMaxShiftCandidates) return found;
      }
    }
  }
  return found;
}

Metric ter_metric(const TerOptions& options, int64_t num_refs) {
  Metric m;
  m.key = m.name = "TER";
  m.signature.fields = {{"nrefs", "#", std::to_string(num_refs)},
                        {"case", "c", options.case_sensitive ? "mixed" : "lc"},
                        {"tok", "t", "tercom"},
                        {"norm", "nr", options.normalized ? "yes" : "no"},
                        {"punct", "pn", options.no_punct ? "no" : "yes"},
                        {"asian", "as", options.asian_support ? "yes" : "no"}};
  m.columns = 2;
  m.divisors = {1, static_cast<double>(num_refs)};
  m.counter = [options] {
    return [counter = std::make_shared<TerCounter>(options)](auto references, auto hypotheses, int32_t* row) {
      counter->set_references(references);
      for (const auto hypothesis : hypotheses) {
        counter->count(hypothesis, row);
        row += 2;
      }
    };
  };
  m.value = [](std::span<const double> sums) { return rate(sums[0], sums[1]); };
  m.value_f32 = [](std::span<const float> sums) { return double{rate(sums[0], sums[1])}; };
  return m;
}

}  // namespace storm
