// The best rows of one search, as far as it has come.
#pragma once

#include <cstdint>
#include <vector>

namespace storm {

struct Neighbour {
  double score = 0;  // the cosine, in double from the numbers as they are stored
  int64_t row = 0;   // over all blocks
};

// A larger score; of equal ones, the lower row.
inline bool better(const Neighbour& a, const Neighbour& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

// The best k so far, in a heap with the worst of them on top.
class BestRows {
 public:
  void offer(const Neighbour& candidate, std::size_t k);
  double least(std::size_t k) const;  // what a candidate must have; minus infinity while there are fewer than k
  const std::vector<Neighbour>& found() const { return heap_; }  // in no order
  std::vector<Neighbour> sorted() &&;                            // the best first

 private:
  std::vector<Neighbour> heap_;
};

// The first place from `begin` on where x is at least `least`; n where there is none. Most are below: stretches are
// passed over by their largest.
int64_t next_large(const float* x, int64_t begin, int64_t n, float least);

}  // namespace storm
