// Cutting a text into tokens in one pass, where others chain substitutions that put in spaces.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace storm {

// Collects tokens of one text: cut(at) ends a token there, skip(at, n) leaves n bytes out.
class Cutter {
 public:
  Cutter(std::string_view text, std::vector<std::string_view>& tokens) : text_(text), tokens_(tokens) {}
  void cut(std::size_t at) {
    if (at > begin_) tokens_.push_back(text_.substr(begin_, at - begin_));
    begin_ = at;
  }
  void skip(std::size_t at, std::size_t bytes) {
    cut(at);
    begin_ = at + bytes;
  }

 private:
  std::string_view text_;
  std::vector<std::string_view>& tokens_;
  std::size_t begin_ = 0;
};

// Both mteval-v13a (for . and ,) and mteval-v14 (for all punctuation) first put spaces around a mark that follows a
// non-digit, then around one that is followed by a non-digit; a match eats two characters, so in a run of `count` marks
// every other one matches first. Between marks there is always a cut. What is left to say is whether the run's first
// mark is cut from the character before, and its last from the one behind.
struct RunCuts {
  bool before, behind;
};
inline RunCuts cuts_around(std::size_t count, bool digit_before, bool digit_behind) {
  return {!(digit_before && count == 1 && digit_behind), !(digit_behind && (count % 2 == 1) == digit_before)};
}

}  // namespace storm
