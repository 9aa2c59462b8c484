#include "text/added_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "text/tokenizer_unicode.h"

namespace storm {

namespace {

bool is_white(char32_t c) { return bert_character(c).split == BertCharacter::Split::space; }

// Where the white space begins that ends there, from `first` on.
std::size_t space_before(std::string_view text, std::size_t first, std::size_t end) {
  while (end > first) {
    const auto begin = character_before(text, end);
    auto at = begin;
    if (!is_white(next_code_point(text, at))) break;
    end = begin;
  }
  return end;
}

std::size_t space_behind(std::string_view text, std::size_t begin) {
  for (auto at = begin; at < text.size(); begin = at)
    if (!is_white(next_code_point(text, at))) break;
  return begin;
}

}  // namespace

void AddedTokens::add(std::string_view text, const AddedToken& token) {
  require(!text.empty(), "an added token without text");
  require(text.size() <= kLongest, "an added token of more than ", kLongest, " bytes: '", text.substr(0, 50), "'...");
  require(texts_.longest(text).length < text.size(), "two added tokens are found as '", text, "'");
  const auto has_white = [](std::string_view part) {
    for (std::size_t at = 0; at < part.size();)
      if (is_white(next_code_point(part, at))) return true;
    return false;
  };
  takes_space_behind_ = takes_space_behind_ || token.rstrip;
  begins_white_ = begins_white_ || has_white(text.substr(0, static_cast<std::size_t>(utf8_length(text[0]))));
  require(!takes_space_behind_ || !begins_white_,
          "one added token takes the white space behind it along, and another begins with some: not supported");
  const bool takes_space = token.lstrip || token.rstrip, led = text.size() > 1 && text[0] == ' ';
  if (takes_space || has_white(text)) within_words_ = false;
  if (takes_space || has_white(led ? text.substr(1) : text)) within_led_words_ = false;
  first_byte_[static_cast<unsigned char>(text[0])] = true;
  texts_.add(text, static_cast<int32_t>(tokens_.size()));
  tokens_.push_back({token.id, token.lstrip, token.rstrip});
}

bool AddedTokens::next(std::string_view line, Match& match) const {
  if (tokens_.empty()) return false;
  for (std::size_t at = match.end; at < line.size(); ++at) {
    if (!first_byte_[static_cast<unsigned char>(line[at])]) continue;
    const auto [token, length] = texts_.longest(line.substr(at));
    if (token < 0) continue;
    match = {&tokens_[static_cast<std::size_t>(token)], at, at + length};
    return true;
  }
  return false;
}

AddedTokens::Stretch AddedTokens::with_space(std::string_view line, const Match& match, std::size_t done) {
  return {match.token->lstrip ? space_before(line, done, match.begin) : match.begin,
          match.token->rstrip ? space_behind(line, match.end) : match.end};
}

}  // namespace storm
