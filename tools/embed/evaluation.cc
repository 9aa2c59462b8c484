// How well vectors agree with people, and how many analogies they answer.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "metrics/correlation.h"
#include "tools/embed/modes.h"
#include "vectors/analogies.h"
#include "vectors/nearest.h"
#include "vectors/word_pairs.h"

namespace storm {
namespace {

std::string similarity(Space& space, const std::string& path) {
  const auto pairs = read_word_pairs(path);
  std::vector<std::string> words;
  std::vector<std::size_t> known;  // pairs of known words
  int64_t whole = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto a = space.spelling(pairs[i].first), b = space.spelling(pairs[i].second);
    if (std::min(a, b) == Spelling::unknown) continue;
    whole += std::min(a, b) == Spelling::row;
    known.push_back(i);
    words.push_back(pairs[i].first);
    words.push_back(pairs[i].second);
  }
  std::vector<double> theirs, ours;
  const auto vectors =
      space.vectors_of(words, [&](std::size_t i) { return str(path, ": line ", pairs[known[i / 2]].line); });
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto& pair = pairs[known[i]];
    const auto a = vectors.row(2 * i), b = vectors.row(2 * i + 1);
    for (const auto& [word, v] : {std::pair(pair.first, a), std::pair(pair.second, b)})
      require(std::ranges::any_of(v, [](float x) { return x != 0; }), path, ": line ", pair.line, ": the vector of '",
              word, "' is zero");
    theirs.push_back(pair.score);
    ours.push_back(cosine(a, b));
  }
  const double correlation = spearman(theirs, ours);
  require(!std::isnan(correlation), path, ": ", known.size(), " of ", pairs.size(),
          " pairs have words that the vocabulary can spell; a rank correlation needs two that differ");
  return str("pairs\t", pairs.size(), "\nfound\t", known.size(), "\nboth words ", space.row_name(), '\t', whole,
             "\nspearman\t", fixed(correlation, 6), '\n');
}

void write_counts(const std::string& path, const char* convention, std::span<const AnalogyCount> counts,
                  Output& output) {
  for (const auto& count : counts) {
    const auto share = static_cast<double>(count.right) / static_cast<double>(count.counted);
    output.write(str(path, '\t', convention, '\t', field(count.name), '\t', count.right, '\t', count.counted, '\t',
                     count.questions, '\t', count.counted > 0 ? fixed(100 * share, 3) : "-", '\n'));
  }
}

}  // namespace

void write_similarity(Space& space, const Args&, Output& output) {
  const auto& files = space.flags().files;
  for (const auto& path : files) {
    if (files.size() > 1) output.write(str("file\t", path, '\n'));
    output.write(similarity(space, path));
  }
}

void write_analogies(Space& space, const Args&, Output& output) {
  const auto& flags = space.flags();
  std::vector<std::vector<AnalogySection>> files;
  for (const auto& path : flags.files) files.push_back(read_analogies(path));  // all, before the work
  output.write("file\tas in\tsection\tright\tcounted\tquestions\taccuracy\n");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto counts = count_analogies(space.words(), files[i], flags.most_frequent, flags.score);
    write_counts(flags.files[i], "gensim", counts.gensim, output);
    write_counts(flags.files[i], "compute-accuracy", counts.compute_accuracy, output);
    output.flush();
  }
}

}  // namespace storm
