#include "vectors/alignment.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/eigen.h"
#include "text/lines.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "vectors/nearest.h"

namespace storm {

namespace {

// The row's direction, in double, behind what `rows` holds.
void add_unit(const WordTable& table, int64_t row, std::vector<double>& rows) {
  std::vector<float> x(static_cast<std::size_t>(table.width()));
  table.read(row, x);
  const double squares = dot_in_double(x.data(), x.data(), table.width());
  require(squares > 0 && std::isfinite(squares), table.name(), ": the vector of '", table.word(row), "' ",
          squares == 0 ? "is zero" : "holds NaN or an infinity");
  for (const float v : x) rows.push_back(v / std::sqrt(squares));
}

}  // namespace

std::vector<Translation> read_dictionary(const std::string& path) {
  std::vector<Translation> pairs;
  LineReader reader({path});
  LineBlock block;
  while (reader.next(block, false))
    for (int64_t i = 0; i < block.size(); ++i) {
      const auto line = strip(block[i]);
      if (line.empty()) continue;
      require(valid_utf8_prefix(line) == line.size(), block.where(i), ": not valid UTF-8");
      auto middle = line.find('\t');
      if (middle == line.npos) middle = line.find(' ');
      require(middle != line.npos, block.where(i), ": not source TAB target");
      const auto source = strip(line.substr(0, middle)), target = strip(line.substr(middle + 1));
      require(target.find('\t') == target.npos && (line[middle] == '\t' || target.find(' ') == target.npos),
              block.where(i), ": more than source and target");
      pairs.push_back({std::string(source), std::string(target)});
    }
  require(!pairs.empty(), path, ": holds no pair of words; a line is source TAB target");
  return pairs;
}

SpaceMap align_spaces(const WordTable& source, const WordTable& target, std::span<const Translation> dictionary) {
  require(source.width() == target.width(), target.name(), ": its vectors have ", target.width(), " numbers, those of ",
          source.name(), " have ", source.width());
  SpaceMap map;
  std::vector<double> x, y;
  for (const auto& pair : dictionary) {
    const auto from = source.row_of(pair.source), to = target.row_of(pair.target);
    if (from < 0 || to < 0) continue;
    add_unit(source, from, x);
    add_unit(target, to, y);
    ++map.pairs;
  }
  require(map.pairs > 0, "none of the ", dictionary.size(), " pairs of the dictionary has rows in ", source.name(),
          " and ", target.name());
  const auto w = static_cast<std::size_t>(source.width());
  map.matrix = orthogonal_map(x, y, source.width());
  for (std::size_t r = 0; r < x.size(); r += w)
    for (std::size_t i = 0; i < w; ++i)
      for (std::size_t j = 0; j < w; ++j)
        map.cosine += x[r + i] * map.matrix[i * w + j] * y[r + j] / static_cast<double>(map.pairs);
  return map;
}

std::vector<float> mapped(std::span<const float> rows, std::span<const double> matrix, int64_t width) {
  const auto w = static_cast<std::size_t>(width);
  std::vector<float> out(rows.size());
  parallel_ranges(static_cast<int64_t>(rows.size() / w), 64, [&](int64_t begin, int64_t end) {
    std::vector<double> sum(w);
    for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
      std::ranges::fill(sum, 0.0);
      for (std::size_t i = 0; i < w; ++i)
        for (std::size_t j = 0; j < w; ++j) sum[j] += static_cast<double>(rows[r * w + i]) * matrix[i * w + j];
      std::ranges::transform(sum, out.begin() + static_cast<std::ptrdiff_t>(r * w),
                             [](double v) { return static_cast<float>(v); });
    }
  });
  return out;
}

TranslationPrecision translation_precision(const WordTable& source, const WordTable& target,
                                           std::span<const double> matrix, std::span<const Translation> dictionary) {
  std::set<std::string> asked;
  std::map<int64_t, std::set<int64_t>> right;  // the target's rows, by the source's
  for (const auto& pair : dictionary) {
    asked.insert(pair.source);
    const auto from = source.row_of(pair.source), to = target.row_of(pair.target);
    if (from >= 0 && to >= 0) right[from].insert(to);
  }
  TranslationPrecision precision{.words = static_cast<int64_t>(right.size()),
                                 .asked = static_cast<int64_t>(asked.size())};
  std::vector<float> queries;
  for (const auto& [row, translations] : right) {
    queries.resize(queries.size() + static_cast<std::size_t>(source.width()));
    source.read(row, std::span(queries).last(static_cast<std::size_t>(source.width())));
  }
  const auto found = nearest(target.blocks(), target.width(), mapped(queries, matrix, source.width()),
                             TranslationPrecision::kDepths.back());
  std::size_t word = 0;
  for (const auto& [row, translations] : right) {
    const auto& neighbours = found[word++];
    const auto first = std::ranges::find_if(neighbours, [&](const auto& n) { return translations.contains(n.row); });
    for (std::size_t d = 0; d < precision.right.size(); ++d)
      precision.right[d] += first - neighbours.begin() < std::min<int64_t>(TranslationPrecision::kDepths[d],
                                                                           static_cast<int64_t>(neighbours.size()));
  }
  return precision;
}

}  // namespace storm
