// What is valid UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace storm {

// How many bytes are valid from the start: text.size() when all are.
std::size_t valid_utf8_prefix(std::string_view text);
// The text with U+FFFD in place of each byte that belongs to no character.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace storm
