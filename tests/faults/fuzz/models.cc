// Model files and checkpoints: the same document is read as each.
#include <algorithm>

#include "models/model_file.h"
#include "tests/faults/fuzz/fuzz.h"
#include "train/checkpoint.h"

using namespace storm;

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_document(data, size, most, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  fuzz::taken([&] {
    const auto loaded = load_model(file.path());
    for (const char* column : {"src", "tgt"}) loaded.vocabulary(column);
  });
  fuzz::taken([&] {
    const auto checkpoint = load_checkpoint(file.path());
    const Optimizer optimizer(checkpoint.loaded.model->parameters().values().size(), checkpoint.settings.optimizer);
    checkpoint.restore(optimizer);
  });
  return 0;
}
