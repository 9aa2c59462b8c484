// Metrics over any text: the first line is the hypothesis, the second the reference, after the same number of lines of
// each file; and files of segments, of columns of tags, and of word pairs and gold alignments as they are read.
#include <algorithm>
#include <array>

#include "inspect/word_alignment.h"
#include "metrics/answers.h"
#include "metrics/bleu.h"
#include "metrics/chrf.h"
#include "metrics/segment_files.h"
#include "metrics/tag_columns.h"
#include "metrics/ter.h"
#include "tests/faults/fuzz/fuzz.h"
#include "vectors/word_pairs.h"

using namespace storm;

namespace {

void count(const Metric& metric, std::string_view hypothesis, std::string_view reference) {
  std::vector<int32_t> row(static_cast<std::size_t>(metric.columns));
  metric.counter()(std::span(&reference, 1), std::span(&hypothesis, 1), row.data());
  std::vector<double> sums(row.begin(), row.end());
  if (!(metric.value(sums) >= 0)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const fuzz::MemoryFile file(text);
  fuzz::taken([&] { read_word_pairs(file.path()); });
  fuzz::taken([&] {
    GoldAlignments gold(file.path());
    while (true) gold.next(9, 9);
  });
  fuzz::taken([&] {
    TagTable table(TagScheme::iobes);
    TagColumns columns(file.path(), 2);
    for (TaggedSentence sentence; columns.next(table, sentence);)
      for (const auto rule : {EntityRule::seqeval, EntityRule::strict, EntityRule::conlleval}) {
        std::vector<EntityEvent> events;
        find_entities(table, rule, sentence.tags[1], sentence.tags[0], events);
        MatchCounts all;
        for (const auto& event : events) count(event, all);
        if (all.correct > std::min(all.gold, all.predicted)) std::abort();
      }
  });
  fuzz::taken([&] {
    SegmentFiles files({file.path()}, {file.path()}, 1);
    Block block;
    while (files.read(block, 4)) {
      for (std::size_t i = 0; i < block.segments(); ++i) {
        const std::string_view hypothesis = block.systems[0][i];
        const std::string_view reference = block.references[0][(i + 1) % block.segments()];
        for (const auto tokenize : {Tokenization::mteval13a, Tokenization::international, Tokenization::chinese,
                                    Tokenization::character, Tokenization::none}) {
          BleuOptions options;
          options.tokenizer.tokenize = tokenize;
          count(bleu_metric(options, 1), hypothesis, reference);
        }
        ChrfOptions chrf;
        chrf.word_order = 2;
        count(chrf_metric(chrf, 1), hypothesis, reference);
        const std::vector<std::string> answers{std::string(reference)};
        const double exact = exact_match(hypothesis, answers), f1 = squad_f1(hypothesis, answers);
        if (!(f1 >= 0 && f1 <= 1) || (exact != 0 && exact != 1)) std::abort();
        count(ter_metric({true, true, true, false}, 1), hypothesis, reference);
        count(ter_metric({}, 1), hypothesis, reference);
      }
    }
  });
  return 0;
}
