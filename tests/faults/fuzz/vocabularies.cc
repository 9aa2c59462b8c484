// SentencePiece models and lists, bare or in a stream, and text in what they are asked to encode.
#include "tests/faults/fuzz/fuzz.h"
#include "text/bpe_dropout.h"
#include "text/line_encoder.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const fuzz::MemoryFile file(text);
  fuzz::taken([&] {
    const auto vocabulary = Vocabulary::load(file.path());
    LineEncoder encoder(vocabulary);
    for (const std::string_view line : {"a b", "", " w1  w2 ", "\u2581\u00e9\U0001f600"}) {
      std::vector<int32_t> ids;
      encoder.append(line, ids);
      if (ids != vocabulary.encode(line)) std::abort();
      vocabulary.decode(ids);
    }
  });
  return 0;
}
