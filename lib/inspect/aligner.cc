#include "inspect/aligner.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/number.h"

namespace storm {

namespace {

bool has(const std::vector<int64_t>& list, int64_t n) { return std::binary_search(list.begin(), list.end(), n); }

std::vector<PieceWords> single_pieces(std::size_t count) {
  std::vector<PieceWords> pieces(count);
  for (std::size_t i = 0; i < count; ++i) pieces[i] = {static_cast<int32_t>(i), 1};
  return pieces;
}

int32_t tokens_of(const std::vector<PieceWords>& pieces) {
  int32_t n = 0;
  for (const auto& p : pieces) n = std::max(n, p.first + p.count);
  return n;
}

}  // namespace

std::string AlignmentHead::name() const { return str(layer + 1, ".") + (head == kMean ? "mean" : str(head + 1)); }

AlignmentHead parse_alignment_head(std::string_view text, const AttentionPart& cross, std::string_view model) {
  const auto dot = text.find('.');
  const auto rest = dot == text.npos ? "mean" : text.substr(dot + 1);
  const auto layer = parse_number<int64_t>(text.substr(0, dot)), head = parse_number<int64_t>(rest);
  if (!layer || (!head && rest != "mean"))
    throw UsageError(str("--align-from: '", text, "' is none of LAYER.HEAD, LAYER.mean, LAYER, best"));
  const auto check = [&](const char* what, const std::vector<int64_t>& list, int64_t n) {
    if (!has(list, n - 1))
      throw UsageError(
          str("--align-from: ", what, " ", n, " is outside 1 to ", list.back() + 1, ", the ", what, "s of ", model));
  };
  check("layer", cross.layers, *layer);
  if (head) check("head", cross.heads, *head);
  return {*layer - 1, head ? *head - 1 : AlignmentHead::kMean};
}

std::vector<AlignmentHead> alignment_heads(const AttentionPart& cross) {
  std::vector<AlignmentHead> heads;
  for (const int64_t layer : cross.layers) {
    for (const int64_t head : cross.heads) heads.push_back({layer, head});
    heads.push_back({layer, AlignmentHead::kMean});
  }
  return heads;
}

std::vector<int32_t> attended(const AttentionMaps& maps, const AlignmentHead& head, AlignmentRow which) {
  const std::size_t pieces = maps.target.size() - 2, keys = maps.source.size();
  std::vector<int32_t> best(pieces, -1);
  std::vector<float> sum;
  const float* weights = nullptr;
  for (const auto& map : maps.maps) {
    if (map.kind != AttentionKind::cross || map.layer != head.layer) continue;
    if (map.head == head.head) weights = map.weights.data();
    if (head.head != AlignmentHead::kMean) continue;
    sum.resize(map.weights.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += map.weights[i];
    weights = sum.data();
  }
  require(weights != nullptr, "no map of head ", head.name());
  if (keys < 2) return best;
  for (std::size_t j = 0; j < pieces; ++j) {
    const float* row = weights + (which == AlignmentRow::reads ? j + 1 : j) * keys;
    best[j] = static_cast<int32_t>(std::max_element(row, row + keys - 1) - row);
  }
  return best;
}

Aligner::Aligner(std::vector<AlignmentHead> candidates, AlignmentRow row, Level level, Output* lines,
                 GoldAlignments* gold)
    : candidates_(std::move(candidates)),
      row_(row),
      level_(level),
      lines_(lines),
      gold_(gold),
      counts_(candidates_.size()),
      agreement_(candidates_.size()) {
  if (candidates_.size() == 1) chosen_ = 0;
}

Links Aligner::links(const Sentence& sentence, std::size_t candidate) const {
  return links_of(sentence.attended[candidate], sentence.source, sentence.target);
}

void Aligner::add(const AttentionMaps& maps, const SentenceWords& words) {
  const auto source = std::span(maps.source).first(maps.source.size() - 1);
  const auto target = std::span(maps.target).subspan(1, maps.target.size() - 2);
  Sentence s;
  const auto side = [&](std::span<const std::string> pieces, const std::vector<PieceWords>& placed) {
    if (level_ != Level::word) return single_pieces(pieces.size());
    return placed.empty() ? words_of(pieces) : placed;
  };
  s.source = side(source, words.source);
  s.target = side(target, words.target);
  for (std::size_t c = 0; c < candidates_.size(); ++c) {
    const bool needed = gold_ || !chosen_ || *chosen_ == c;
    s.attended.push_back(needed ? attended(maps, candidates_[c], row_) : std::vector<int32_t>());
  }
  if (gold_) {
    const auto gold = gold_->next(tokens_of(s.source), tokens_of(s.target));
    for (std::size_t c = 0; c < candidates_.size(); ++c) counts_[c].add(links(s, c), gold);
  } else if (!chosen_) {
    const auto is_head = [&](std::size_t c) { return candidates_[c].head != AlignmentHead::kMean; };
    for (std::size_t a = 0; a < candidates_.size(); ++a)
      for (std::size_t b = 0; b < candidates_.size(); ++b)
        if (a != b && is_head(a) && is_head(b))
          for (std::size_t j = 0; j < target.size(); ++j) agreement_[a] += s.attended[a][j] == s.attended[b][j];
  }
  if (!lines_) return;
  if (chosen_) return write(s);
  waiting_.push_back(std::move(s));
  waiting_pieces_ += target.size();
  if (waiting_.size() >= kSampleSentences || waiting_pieces_ >= kSamplePieces) choose();
}

void Aligner::choose() {
  // The first of equals, in the order of layers and heads.
  for (std::size_t c = 0; c < candidates_.size(); ++c) {
    if (candidates_[c].head == AlignmentHead::kMean) continue;
    const bool better =
        !chosen_ || (gold_ ? counts_[c].aer() < counts_[*chosen_].aer() : agreement_[c] > agreement_[*chosen_]);
    if (better) chosen_ = c;
  }
  for (const auto& s : waiting_) write(s);
  std::vector<Sentence>().swap(waiting_);
}

void Aligner::write(const Sentence& sentence) { lines_->write(pharaoh(links(sentence, *chosen_)) + "\n"); }

void Aligner::finish() {
  if (!chosen_) choose();
  if (gold_) gold_->require_end();
}

std::optional<AlignmentHead> Aligner::chosen() const {
  return chosen_ ? std::optional(candidates_[*chosen_]) : std::nullopt;
}

std::string Aligner::scores() const {
  std::string text = "layer\thead\tlinks\tprecision\trecall\taer\n";
  for (std::size_t c = 0; c < candidates_.size(); ++c) {
    const auto& [layer, head] = candidates_[c];
    const auto& n = counts_[c];
    text += str(layer + 1, "\t", head == AlignmentHead::kMean ? "mean" : str(head + 1), "\t", n.links, "\t") +
            fixed(n.precision(), 4) + "\t" + fixed(n.recall(), 4) + "\t" + fixed(n.aer(), 4) + "\n";
  }
  return text;
}

}  // namespace storm
