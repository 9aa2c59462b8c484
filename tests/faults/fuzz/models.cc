// Model files and checkpoints, up to the point where they could be used.
#include "models/model_file.h"
#include "stream/stream.h"
#include "tests/faults/fuzz/fuzz.h"
#include "train/checkpoint.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return fuzz::judged(data, size, [](std::string_view bytes) {
    const fuzz::MemoryFile file(bytes);
    const auto document = read_document(file.path());
    const auto loaded = load_model(document, "input");
    load_checkpoint(file.path());
  });
}
