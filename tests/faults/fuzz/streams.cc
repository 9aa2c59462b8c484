// Streams of every kind, read from a pipe's reader and mapped: both take the same bytes, and give the same rows.
#include <bit>

#include "stream/embeddings.h"
#include "stream/tokens.h"
#include "stream/transform.h"
#include "tests/faults/fuzz/fuzz.h"
#include "vectors/word_vectors.h"

using namespace storm;

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_document(data, size, most, seed);
}

namespace {

uint64_t ids_of(const TokenBatch& batch) {
  uint64_t sum = 0;
  for (const auto& column : batch.columns) {
    for (const float value : column.values) sum = sum * 31 + std::bit_cast<uint32_t>(value);
    for (int64_t i = 0; !column.is_number() && i < column.size(); ++i)
      for (const auto id : column[i]) sum = sum * 31 + static_cast<uint64_t>(id);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  uint64_t streamed = 0, mapped = 0;
  const bool by_reader = fuzz::taken([&] {
    TokenReader reader(file.path());
    while (const auto batch = reader.next()) streamed += ids_of(*batch);
  });
  const bool by_map = fuzz::taken([&] {
    MappedStream stream(file.path());
    TokenInfo info;
    bool first = true;
    for (; auto document = stream.next(); first = false) {
      if (first)
        info = token_info(*document);
      else
        require_agreement(*document, info);
      mapped += ids_of(token_batch(std::move(*document), info.columns, {}, info.numbers));
    }
    require(!first, "empty");
  });
  if (by_reader != by_map || (by_reader && streamed != mapped)) std::abort();
  fuzz::taken([&] {
    const auto embeddings = map_embeddings(file.path());
    int64_t row = 0;
    std::size_t bytes = 0;
    for (const auto& batch : embeddings.batches)
      for (int64_t i = 0; i < batch.rows; ++i) bytes += embeddings.text(row++).size();
    if (bytes > size) std::abort();
  });
  fuzz::taken([&] {
    const WordVectors vectors(file.path());
    std::vector<float> row(static_cast<std::size_t>(vectors.width()));
    for (int64_t i = 0; i < vectors.size(); ++i)
      if (vectors.row_of(vectors.word(i)) != i || !vectors.read_word(vectors.word(i), row)) std::abort();
    vectors.read_word("another word", row);
  });
  fuzz::taken([&] {
    MappedStream stream(file.path());
    std::vector<Document> documents;
    while (auto document = stream.next()) documents.push_back(std::move(*document));
    for (const auto& document : documents) vocabularies_of(document);
    Output merged("/dev/null"), converted("/dev/null"), averaged("/dev/null");
    fuzz::taken([&] { write_merged(documents, merged); });
    fuzz::taken([&] { write_average(documents, "fuzz", averaged); });
    for (const auto& document : documents) fuzz::taken([&] { write_converted(document, DType::BF16, converted); });
  });
  return 0;
}
