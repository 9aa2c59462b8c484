// Tensor streams: mapped and read as a pipe, and token streams.
#include <algorithm>

#include "stream/tokens.h"
#include "tests/faults/fuzz/fuzz.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  fuzz::judged(data, size, [](std::string_view bytes) {
    for (uint64_t offset = 0; offset < bytes.size();) {
      const auto document = parse_document(std::as_bytes(std::span(bytes)), "input", offset);
      for (const Tensor& t : document.tensors())
        if (t.dtype == DType::F32 && !t.bytes.empty()) document.values<float>(t.name, t.shape);
      vocabularies_of(document);
    }
  });
  return fuzz::judged(data, size, [](std::string_view bytes) {
    const fuzz::MemoryFile file(bytes);
    TokenReader reader(file.path());
    for (const auto& column : reader.info().columns) reader.limit(column, 1000);
    while (const auto batch = reader.next())
      for (int64_t i = 0; i < batch->size(); ++i) batch->sentence(i);
  });
}
