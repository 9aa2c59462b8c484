// Edit distance between word sequences inside a beam around the diagonal, as Tercom's search wants it: with the
// operations on one best path, and quickly for sequences that differ from the last one only behind some position.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

class BeamEditDistance {
 public:
  enum Operation : uint8_t { keep, substitute, insert, erase };  // what turns the hypothesis into the reference

  // Distance of the base hypothesis from the reference; the others below are compared with this pair.
  int32_t set(std::span<const uint32_t> hypothesis, std::span<const uint32_t> reference);
  // Operations of a best path of the base, in the order of the words: of equally good ones keep or substitute comes
  // first, then erase, then insert, from the end.
  std::span<const Operation> path();
  // Distance of another hypothesis, as long as the base and the same as it up to position `same`.
  int32_t distance(std::span<const uint32_t> hypothesis, std::size_t same);

 private:
  // The columns of a row that lie in the beam, and their cells; those outside are out of reach.
  struct Band {
    int64_t begin = 0, end = 0;
    std::size_t first = 0;  // where cells_ and operations_ hold column `begin`
  };
  Band band(std::size_t i) const;
  void row(uint32_t word, const Band& above, const int32_t* above_cells, const Band& band, int32_t* cells,
           Operation* operations) const;

  std::span<const uint32_t> reference_;
  std::size_t hyp_len_ = 0, width_ = 0;
  double ratio_ = 1;
  int64_t beam_ = 0;
  std::vector<Band> bands_;            // [hyp_len + 1]
  std::vector<int32_t> cells_;         // of the base: its bands one after another, so that memory grows with the words
  std::vector<Operation> operations_;  // the same
  std::vector<int32_t> rows_[2];       // of another hypothesis
  std::vector<Operation> path_;
};

}  // namespace storm
