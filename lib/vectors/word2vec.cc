#include "vectors/word2vec.h"

#include <charconv>
#include <cmath>

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

void write_word2vec(std::span<const float> vectors, int64_t width, const std::function<std::string(int64_t)>& word,
                    Word2vecFormat format, Output& output) {
  const auto w = static_cast<std::size_t>(width), rows = vectors.size() / w;
  output.write(str(rows, ' ', width, '\n'));
  std::string line;
  for (std::size_t r = 0; r < rows; ++r) {
    const auto row = vectors.subspan(r * w, w);
    line = word2vec_word(word(static_cast<int64_t>(r)));
    for (const float x : row) require(std::isfinite(x), "'", line, "': its vector holds NaN or an infinity");
    if (format == Word2vecFormat::binary) {
      output.write(line + ' ');
      output.write(std::as_bytes(row));
      output.write("\n");
      continue;
    }
    for (const float x : row) {
      char digits[32];
      line += ' ';
      line.append(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
    }
    output.write(line += '\n');
  }
}

}  // namespace storm
