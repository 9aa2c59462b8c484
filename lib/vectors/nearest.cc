#include "vectors/nearest.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/gemm.h"

namespace storm {

namespace {

// A panel of the index and the scores of some queries with it stay in a core's own cache.
constexpr int64_t kQueries = 256;

struct Queries {
  std::span<const float> raw;  // [n, width]
  std::vector<float> unit;     // [n, width]
  std::vector<double> norms;   // [n]
};

// Goes through panels [begin, end) of the index.
void search(const VectorRows& rows, int64_t width, const Queries& queries, std::size_t k, int64_t begin, int64_t end,
            std::vector<BestRows>& best) {
  const auto n = static_cast<int64_t>(queries.norms.size());
  // What f32 rounding moves a cosine by at most (Higham, "Accuracy and stability of numerical algorithms", §3.1: n u
  // |a|·|b| for a sum in any order), twice.
  const double slack = static_cast<double>(width + 16) * 0x1p-23;
  std::vector<float> panel(static_cast<std::size_t>(kPanelRows * width)), row(static_cast<std::size_t>(width)),
      scores(static_cast<std::size_t>(std::min(kQueries, n) * kPanelRows));
  for (int64_t p = begin; p < end; ++p) {
    const int64_t first = p * kPanelRows, count = std::min(kPanelRows, rows.size() - first);
    rows.read_unit(first, count, panel.data());
    for (int64_t q0 = 0; q0 < n; q0 += kQueries) {
      const int64_t some = std::min(kQueries, n - q0);
      gemm(false, true, some, count, width, 1, queries.unit.data() + q0 * width, width, panel.data(), width, 0,
           scores.data(), count);
      for (int64_t q = q0; q < q0 + some; ++q) {
        const auto at = static_cast<std::size_t>(q);
        if (queries.norms[at] == 0) continue;
        const float* x = scores.data() + (q - q0) * count;
        auto least = [&] { return std::nextafterf(static_cast<float>(best[at].least(k) - slack), -INFINITY); };
        float bound = least();
        for (int64_t r = next_large(x, 0, count, bound); r < count; r = next_large(x, r + 1, count, bound)) {
          rows.read(first + r, row.data());
          const double squares = dot_in_double(row.data(), row.data(), width);
          if (squares == 0) continue;
          const double product = dot_in_double(queries.raw.data() + q * width, row.data(), width);
          best[at].offer({product / (queries.norms[at] * std::sqrt(squares)), first + r}, k);
          bound = least();
        }
      }
    }
  }
}

}  // namespace

double cosine(std::span<const float> a, std::span<const float> b) {
  const auto n = static_cast<int64_t>(a.size());
  const double aa = dot_in_double(a.data(), a.data(), n), bb = dot_in_double(b.data(), b.data(), n);
  return aa > 0 && bb > 0 ? dot_in_double(a.data(), b.data(), n) / (std::sqrt(aa) * std::sqrt(bb)) : 0;
}

std::vector<std::vector<Neighbour>> search_panels(int64_t rows, std::size_t n, std::size_t k,
                                                  const PanelSearch& search) {
  std::vector<BestRows> all(n);
  std::mutex merging;
  if (k > 0)
    parallel_ranges((rows + kPanelRows - 1) / kPanelRows, 1, [&](int64_t begin, int64_t end) {
      std::vector<BestRows> own(n);
      search(begin, end, own);
      const std::lock_guard lock(merging);
      for (std::size_t q = 0; q < n; ++q)
        for (const auto& candidate : own[q].found()) all[q].offer(candidate, k);
    });
  std::vector<std::vector<Neighbour>> found;
  for (auto& best : all) found.push_back(std::move(best).sorted());
  return found;
}

std::vector<std::vector<Neighbour>> nearest(std::span<const VectorBlock> index, int64_t width,
                                            std::span<const float> queries, int64_t k) {
  require(width > 0 && k > 0 && queries.size() % static_cast<std::size_t>(width) == 0, "nearest: ", queries.size(),
          " numbers of queries of width ", width, ", k ", k);
  const VectorRows rows(index, width);
  const auto n = static_cast<int64_t>(queries.size()) / width;
  Queries asked{queries, std::vector<float>(queries.size()), {}};
  for (int64_t q = 0; q < n; ++q) {
    const float* x = queries.data() + q * width;
    const double squares = dot_in_double(x, x, width);
    require(std::isfinite(squares), "query ", q + 1, " holds NaN or an infinity");
    asked.norms.push_back(std::sqrt(squares));
    scale_in_double(x, width, squares > 0 ? 1 / asked.norms.back() : 0, asked.unit.data() + q * width);
  }
  const auto most = static_cast<std::size_t>(std::min(k, rows.size()));
  return search_panels(rows.size(), static_cast<std::size_t>(n), most,
                       [&](int64_t begin, int64_t end, std::vector<BestRows>& best) {
                         search(rows, width, asked, most, begin, end, best);
                       });
}

}  // namespace storm
