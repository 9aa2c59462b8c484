// Exact nearest neighbours by cosine: one blocked matrix product, whose few large results are computed again in double
// and kept in a heap for each query. Rows may lie in a mapped file; they are read once a call.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "vectors/best_rows.h"
#include "vectors/vector_rows.h"

namespace storm {

// The cosine of two vectors as nearest() computes it: equal vectors have equal cosines to anything. 0 where one is 0.
double cosine(std::span<const float> a, std::span<const float> b);

// queries: [n, width], not normalised -> for each the k rows with the largest cosine, best first, of equal ones the
// lower row first; fewer where there are fewer. Rows of zeros have no direction and are nobody's neighbours; a query of
// zeros has none. Memory: a few MiB a thread and k results a query and thread. Throws Error for NaN and infinities.
std::vector<std::vector<Neighbour>> nearest(std::span<const VectorBlock> index, int64_t width,
                                            std::span<const float> queries, int64_t k);

// How all searches go through an index: panels of kPanelRows rows, shared out among the threads.
// search(begin, end, best) goes through panels [begin, end) and offers what it finds for each of n queries, of which
// the best k are merged and sorted.
constexpr int64_t kPanelRows = 512;
using PanelSearch = std::function<void(int64_t begin, int64_t end, std::vector<BestRows>& best)>;
std::vector<std::vector<Neighbour>> search_panels(int64_t rows, std::size_t n, std::size_t k,
                                                  const PanelSearch& search);

}  // namespace storm
