// Text with columns and numbers: pairs of words with a judgement.
#include "inspect/word_pairs.h"
#include "tests/faults/fuzz/fuzz.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return fuzz::judged(data, size, [](std::string_view bytes) {
    const fuzz::MemoryFile file(bytes);
    std::vector<double> scores;
    for (const auto& pair : read_word_pairs(file.path())) scores.push_back(pair.score);
    spearman(average_ranks(scores), scores);
  });
}
