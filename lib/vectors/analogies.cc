#include "vectors/analogies.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "text/lines.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "vectors/caseless_rows.h"

namespace storm {

namespace {

constexpr std::size_t kLookedAt = 5, kSemanticSections = 5;

using Rows = std::array<int64_t, 4>;  // of a question's words; -1: none

// The searches that questions ask for, each once.
class Searches {
 public:
  Searches(const WordTable& table, int64_t most_frequent) : table_(table), most_frequent_(most_frequent) {}

  void add(const Rows& rows) {
    if (std::ranges::min(rows) < 0 || !places_.try_emplace(key(rows), sums_.size()).second) return;
    sums_.push_back({{vector_of(rows[0]), -1}, {vector_of(rows[1]), 1}, {vector_of(rows[2]), 1}});
  }
  void run(SumScore score) {
    const auto blocks = table_.blocks();
    found_ = nearest_to_sums(first_rows(blocks, table_.width(), most_frequent_), table_.width(), vectors_, sums_, score,
                             kLookedAt + 3);
  }
  // The nearest to b - a + c but for these three.
  std::vector<Neighbour> operator()(const Rows& rows) const {
    std::vector<Neighbour> others;
    for (const auto& neighbour : found_[places_.at(key(rows))])
      if (std::ranges::find(rows.begin(), rows.begin() + 3, neighbour.row) == rows.begin() + 3)
        others.push_back(neighbour);
    others.resize(std::min(others.size(), kLookedAt));
    return others;
  }
  bool empty() const { return sums_.empty(); }

 private:
  static std::array<int64_t, 3> key(const Rows& rows) { return {rows[0], rows[1], rows[2]}; }

  int32_t vector_of(int64_t row) {
    const auto [it, fresh] = vector_of_.try_emplace(row, static_cast<int32_t>(vector_of_.size()));
    if (!fresh) return it->second;
    const auto width = static_cast<std::size_t>(table_.width());
    vectors_.resize(vectors_.size() + width);
    const auto to = std::span(vectors_).last(width);
    table_.read(row, to);
    require(std::ranges::any_of(to, [](float x) { return x != 0; }), table_.name(), ": the vector of '",
            table_.word(row), "' is zero");
    return it->second;
  }

  const WordTable& table_;
  int64_t most_frequent_;
  std::unordered_map<int64_t, int32_t> vector_of_;  // of vectors_, by the table's row
  std::vector<float> vectors_;
  std::map<std::array<int64_t, 3>, std::size_t> places_;  // of sums_
  std::vector<std::vector<SumTerm>> sums_;
  std::vector<std::vector<Neighbour>> found_;
};

void add_to(AnalogyCount& total, const AnalogyCount& section) {
  total.right += section.right;
  total.counted += section.counted;
  total.questions += section.questions;
}

}  // namespace

std::vector<AnalogySection> read_analogies(const std::string& path) {
  std::vector<AnalogySection> sections;
  LineReader reader({path});
  LineBlock block;
  std::size_t questions = 0;
  while (reader.next(block, false))
    for (int64_t i = 0; i < block.size(); ++i) {
      const auto line = block[i];
      require(valid_utf8_prefix(line) == line.size(), block.where(i), ": not valid UTF-8");
      if (line.starts_with(':')) {
        sections.push_back({std::string(strip(line.substr(1))), {}});
        continue;
      }
      const auto words = split_at_space(line);
      if (words.empty()) continue;
      require(words.size() == 4, block.where(i), ": ", words.size(), words.size() == 1 ? " word" : " words",
              ", not the four of a question");
      require(!sections.empty(), block.where(i), ": a question before the first section; begin with a line : NAME");
      sections.back().questions.push_back({words[0], words[1], words[2], words[3]});
      ++questions;
    }
  require(questions > 0, path, ": holds no question; a line is four words, below a line : NAME");
  return sections;
}

AnalogyCounts count_analogies(const WordTable& table, std::span<const AnalogySection> sections, int64_t most_frequent,
                              SumScore score) {
  const CaselessRows any_case(table, most_frequent, fold_case), ascii_case(table, most_frequent, fold_ascii_case);
  const auto rows_of = [](const CaselessRows& caseless, const std::array<std::string, 4>& question) {
    Rows rows;
    std::ranges::transform(question, rows.begin(), [&](const auto& word) { return caseless.row_of(word); });
    return rows;
  };
  Searches nearest_to(table, most_frequent);
  for (const auto& section : sections)
    for (const auto& question : section.questions)
      for (const auto* caseless : {&any_case, &ascii_case}) nearest_to.add(rows_of(*caseless, question));
  require(!nearest_to.empty(), "no question has four words that are among the ", std::min(most_frequent, table.size()),
          " most frequent ones of ", table.name());
  nearest_to.run(score);

  const auto gensim_is_right = [&](const Rows& rows, const std::array<std::string, 4>& question) {
    std::string answer;
    for (const auto& neighbour : nearest_to(rows)) {
      answer = fold_case(table.word(neighbour.row));
      if (std::ranges::none_of(std::span(question).first(3), [&](const auto& w) { return fold_case(w) == answer; }))
        break;
    }
    return answer == fold_case(question[3]);
  };
  const auto compute_accuracy_is_right = [&](const Rows& rows, const std::array<std::string, 4>& question) {
    const auto others = nearest_to(rows);
    return !others.empty() && others[0].score > 0 &&
           fold_ascii_case(table.word(others[0].row)) == fold_ascii_case(question[3]);
  };
  AnalogyCounts counts;
  AnalogyCount total{"Total accuracy"}, semantic{"Semantic accuracy"}, syntactic{"Syntactic accuracy"},
      other_total{"Total accuracy"};
  for (std::size_t s = 0; s < sections.size(); ++s) {
    AnalogyCount theirs{sections[s].name}, original{sections[s].name};
    for (const auto& question : sections[s].questions) {
      const auto rows = rows_of(any_case, question), ascii = rows_of(ascii_case, question);
      const bool known = std::ranges::min(rows) >= 0, ascii_known = std::ranges::min(ascii) >= 0;
      add_to(theirs, {"", known && gensim_is_right(rows, question), known, 1});
      add_to(original, {"", ascii_known && compute_accuracy_is_right(ascii, question), ascii_known, 1});
    }
    add_to(total, theirs);
    add_to(s < kSemanticSections ? semantic : syntactic, original);
    add_to(other_total, original);
    counts.gensim.push_back(theirs);
    counts.compute_accuracy.push_back(original);
  }
  counts.gensim.push_back(total);
  for (const auto& count : {semantic, syntactic, other_total}) counts.compute_accuracy.push_back(count);
  return counts;
}

}  // namespace storm
