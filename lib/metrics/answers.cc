#include "metrics/answers.h"

#include <algorithm>
#include <vector>

#include "text/tokenizer_unicode.h"
#include "text/unicode.h"

namespace storm {

namespace {

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

// What Python's \w matches, but for the underscore, which has gone with the punctuation.
bool is_word_character(char32_t c) {
  const auto kind = gpt2_class(c);
  return kind == Gpt2Class::letter || kind == Gpt2Class::number;
}

std::vector<std::string_view> words_of(std::string_view normalized) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < normalized.size();) {
    const auto end = std::min(normalized.find(' ', begin), normalized.size());
    words.push_back(normalized.substr(begin, end - begin));
    begin = end + 1;
  }
  std::ranges::sort(words);
  return words;
}

double f1(std::string_view prediction, std::string_view answer) {
  const auto said = words_of(prediction), right = words_of(answer);
  std::size_t same = 0;
  for (auto a = said.begin(), b = right.begin(); a != said.end() && b != right.end();) {
    if (*a == *b) {
      ++same;
      ++a;
      ++b;
    } else if (*a < *b) {
      ++a;
    } else {
      ++b;
    }
  }
  return same == 0 ? 0 : 2.0 * static_cast<double>(same) / static_cast<double>(said.size() + right.size());
}

template <class Compare>
double best(std::string_view prediction, std::span<const std::string> answers, Compare compare) {
  const std::string said = normalized_answer(prediction);
  double most = 0;
  bool answered = false;
  for (const std::string& answer : answers) {
    if (answer.empty()) continue;
    answered = true;
    most = std::max(most, compare(said, normalized_answer(answer)));
  }
  return answered ? most : said.empty();
}

}  // namespace

std::string normalized_answer(std::string_view text) {
  std::string lower;
  lower_case(text, lower);
  std::erase_if(lower, is_ascii_punctuation);
  std::string out;
  bool space = false;
  for (std::size_t i = 0; i < lower.size();) {
    if (const int bytes = space_at(lower, i); bytes > 0) {
      i += static_cast<std::size_t>(bytes);
      space = true;
      continue;
    }
    // A run of word characters, or one other character: an article is a whole run.
    std::size_t end = i;
    if (is_word_character(next_code_point(lower, end)))
      for (std::size_t next = end; next < lower.size() && is_word_character(next_code_point(lower, next));) end = next;
    const auto run = std::string_view(lower).substr(i, end - i);
    i = end;
    if (run == "a" || run == "an" || run == "the") {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out += run;
  }
  return out;
}

double exact_match(std::string_view prediction, std::span<const std::string> answers) {
  return best(prediction, answers, [](const std::string& a, const std::string& b) { return a == b ? 1.0 : 0.0; });
}

double squad_f1(std::string_view prediction, std::span<const std::string> answers) {
  return best(prediction, answers, [](const std::string& a, const std::string& b) { return f1(a, b); });
}

}  // namespace storm
