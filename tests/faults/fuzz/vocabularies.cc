// SentencePiece models: what our guard lets through must encode and decode.
#include "tests/faults/fuzz/fuzz.h"
#include "text/vocabulary.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return fuzz::judged(data, size, [](std::string_view bytes) {
    const auto vocabulary = Vocabulary::from_bytes(std::string(bytes));
    auto ids = vocabulary.encode("The 2 cats, naïve.");
    for (int32_t id = 0; id < std::min(vocabulary.size(), 300); ++id) ids.push_back(id);
    vocabulary.decode(ids);
  });
}
