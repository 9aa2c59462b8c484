#include "vectors/word2vec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace storm {

std::string word2vec_word(std::string_view word) {
  if (word.empty()) return "\\x";
  std::string text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    if (byte == ' ')
      text += "\u2581";
    else if (byte < 0x20 || byte == 0x7f)
      text += str("\\x", "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]);
    else if (byte == '\\' && word.substr(i + 1).starts_with('x'))
      text += "\\\\";
    else
      text += word[i];
  }
  return text;
}

void write_word2vec(int64_t rows, int64_t width, const std::function<std::string(int64_t)>& word,
                    const std::function<void(int64_t, std::span<float>)>& read, Word2vecFormat format, Output& output) {
  output.write(str(rows, ' ', width, '\n'));
  std::vector<float> row(static_cast<std::size_t>(width));
  std::string line;
  for (int64_t r = 0; r < rows; ++r) {
    read(r, row);
    line = word2vec_word(word(r));
    for (const float x : row) require(std::isfinite(x), "'", line, "': its vector holds NaN or an infinity");
    if (format == Word2vecFormat::binary) {
      output.write(line + ' ');
      output.write(std::as_bytes(std::span(row)));
      output.write("\n");
      continue;
    }
    for (const float x : row) {
      char digits[32];
      line += ' ';
      line.append(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
    }
    output.write(line += format == Word2vecFormat::fasttext ? " \n" : "\n");
  }
}

void write_word2vec(std::span<const float> vectors, int64_t width, const std::function<std::string(int64_t)>& word,
                    Word2vecFormat format, Output& output) {
  const auto w = static_cast<std::size_t>(width);
  const auto read = [&](int64_t r, std::span<float> to) {
    std::ranges::copy(vectors.subspan(static_cast<std::size_t>(r) * w, w), to.begin());
  };
  write_word2vec(static_cast<int64_t>(vectors.size() / w), width, word, read, format, output);
}

}  // namespace storm
