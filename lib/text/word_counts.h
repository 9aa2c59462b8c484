// How often each word comes in a text, counted by all threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace storm {

using CountWord = std::function<void(std::string_view word)>;

// The words that each_word hands on for the lines that next() gives (false: no more), in the order of their bytes.
// each_word runs on many threads at once. Memory is linear in the bytes of the different words.
std::vector<std::pair<std::string, int64_t>> count_words(
    const std::function<bool(std::string& line)>& next,
    const std::function<void(std::string_view line, const CountWord& count)>& each_word);

}  // namespace storm
