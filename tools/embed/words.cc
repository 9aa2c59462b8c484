// Questions about words of the table: sums of them, and which of some is odd.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "text/lines.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "tools/embed/modes.h"
#include "vectors/nearest_to_sums.h"
#include "vectors/odd_one_out.h"

namespace storm {

void read_known_word(const WordTable& words, std::string_view word, std::string_view where, std::span<float> to) {
  require(words.read_word(word, to), where, ": '", field(word), "' is no word of ", words.name(),
          ", and has no parts that it knows");
  const double squares = dot_in_double(to.data(), to.data(), words.width());
  require(std::isfinite(squares), where, ": the vector of '", field(word), "' holds NaN or an infinity");
  require(squares > 0, where, ": the vector of '", field(word), "' is zero");
}

void write_arithmetic(Space& space, const Args&, Output& output) {
  const auto& words = space.words();
  const auto& sum = space.flags().sum;
  const auto width = static_cast<std::size_t>(words.width());
  std::vector<float> vectors(sum.size() * width);
  std::vector<SumTerm> terms;
  std::vector<int64_t> own;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    read_known_word(words, sum[i].word, "--arithmetic", std::span(vectors).subspan(i * width, width));
    terms.push_back({static_cast<int32_t>(i), sum[i].weight});
    own.push_back(words.row_of(sum[i].word));
  }
  const auto k = space.flags().nearest;
  const auto blocks = words.blocks();
  const auto found = nearest_to_sums(blocks, words.width(), vectors, std::span(&terms, 1), space.flags().score,
                                     k + static_cast<int64_t>(own.size()))[0];
  require(!found.empty(), "--arithmetic: the sum is zero and has no neighbours");
  int64_t rank = 0;
  for (const auto& neighbour : found) {
    if (rank == k || std::ranges::find(own, neighbour.row) != own.end()) continue;
    output.write(str(++rank, '\t', fixed(neighbour.score, 6), '\t', field(words.word(neighbour.row)), '\n'));
  }
}

void write_odd_ones_out(Space& space, const Args&, Output& output) {
  const auto& words = space.words();
  const auto width = static_cast<std::size_t>(words.width());
  LineReader reader({"-"});
  LineBlock block;
  while (reader.next(block, true)) {
    for (int64_t i = 0; i < block.size(); ++i) {
      const auto where = str("line ", block.first_line + i);
      require(valid_utf8_prefix(block[i]) == block[i].size(), where, ": not valid UTF-8");
      const auto asked = split_at_space(block[i]);
      if (asked.empty()) continue;
      require(asked.size() >= 3, where, ": '", field(block[i]), "': of fewer than three words, none is odd");
      std::vector<float> vectors(asked.size() * width);
      for (std::size_t w = 0; w < asked.size(); ++w)
        read_known_word(words, asked[w], where, std::span(vectors).subspan(w * width, width));
      const auto odd = odd_one_out(vectors, words.width());
      output.write(str(block.first_line + i, '\t', fixed(odd.cosine, 6), '\t', field(asked[odd.place]), '\n'));
    }
    output.flush();
  }
}

}  // namespace storm
