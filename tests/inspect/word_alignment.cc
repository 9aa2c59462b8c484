#include "inspect/word_alignment.h"

#include <fstream>

#include "base/error.h"
#include "inspect/aligner.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/inspect/scratch.h"

using namespace storm;
using test::error_of;
using test::ScratchText;

namespace {

using Pieces = std::vector<std::string>;
using Words = std::vector<PieceWords>;

// A pair of sentences of one-word pieces, with one layer of cross-attention: weights[head] is [target + 1, source + 1].
struct Example {
  AttentionMaps maps;
  std::vector<std::vector<float>> weights;

  Example(int64_t source, int64_t target, std::vector<std::vector<float>> heads) : weights(std::move(heads)) {
    maps.source.assign(static_cast<std::size_t>(source), "▁s");
    maps.source.push_back("</s>");
    maps.target.assign(static_cast<std::size_t>(target) + 2, "▁t");
    for (std::size_t h = 0; h < weights.size(); ++h)
      maps.maps.push_back({AttentionKind::cross, 0, static_cast<int64_t>(h), target + 1, source + 1, weights[h]});
  }
  Example(const Example&) = delete;
  Example& operator=(const Example&) = delete;
};

// A head whose row i looks at sources[i].
std::vector<float> looking(int64_t source, const std::vector<int64_t>& sources) {
  std::vector<float> weights;
  for (const int64_t at : sources)
    for (int64_t j = 0; j <= source; ++j) weights.push_back(j == at ? 0.9f : 0.01f);
  return weights;
}

}  // namespace

