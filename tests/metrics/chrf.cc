#include "metrics/chrf.h"

#include <algorithm>
#include <map>
#include <random>

#include "metrics/sort_keys.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "text/unicode.h"

using namespace storm;
using test::data_lines;

namespace {

std::vector<std::u32string> characters(std::string_view text) {
  std::vector<std::u32string> all;
  for (std::size_t i = 0; i < text.size();)
    if (const char32_t c = next_code_point(text, i); !is_space(c)) all.push_back({c});
  return all;
}

// [orders][hypothesis, reference, match], counted plainly.
std::vector<int32_t> plain_counts(std::string_view hypothesis, std::string_view reference, std::size_t orders) {
  const auto h = characters(hypothesis), r = characters(reference);
  std::vector<int32_t> counts;
  for (std::size_t n = 1; n <= orders; ++n) {
    std::map<std::u32string, int32_t> in_hyp, in_ref;
    const auto add = [n](const auto& text, auto& into) {
      for (std::size_t i = 0; i + n <= text.size(); ++i) {
        std::u32string ngram;
        for (std::size_t k = 0; k < n; ++k) ngram += text[i + k];
        ++into[ngram];
      }
    };
    add(h, in_hyp);
    add(r, in_ref);
    int32_t hyp = 0, ref = 0, match = 0;
    for (const auto& [ngram, count] : in_ref) ref += count;
    for (const auto& [ngram, count] : in_hyp) {
      hyp += in_ref.empty() ? 0 : count;
      if (in_ref.contains(ngram)) match += std::min(count, in_ref[ngram]);
    }
    counts.insert(counts.end(), {hyp, ref, match});
  }
  return counts;
}

std::vector<int32_t> counts(std::string_view hypothesis, std::string_view reference, int order) {
  ChrfCounter counter({.char_order = order});
  counter.set_references(std::span(&reference, 1));
  std::vector<int32_t> row(3 * static_cast<std::size_t>(order), -1);
  counter.count(hypothesis, row.data());
  return row;
}

}  // namespace

TEST_CASE("character n-grams are counted right, in packed windows and where those do not fit") {
  for (const auto& [hyp, ref] :
       {std::pair{"noise.hyp", "noise.ref"}, {"scripts.hyp", "scripts.ref"}, {"edges.hyp", "edges.ref"}}) {
    const auto hyps = data_lines(hyp), refs = data_lines(ref);
    for (std::size_t i = 0; i < hyps.size(); ++i)
      for (const std::size_t order : {1u, 6u, 18u})
        if (counts(hyps[i], refs[i], static_cast<int>(order)) != plain_counts(hyps[i], refs[i], order))
          FAIL(hyp << " " << i);
  }
  // 3,000 different characters need 12 bits each; 6 of them do not fit a window.
  std::string ref, hyp;
  for (char32_t c = 0x4E00; c < 0x4E00 + 3000; ++c) {
    append_utf8(ref, c);
    append_utf8(hyp, c % 5 ? c : c + 1);
  }
  CHECK(counts(hyp, ref, 6) == plain_counts(hyp, ref, 6));
  CHECK(counts(hyp, ref, 6)[2] > 0);
}

TEST_CASE("of several references the one with the best score counts") {
  ChrfCounter counter({.char_order = 2});
  const std::vector<std::string_view> references{"xyz", "abd", "abcd"};
  counter.set_references(references);
  std::vector<int32_t> row(6);
  counter.count("abc", row.data());
  CHECK(row == std::vector<int32_t>{3, 4, 3, 2, 3, 2});
  counter.count("", row.data());  // all give nothing: the first
  CHECK(row == std::vector<int32_t>{0, 3, 0, 0, 2, 0});
}

TEST_CASE("keys are sorted, equal ones and any number of them") {
  std::mt19937_64 random(5);
  std::vector<uint64_t> scratch;
  for (std::size_t n = 0; n < 400; n = n < 140 ? n + 1 : n + 37) {
    for (const uint64_t different : {uint64_t{3}, uint64_t{200}, uint64_t{1} << 62}) {
      std::vector<uint64_t> keys(n);
      for (auto& k : keys) k = 1 + random() % different;
      auto wanted = keys;
      std::ranges::sort(wanted);
      sort_keys(keys, scratch);
      CHECK(keys == wanted);
    }
  }
}
