// Text in units: every word once, in its order, whatever the units.
#include "vectors/training_text.h"

#include <fstream>

#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"

using namespace storm;

namespace {

std::string file(const test::ScratchFolder& folder, const std::string& name, const std::string& text) {
  const auto path = folder / name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

// What the units hold, words again, a line each.
std::string joined(const TrainingText& text) {
  std::string all;
  std::vector<int32_t> rows;
  for (int64_t u = 0; u < text.units(); ++u) {
    text.read(u, rows);
    for (const auto row : rows) all += row == kLineEnd ? "\n" : std::string(text.table().words.word(row)) + " ";
  }
  return all;
}

}  // namespace

TEST_CASE("words stand between spaces, TABs, CRs and LFs; the most frequent come first, then by their bytes") {
  const test::ScratchFolder folder;
  const auto text = open_training_text({file(folder, "a", "b a\tb\r\n\n  c a b\n"), file(folder, "b", "d c")}, 1);
  const auto& table = text->table();
  REQUIRE(table.size() == 4);
  CHECK(table.words.word(0) == "b");
  CHECK(table.words.word(1) == "a");
  CHECK(table.words.word(2) == "c");
  CHECK(table.counts == std::vector<int64_t>{3, 2, 2, 1});
  CHECK(table.total == 8);
  CHECK(joined(*text) == "b a b \nc a b \nd c \n");
  CHECK(text->words_before(text->units()) == 8);
  CHECK(table.words.find("d") == 3);
  CHECK(table.words.find("e") == -1);
}

TEST_CASE("a word that is too rare is left out, and its line goes on; it still counts as read") {
  const test::ScratchFolder folder;
  const auto text = open_training_text({file(folder, "a", "x y x\nz\ny x\n")}, 2);
  CHECK(joined(*text) == "x y x \ny x \n");
  CHECK(text->words_before(text->units()) == 6);
  CHECK(test::refused([&] { open_training_text({folder / "a"}, 4); }, {"no word comes 4 times", "--min-count"}));
  CHECK(test::refused([&] { open_training_text({file(folder, "e", "")}, 1); }, {"no word comes"}));
}

TEST_CASE("units end at lines, and a line without an end is cut between words") {
  const test::ScratchFolder folder;
  std::string lines, line;
  for (int i = 0; i < 30000; ++i) lines += "w" + std::to_string(i % 1000) + (i % 7 == 6 ? " \n" : " ");
  const auto of_lines = open_training_text({file(folder, "lines", lines)}, 1);
  CHECK(of_lines->units() > 5);
  CHECK(joined(*of_lines) == lines + "\n");  // the last line has no end
  for (int i = 0; i < 30000; ++i) line += "w" + std::to_string(i % 1000) + " ";
  const auto of_one = open_training_text({file(folder, "one", line)}, 1);
  CHECK(of_one->units() > 5);
  auto all = joined(*of_one);
  std::erase(all, '\n');
  CHECK(all == line);
}

TEST_CASE("what is no UTF-8 is refused with its file and line") {
  const test::ScratchFolder folder;
  const auto good = file(folder, "good", "a b\n"), bad = file(folder, "bad", "a b\nc \xff d\n");
  CHECK(test::refused([&] { open_training_text({good, bad}, 1); }, {bad, "line 2", "byte 2"}));
}