TEST_CASE("words are what SentencePiece's marks for spaces separate") {
  CHECK(words_of(Pieces{}).empty());
  CHECK(words_of(Pieces{"▁the", "▁un", "related", "▁one"}) == Words{{0, 1}, {1, 1}, {1, 1}, {2, 1}});
  CHECK(words_of(Pieces{"no", "mark", "▁first"}) == Words{{0, 1}, {0, 1}, {1, 1}});
  SECTION("a mark alone belongs to the word that follows, or to none") {
    CHECK(words_of(Pieces{"▁", "a", "▁", "b"}) == Words{{0, 1}, {0, 1}, {1, 1}, {1, 1}});
    const auto words = words_of(Pieces{"▁", "▁a", "▁▁", "▁"});
    CHECK(words[0] == PieceWords{0, 1});
    CHECK(words[1] == PieceWords{0, 1});
    CHECK(words[2].count == 0);
    CHECK(words[3].count == 0);
  }
  SECTION("a piece may hold several words, and marks may stand at the end") {
    CHECK(words_of(Pieces{"▁out▁of▁the", "▁box"}) == Words{{0, 3}, {3, 1}});
    CHECK(words_of(Pieces{"the▁", "unre", "lated▁", "one"}) == Words{{0, 1}, {1, 1}, {1, 1}, {2, 1}});
  }
  SECTION("byte pieces stand for their bytes, a mark's, too") {
    CHECK(words_of(Pieces{"▁a", "<0xC3>", "<0xA4>", "▁b"}) == Words{{0, 1}, {0, 1}, {0, 1}, {1, 1}});
    CHECK(words_of(Pieces{"a", "<0xE2>", "<0x96>", "<0x81>", "b"}) == Words{{0, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
    CHECK(words_of(Pieces{"a", "<0xE2>", "<0x96>"}) == Words{{0, 1}, {0, 1}, {0, 1}});  // cut short
    CHECK(words_of(Pieces{"<0xZZ>"}) == Words{{0, 1}});
  }
}

TEST_CASE("where the bytes of pieces are known, words are what spaces separate, whatever the pieces are called") {
  const auto placed = [](const std::string& line, const std::vector<int32_t>& begins,
                         const std::vector<int32_t>& ends) { return words_of(line, begins, ends); };
  CHECK(placed("", {}, {}).empty());
  CHECK(placed("a dog. x", {0, 2, 5, 7}, {1, 5, 6, 8}) == Words{{0, 1}, {1, 1}, {1, 1}, {2, 1}});  // WordPiece
  CHECK(placed("a  dog x", {0, 1, 6}, {1, 6, 8}) == Words{{0, 1}, {1, 1}, {2, 1}});                // SentencePiece
  CHECK(placed(" a b", {0, 1, 2, 3}, {1, 2, 3, 4}) == Words{{0, 1}, {0, 1}, {1, 1}, {1, 1}});      // spaces alone
  CHECK(placed("a b ", {0, 3}, {3, 4}) == Words{{0, 2}, {0, 0}});  // over a space; behind all
  CHECK(placed("ab c", {0, 1, 1, 2}, {1, 1, 2, 2}) == Words{{0, 1}, {0, 1}, {0, 1}, {1, 1}});  // of no bytes
}

TEST_CASE("links are Pharaoh's: source-target from 0, rising, none twice") {
  const Words source{{0, 1}, {1, 1}, {1, 1}}, target{{0, 1}, {0, 1}, {1, 2}, {2, 0}};
  CHECK(pharaoh(links_of(std::vector<int32_t>{2, 1, 0, 0}, source, target)) == "0-1 0-2 1-0");
  CHECK(pharaoh(links_of(std::vector<int32_t>{-1, -1, -1, -1}, source, target)).empty());
  CHECK(pharaoh({{10, 2}}) == "10-2");
}

TEST_CASE("precision, recall and AER are those of Och and Ney 2003") {
  const GoldAlignment gold{{{0, 0}, {2, 1}}, {{0, 0}, {1, 1}, {2, 1}, {3, 3}}};
  AlignmentCounts counts;
  counts.add({{0, 0}, {1, 1}, {2, 2}}, gold);
  CHECK(counts.precision() == Approx(2.0 / 3).margin(1e-12));
  CHECK(counts.recall() == Approx(1.0 / 2).margin(1e-12));
  CHECK(counts.aer() == Approx(1 - 3.0 / 5).margin(1e-12));
  counts.add(gold.sure, gold);  // over the corpus, not a mean of sentences
  CHECK(counts.precision() == Approx(4.0 / 5).margin(1e-12));
  CHECK(counts.recall() == Approx(3.0 / 4).margin(1e-12));
  CHECK(counts.aer() == Approx(1 - 7.0 / 9).margin(1e-12));
  CHECK(AlignmentCounts().aer() == 0);
}

TEST_CASE("a gold file is read line by line, and what is wrong with it is said") {
  const ScratchText file("0-0 1?0\t2p1 0-0\r\n\n1-2\n");
  GoldAlignments gold(file.path);
  const auto first = gold.next(3, 2);
  CHECK(first.sure == Links{{0, 0}});
  CHECK(first.possible == Links{{0, 0}, {1, 0}, {2, 1}});
  CHECK(gold.next(0, 0).possible.empty());
  CHECK(error_of([&] { gold.require_end(); }).find("has more lines than the input's 2 sentences") != std::string::npos);
  for (const std::string bad : {"0", "-1-2", "1-", "1--2", "0:0", "99999999999-0", "1.5-2", "0-0-0", "x"}) {
    const ScratchText one("0-0\n" + bad + "\n");
    GoldAlignments it(one.path);
    it.next(5, 5);
    INFO(bad);
    CHECK(error_of([&] { it.next(5, 5); }).find("line 2: '" + bad + "' is no link") != std::string::npos);
  }
  const ScratchText outside("0-4\n");
  CHECK(error_of([&] {
          GoldAlignments(outside.path).next(5, 4);
        }).find("line 1: link 0-4 is outside a pair of 5 and 4") != std::string::npos);
  CHECK(error_of([&] { GoldAlignments(ScratchText("").path).next(1, 1); }).find("ends after line 0") !=
        std::string::npos);
}

TEST_CASE("each target piece is linked to the source piece that its row looks at most, EOS left out") {
  // Rows: BOS, t0, t1 (which predict t0, t1, EOS).
  const Example e(3, 2, {looking(3, {2, 0, 1}), {0, 0, .3f, .7f, .1f, .2f, .1f, .6f, .2f, .2f, .2f, .4f}});
  using Ids = std::vector<int32_t>;
  CHECK(attended(e.maps, {0, 0}, AlignmentRow::predicts) == Ids{2, 0});
  CHECK(attended(e.maps, {0, 0}, AlignmentRow::reads) == Ids{0, 1});
  CHECK(attended(e.maps, {0, 1}, AlignmentRow::predicts) == Ids{2, 1});
  CHECK(attended(e.maps, {0, 1}, AlignmentRow::reads) == Ids{1, 0});  // of equals the first
  CHECK(attended(e.maps, {0, AlignmentHead::kMean}, AlignmentRow::predicts) == Ids{2, 0});
  CHECK_THROWS_AS(attended(e.maps, {1, 0}, AlignmentRow::predicts), Error);
  const Example empty_source(0, 2, {{1, 1, 1}}), empty_target(2, 0, {{.5f, .3f, .2f}});
  CHECK(attended(empty_source.maps, {0, 0}, AlignmentRow::predicts) == Ids{-1, -1});
  CHECK(attended(empty_target.maps, {0, 0}, AlignmentRow::predicts).empty());
}

namespace {

// The lines of an aligner over some examples.
std::string aligned(Aligner::Level level, const std::vector<const Example*>& examples, GoldAlignments* gold,
                    std::string* scores = nullptr, std::size_t heads = 3) {
  const ScratchText file("");
  Output output(file.path);
  std::vector<AlignmentHead> candidates;
  for (std::size_t h = 0; h < heads; ++h) candidates.push_back({0, static_cast<int64_t>(h)});
  candidates.push_back({0, AlignmentHead::kMean});
  Aligner aligner(candidates, AlignmentRow::predicts, level, &output, gold);
  for (const auto* e : examples) aligner.add(e->maps);
  aligner.finish();
  if (scores) *scores = aligner.scores();
  output.commit();
  return read_file(file.path);
}

}  // namespace

TEST_CASE("the best head is the one that agrees most with the others, or has the lowest AER") {
  const Example e(2, 2, {looking(2, {1, 1, 0}), looking(2, {0, 1, 0}), looking(2, {0, 0, 0})});
  const Example empty(0, 0, {{1}, {1}, {1}});
  CHECK(aligned(Aligner::Level::word, {&e, &empty, &e}, nullptr) == "0-0 1-1\n\n0-0 1-1\n");
  const ScratchText file("1-0\n0-0\n");
  GoldAlignments gold(file.path);
  std::string scores;
  CHECK(aligned(Aligner::Level::piece, {&e, &e}, &gold, &scores) == "1-0 1-1\n1-0 1-1\n");
  CHECK(scores ==
        "layer\thead\tlinks\tprecision\trecall\taer\n"
        "1\t1\t4\t0.2500\t0.5000\t0.6667\n"
        "1\t2\t4\t0.2500\t0.5000\t0.6667\n"
        "1\t3\t4\t0.2500\t0.5000\t0.6667\n"
        "1\tmean\t4\t0.2500\t0.5000\t0.6667\n");
  const ScratchText third("0-0 0-1\n");
  GoldAlignments gold_of_third(third.path);
  CHECK(aligned(Aligner::Level::word, {&e}, &gold_of_third, &scores) == "0-0 0-1\n");
  CHECK(scores.find("1\t3\t2\t1.0000\t1.0000\t0.0000\n") != std::string::npos);
}

TEST_CASE("the best head is found on the first 1,000 sentences and then kept") {
  // Heads 2 and 3 agree in the first sentences, 1 and 2 in later ones, which are more.
  const Example first(2, 1, {looking(2, {1, 0}), looking(2, {0, 0}), looking(2, {0, 0})});
  const Example later(2, 1, {looking(2, {0, 0}), looking(2, {1, 0}), looking(2, {0, 0})});
  std::vector<const Example*> all(Aligner::kSampleSentences, &first);
  all.insert(all.end(), 3 * Aligner::kSampleSentences, &later);
  const auto lines = aligned(Aligner::Level::word, all, nullptr);
  CHECK(lines.substr(0, 4) == "0-0\n");
  CHECK(lines.substr(lines.size() - 4) == "1-0\n");
  CHECK(lines.size() == 4 * all.size());
}

TEST_CASE("heads to align from are named LAYER.HEAD, LAYER.mean or LAYER, from 1") {
  const AttentionPart cross{AttentionKind::cross, {0, 1, 2}, {0, 1}};
  const auto name = [&](const std::string& text) { return parse_alignment_head(text, cross, "model.st").name(); };
  CHECK(name("3.2") == "3.2");
  CHECK(name("1") == "1.mean");
  CHECK(name("2.mean") == "2.mean");
  for (const std::string bad : {"", ".", "0.1", "4.1", "1.0", "1.3", "1.x", "a", "1.2.3", "-1", "1.", "worst"}) {
    INFO(bad);
    CHECK_THROWS_AS(name(bad), UsageError);
  }
  CHECK(error_of([&] { name("4.1"); }) == "--align-from: layer 4 is outside 1 to 3, the layers of model.st");
  CHECK(error_of([&] { name("1.3"); }) == "--align-from: head 3 is outside 1 to 2, the heads of model.st");
}
