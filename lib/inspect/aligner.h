// Reads word alignments off the cross-attention: of one head, of a layer's mean, or of the head that does it best.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/output.h"
#include "inspect/attention_choice.h"
#include "inspect/attention_maps.h"
#include "inspect/word_alignment.h"

namespace storm {

struct AlignmentHead {
  static constexpr int64_t kMean = -1;
  int64_t layer = 0, head = kMean;  // from 0

  std::string name() const;  // as --align-from has it, from 1: "3.2", "3.mean"
};

// "3.2", "3.mean" or "3" (the mean). Throws UsageError for a text that is neither, and for a layer or head that `cross`
// has not; model: what it is called.
AlignmentHead parse_alignment_head(std::string_view text, const AttentionPart& cross, std::string_view model);
std::vector<AlignmentHead> alignment_heads(const AttentionPart& cross);  // each layer's heads, then its mean

// Which row of a map is a target piece's: the one that predicts it, or the one below, which has read it. Chen, Sun and
// Liu ("Accurate Word Alignment Induction from Neural Machine Translation", EMNLP 2020, §3) find the second better. On
// a Multi30k model it is, but in one head of one layer; on the embedded corpus the first is better in nearly every
// head, by AER 0.47 against 0.72 of the best ones.
enum class AlignmentRow : uint8_t { predicts, reads };

// For each target piece (BOS and EOS are none) the source piece but EOS that gets most weight; -1 where there is none.
std::vector<int32_t> attended(const AttentionMaps& maps, const AlignmentHead& head, AlignmentRow row);

// The words of a pair's pieces, without BOS and EOS, where the input says where they stand; empty: as their names say.
struct SentenceWords {
  std::vector<PieceWords> source{}, target{};
};

class Aligner {
 public:
  enum class Level : uint8_t { word, piece };

  // candidates: one, or several, of which it takes the best head: by gold the one of the lowest alignment error rate,
  // without gold the one whose target pieces most often attend to where the other heads' do. lines: where the links go,
  // a line a pair, in Pharaoh format; the best head is then found on the first kSampleSentences (or kSamplePieces),
  // which wait until then. Both may be null, and must outlive this.
  Aligner(std::vector<AlignmentHead> candidates, AlignmentRow row, Level level, Output* lines, GoldAlignments* gold);

  void add(const AttentionMaps& maps, const SentenceWords& words = {});
  void finish();  // call once, last: writes what waits, and throws Error when the gold file has lines left

  // The head that was taken; none while that is open, and where several are no heads.
  std::optional<AlignmentHead> chosen() const;
  // Where there is gold: the precision, recall and AER of each candidate, as a table of tab-separated values with a
  // header.
  std::string scores() const;

  static constexpr std::size_t kSampleSentences = 1000, kSamplePieces = 65536;

 private:
  struct Sentence {
    std::vector<PieceWords> source, target;
    std::vector<std::vector<int32_t>> attended;  // [candidates]
  };
  Links links(const Sentence& sentence, std::size_t candidate) const;
  void choose();
  void write(const Sentence& sentence);

  std::vector<AlignmentHead> candidates_;
  AlignmentRow row_;
  Level level_;
  Output* lines_;
  GoldAlignments* gold_;
  std::vector<AlignmentCounts> counts_;  // [candidates]
  std::vector<int64_t> agreement_;       // [candidates]: target pieces times other heads that attend to the same
  std::vector<Sentence> waiting_;
  std::size_t waiting_pieces_ = 0;
  std::optional<std::size_t> chosen_;
};

}  // namespace storm
