// Files of vectors in every format, whose content tells which: what is taken has finite vectors of words that are found
// again.
#include <cmath>
#include <cstdlib>

#include "base/log.h"
#include "tests/faults/fuzz/fuzz.h"
#include "tests/scratch_folder.h"
#include "vectors/vector_files.h"
#include "vectors/word_vectors.h"

using namespace storm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const test::ScratchFolder scratch;
  set_quiet(true);
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  const auto stream = scratch / "vectors.st";
  const bool imported = fuzz::taken([&] {
    Output output(stream);
    import_vectors(MappedFile(file.path()), "fuzz", output);
    output.commit();
  });
  if (!imported) return 0;
  const WordVectors vectors(stream);  // what was written must be readable
  std::vector<float> row(static_cast<std::size_t>(vectors.width()));
  for (int64_t i = 0; i < vectors.size(); ++i) {
    if (vectors.row_of(vectors.word(i)) != i) std::abort();
    vectors.read(i, row);
    for (const float x : row)
      if (!std::isfinite(x)) std::abort();
  }
  vectors.read_word("another word", row);
  return 0;
}
