// Vocabularies of every kind, bare or in a stream.
#include "tests/faults/fuzz/fuzz.h"
#include "text/bpe_dropout.h"
#include "text/foreign_vocabulary.h"
#include "text/line_encoder.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const fuzz::MemoryFile file(text);
  fuzz::taken([&] {
    const auto vocabulary = Vocabulary::load(file.path(), "", is_piece_list(text) ? std::optional(true) : std::nullopt);
    LineEncoder encoder(vocabulary);
    for (const std::string_view line : {"a b", "", " w1  w2 ", "[MASK] don't <a>\u00c9\t", "\u2581\u00e9\U0001f600"}) {
      std::vector<int32_t> ids;
      encoder.append(line, ids);
      if (ids != vocabulary.encode(line)) std::abort();
      vocabulary.decode(ids);
      std::vector<ByteRange> ranges;
      vocabulary.encode(line, ids, &ranges);
      if (ids.size() != ranges.size()) std::abort();
      for (const auto& [begin, end] : ranges)
        if (begin < 0 || begin > end || end > static_cast<int32_t>(line.size())) std::abort();
    }
  });
  return 0;
}
