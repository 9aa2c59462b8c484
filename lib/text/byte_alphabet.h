// GPT-2's names of bytes: each is a visible character, so that pieces of any bytes are text without spaces.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace storm {

// The code point of each byte: itself where that is a visible Latin-1 character, else one from U+0100 on.
const std::array<char32_t, 256>& byte_alphabet();

std::string bytes_spelled(std::string_view bytes);                // the name of these bytes
std::optional<std::string> bytes_of_name(std::string_view name);  // none where a character is no byte's

}  // namespace storm
