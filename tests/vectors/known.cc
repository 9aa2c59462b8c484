// What word vectors know, against gensim 4.4 and word2vec's compute-accuracy (scripts/vectors-fixtures).
#include <map>

#include "base/error.h"
#include "base/number.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "text/lines.h"
#include "text/unicode.h"
#include "vectors/analogies.h"
#include "vectors/nearest_to_sums.h"
#include "vectors/odd_one_out.h"
#include "vectors/word_vectors.h"

using namespace storm;

namespace {

std::string known(const std::string& name) { return test::data_path("known/" + name, "vectors"); }

std::vector<std::vector<std::string>> figures(std::string_view kind) {
  std::vector<std::vector<std::string>> all;
  for (const auto& line : test::data_lines("known/figures.tsv", "vectors")) {
    std::string_view rest = line;
    if (take_field(rest) != kind) continue;
    auto& fields = all.emplace_back();
    while (fields.size() < 2) fields.emplace_back(take_field(rest));
    while (!rest.empty()) fields.emplace_back(take_field(rest));
  }
  REQUIRE(!all.empty());
  return all;
}

std::vector<float> vectors_of(const WordTable& table, const std::vector<std::string>& words) {
  std::vector<float> all;
  std::vector<float> row(static_cast<std::size_t>(table.width()));
  for (const auto& word : words) {
    REQUIRE(table.read_word(word, row));
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

void check_neighbours(std::string_view kind, SumScore score, const std::string& file = "vectors.st") {
  const WordVectors table(known(file));
  for (const auto& figure : figures(kind)) {
    std::vector<SumTerm> terms;
    std::vector<std::string> words;
    for (const std::size_t side : {0, 1})
      for (const auto& word : split_at_space(figure[side])) {
        terms.push_back({static_cast<int32_t>(words.size()), side == 0 ? 1.0 : -1.0});
        words.push_back(word);
      }
    const auto blocks = table.blocks();
    const auto found = nearest_to_sums(blocks, table.width(), vectors_of(table, words), std::span(&terms, 1), score,
                                       7 + static_cast<int64_t>(words.size()))[0];
    const auto wanted = split_at_space(figure[2]);
    std::size_t at = 0;
    for (const auto& neighbour : found) {
      const auto word = std::string(table.word(neighbour.row));
      if (at == wanted.size() || std::ranges::find(words, word) != words.end()) continue;
      CHECK(word == wanted[at]);
      const double theirs = *parse_number<double>(wanted[at + 1]);  // in f32
      CHECK(neighbour.score == Approx(theirs).epsilon(score == SumScore::cosadd ? 1e-6 : 1e-5).margin(1e-6));
      at += 2;
    }
    CHECK(at == wanted.size());
  }
}

}  // namespace

TEST_CASE("neighbours of sums of words are gensim's most_similar") { check_neighbours("similar", SumScore::cosadd); }

TEST_CASE("and, by 3CosMul, its most_similar_cosmul") { check_neighbours("cosmul", SumScore::cosmul); }

TEST_CASE("and those of words that only their n-grams know, gensim's FastTextKeyedVectors'") {
  check_neighbours("composed", SumScore::cosadd, "subwords.st");
}

TEST_CASE("the odd one is that of gensim's doesnt_match") {
  const WordVectors table(known("vectors.st"));
  for (const auto& figure : figures("odd")) {
    const auto words = split_at_space(figure[0]);
    CHECK(words[odd_one_out(vectors_of(table, words), table.width()).place] == figure[1]);
  }
}

TEST_CASE("analogies are counted, section by section, as gensim and compute-accuracy count them") {
  const WordVectors table(known("vectors.st"));
  const auto sections = read_analogies(known("questions.txt"));
  std::map<std::string, AnalogyCounts> counts;  // by how many words are searched
  for (const auto* convention : {"gensim", "compute-accuracy"})
    for (const auto& figure : figures(convention)) {
      if (!counts.contains(figure[0]))
        counts[figure[0]] = count_analogies(table, sections, *parse_number<int64_t>(figure[0]), SumScore::cosadd);
      const auto& all = counts[figure[0]];
      const auto& theirs = convention == std::string("gensim") ? all.gensim : all.compute_accuracy;
      const auto count = std::ranges::find(theirs, figure[1], &AnalogyCount::name);
      INFO(convention << " " << figure[1]);
      REQUIRE(count != theirs.end());
      CHECK(count->right == *parse_number<int64_t>(figure[2]));
      // compute-accuracy prints 0 of 1 for 0 of 0.
      const bool none = count->counted == 0 && convention != std::string("gensim");
      CHECK(count->counted + none == *parse_number<int64_t>(figure[3]));
    }
  for (const auto& figure : figures("totals")) {
    const auto& totals = std::span(counts[figure[0]].compute_accuracy).last(3);
    const auto shares = split_at_space(figure[1]);  // total, semantic, syntactic
    const auto share = [](const AnalogyCount& c) {
      return fixed(100 * static_cast<double>(c.right) / static_cast<double>(c.counted), 2);
    };
    CHECK(share(totals[0]) == shares[1]);
    CHECK(share(totals[1]) == shares[2]);
    CHECK(share(totals[2]) == shares[0]);
    CHECK(totals[2].counted == *parse_number<int64_t>(figure[2]));
    CHECK(totals[2].questions == *parse_number<int64_t>(figure[3]));
  }
}
