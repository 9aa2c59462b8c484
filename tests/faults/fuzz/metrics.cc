// Hypotheses and references, as bleu reads and scores them. The first byte chooses metric and tokenisation; a zero byte
// parts the two files.
#include <algorithm>

#include "metrics/bleu.h"
#include "metrics/chrf.h"
#include "metrics/evaluation.h"
#include "metrics/segment_files.h"
#include "metrics/ter.h"
#include "tests/faults/fuzz/fuzz.h"

using namespace storm;

namespace {

Metric metric_of(unsigned choice) {
  if (choice % 3 == 1) return chrf_metric({}, 1);
  if (choice % 3 == 2) return ter_metric({}, 1);
  BleuOptions options;
  constexpr std::string_view kNames[] = {"none", "13a", "char", "intl", "zh"};
  options.tokenizer.tokenize = tokenization_from_name(kNames[choice / 3 % std::size(kNames)]);
  options.tokenizer.lowercase = choice >= 128;
  return bleu_metric(options, 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  return fuzz::judged(data + 1, size - 1, [choice = data[0]](std::string_view bytes) {
    const auto cut = std::min(bytes.find('\0'), bytes.size());
    const fuzz::MemoryFile hypotheses(bytes.substr(0, cut)), references(bytes.substr(std::min(cut + 1, bytes.size())));
    SegmentFiles files({hypotheses.path()}, {references.path()}, 1);
    Evaluation evaluation({metric_of(choice)}, 1, false);
    for (Block block; files.read(block, 100);) evaluation.add(block);
    if (evaluation.segments() > 0) evaluation.score(0, 0);
  });
}
