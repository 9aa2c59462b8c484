// A model's file that is damaged gives an Error or other numbers, and nothing outside of it is read.
#include "ngram/ngram_model.h"

#include <fstream>

#include "base/input.h"
#include "base/output.h"
#include "ngram/ngram_text.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"
#include "text/list_vocabulary.h"

namespace storm {
namespace {

using Word = NgramTablesWriter::Word;

// Two words a and b, of which each has followed each, and a 3-gram behind each of these.
struct Model {
  std::vector<Word> words{{-1, 0, 0}, {0, -0.5F, 0}, {-1, 0, 0}, {-1, -0.5F, 0}, {-1, -0.5F, 2}};
  std::vector<NgramEntry> entries;
  std::vector<uint64_t> counts{5, 4, 4};
  std::vector<int32_t> ids{1, 2, 3, 4, 5};

  Model() {
    const int bits = word_bits_of(5);
    uint32_t first = 3, second = 4;
    if (mixed_word(second, bits) < mixed_word(first, bits)) {
      std::swap(first, second);
      std::swap(words[3], words[4]);
    }
    for (uint64_t i = 0; i < 4; ++i)
      entries.push_back({mixed_word(i % 2 == 0 ? first : second, bits), -0.25F, -0.125F, i});
    for (uint64_t i = 0; i < 4; ++i) entries.push_back({mixed_word(3, bits), -0.75F});
  }
  void write(const std::string& path) const {
    Output output(path);
    NgramTablesWriter writer(output, counts, list_bytes(ListKind::words, {"a", "b"}), ids, words, true, {});
    for (const auto& entry : entries) writer.add(entry);
    writer.finish();
    output.commit();
  }
};

// Asks all that a model is asked. Throws what it throws.
void ask(const std::string& path) {
  const NgramModel model(path);
  const auto words = static_cast<uint32_t>(model.counts()[0]);
  std::vector<float> all(words);
  for (uint32_t first = 0; first < words; ++first)
    for (uint32_t second = 0; second < words; ++second)
      for (auto state : {model.after_nothing(), model.at_begin()}) {
        model.log10_prob(state, first, state);
        model.log10_prob(state, second, state);
        model.log10_probs(state, all);
        model.log10_prob(state, kFirstWord, state);
      }
  for (int n = 2; n <= model.order(); ++n)
    model.each(n, [&](std::span<const uint32_t> gram, const NgramEntry&) {
      for (const auto word : gram)
        if (word >= words) throw std::logic_error("each() names a word that there is not");
    });
}

}  // namespace

TEST_CASE("whatever byte is damaged, a model answers or throws an Error") {
  const test::ScratchFolder folder;
  const auto path = folder / "model.st";
  Model().write(path);
  ask(path);
  const auto bytes = read_file(path);
  int refused = 0;
  const auto header = bytes.find("}}") + 2;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == ' ' && i > header) continue;  // what fills the header up
    for (const int by : {1, 128, 255}) {
      if (i < header && (i % 2 == 1 || by == 255)) continue;  // JSON, which is read by others
      auto damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ by);
      std::ofstream(path, std::ios::binary) << damaged;
      try {
        ask(path);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("tables that lead elsewhere are refused") {
  const test::ScratchFolder folder;
  const auto path = folder / "model.st";
  const auto message = [&](const auto& damage) {
    Model model;
    damage(model);
    model.write(path);
    return test::error_of([&] { ask(path); });
  };
  CHECK(message([](Model&) {}).empty());
  CHECK(message([](Model& m) { m.words[3].next = 3; }).find("ngram.1.next of word 3 is 3") != std::string::npos);
  CHECK(message([](Model& m) { m.words[4].next = 5; }).find("ngram.1.next of word 4 is 5") != std::string::npos);
  CHECK(message([](Model& m) { m.words[4].next = ~uint64_t{0}; }).find("ngram.1.next of word 4 is -1") !=
        std::string::npos);
  CHECK(message([](Model& m) { m.entries[1].next = 7; }).find("leaves the table") != std::string::npos);
  CHECK(message([](Model& m) { m.entries[2].next = 0; }).find("leaves the table") != std::string::npos);
  CHECK(message([](Model& m) { m.ids[4] = 6; }).find("ngram.ids holds 6") != std::string::npos);
  CHECK(message([](Model& m) { m.words[3].log_prob = 0.5F; }).find("word 3 has a log10 probability of 0.5") !=
        std::string::npos);
  // The same n-grams behind several words would be come by again and again.
  CHECK(message([](Model& m) {
          for (int w = 0; w < 4; ++w) m.words[static_cast<std::size_t>(w)].next = 1;
        }).find("in its order") != std::string::npos);
}

}  // namespace storm
