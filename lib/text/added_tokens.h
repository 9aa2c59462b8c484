// Tokens that are found in a text as they are spelled, before anything else cuts it: [MASK], <|endoftext|>.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/piece_trie.h"

namespace storm {

// An entry of `added_tokens` in a tokenizer.json.
struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool lstrip = false, rstrip = false;  // white space on that side belongs to it
  bool normalized = false;              // it is looked for in normalised text, itself normalised
  bool special = false;
  bool in_model = true;  // it is a piece of the model as well, else an added token alone
};

// Of tokens that begin at the same place the longest is found, of others the one that begins first.
class AddedTokens {
 public:
  // text: how it is spelled where it is looked for. Throws Error for none, for one above kLongest bytes, for that
  // of another token, and where one takes the white space behind it along that another begins with.
  void add(std::string_view text, const AddedToken& token);
  bool empty() const { return tokens_.empty(); }
  static constexpr std::size_t kLongest = 1000;  // a line is looked through in this many steps a byte at most

  // Whether words, cut at spaces, can be looked at one by one: no token has white space, or takes any along. Where a
  // word begins with the space before it (WordRule::led) a token may begin with one.
  bool within_words() const { return within_words_; }
  bool within_led_words() const { return within_led_words_; }

  // Calls text(begin, end) for each stretch of the line without tokens, and token(id, begin, end) for each of them,
  // from left to right.
  template <class Text, class Token>
  void split(std::string_view line, Text text, Token token) const {
    std::size_t done = 0;
    Match found;
    while (next(line, found)) {
      const auto [begin, end] = with_space(line, found, done);
      if (done < begin) text(done, begin);
      token(found.token->id, begin, end);
      found.end = done = end;  // what it took along is looked at no more
    }
    if (done < line.size()) text(done, line.size());
  }

 private:
  struct Entry {
    int32_t id;
    bool lstrip, rstrip;
  };
  struct Match {
    const Entry* token = nullptr;
    std::size_t begin = 0, end = 0;
  };
  struct Stretch {
    std::size_t begin, end;
  };
  bool next(std::string_view line, Match& match) const;  // from its end on
  static Stretch with_space(std::string_view line, const Match& match, std::size_t done);

  std::vector<Entry> tokens_;
  PieceTrie texts_;                                         // with their places in tokens_
  std::array<bool, 256> first_byte_{};                      // of any of them
  bool takes_space_behind_ = false, begins_white_ = false;  // any of them does
  bool within_words_ = true, within_led_words_ = true;
};

}  // namespace storm
