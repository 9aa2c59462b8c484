// N-gram models: ARPA files, and documents as they lie in a file. What is taken answers every question without reading
// outside of its tables, and what was imported has its n-grams, which are written and read again.
#include <cmath>
#include <cstdlib>

#include "base/log.h"
#include "ngram/arpa_reader.h"
#include "ngram/arpa_text.h"
#include "ngram/arpa_writer.h"
#include "ngram/ngram_model.h"
#include "tests/faults/fuzz/fuzz.h"
#include "tests/scratch_folder.h"

using namespace storm;

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate_document(data, size, most, seed);
}

namespace {

void import_into(const MappedFile& file, const std::string& path) {
  Output output(path);
  import_arpa(file, "fuzz", output, 1 << 20);
  output.commit();
}

// The first words after each other, some texts side by side, and all n-grams.
void ask(const NgramModel& model) {
  const auto words = static_cast<uint32_t>(model.counts()[0]);
  const auto few = std::min<uint32_t>(words, 12);
  std::vector<float> all(words), scores(3 * (std::size_t{few} + 1));
  std::vector<uint32_t> text;
  auto state = model.at_begin();
  for (uint32_t first = 0; first < few; ++first) {
    text.push_back(first);
    for (uint32_t second = 0; second < few; ++second) {
      model.log10_prob(state, first, state);
      model.log10_prob(state, second, state);
      fuzz::taken([&] { model.log10_probs(state, all); });
    }
  }
  std::vector<NgramModel::Text> texts;
  for (std::size_t t = 0; t < 3; ++t) texts.push_back({text, std::span(scores).subspan(t * (few + 1), few + 1)});
  model.score(texts);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const test::ScratchFolder scratch;
  set_quiet(true);
  const fuzz::MemoryFile memory(fuzz::text_of(data, size));
  const MappedFile file(memory.path());
  if (!holds_arpa(file)) {
    fuzz::taken([&] {
      const NgramModel model(memory.path());
      fuzz::taken([&] { ask(model); });
      Output output("/dev/null");
      write_arpa(model, output);
    });
    return 0;
  }
  const auto once = scratch / "once.st", text = scratch / "once.arpa", twice = scratch / "twice.st";
  if (!fuzz::taken([&] { import_into(file, once); })) return 0;
  // What was written must be readable.
  const NgramModel model(once);
  ask(model);
  Output output(text);
  write_arpa(model, output);
  output.commit();
  import_into(MappedFile(text), twice);
  const NgramModel again(twice);
  if (!std::ranges::equal(model.counts(), again.counts())) std::abort();
  for (int n = 2; n <= model.order(); ++n) {
    std::vector<uint32_t> bits, other;
    const auto into = [&](std::vector<uint32_t>& to) {
      return [&](std::span<const uint32_t> words, const NgramEntry& entry) {
        to.insert(to.end(), words.begin(), words.end());
        to.push_back(std::bit_cast<uint32_t>(entry.log_prob));
        to.push_back(std::bit_cast<uint32_t>(entry.backoff));
      };
    };
    model.each(n, into(bits));
    again.each(n, into(other));
    if (bits != other) std::abort();
  }
  return 0;
}
