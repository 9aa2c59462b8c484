// ARPA files: what is read is what stands there, and what is written is read again with the same bits.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "base/input.h"
#include "base/log.h"
#include "ngram/arpa_reader.h"
#include "ngram/arpa_writer.h"
#include "ngram/estimate.h"
#include "ngram/ngram_model.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"
#include "text/list_vocabulary.h"

namespace storm {
namespace {

using test::ScratchFolder;
using Words = std::vector<std::string>;

// Its 3-grams b d a and b a c end in 2-grams that it does not have.
const std::string& some() {
  static const std::string text = read_file(test::data_path("some.arpa", "ngram"));
  return text;
}

std::string import_of(const ScratchFolder& folder, std::string_view text, bool* closed = nullptr,
                      std::size_t memory = std::size_t{1} << 22) {
  set_quiet(true);
  std::ofstream(folder / "lm.arpa", std::ios::binary) << text;
  Output output(folder / "lm.st");
  const auto result = import_arpa(MappedFile(folder / "lm.arpa"), "test", output, memory);
  if (closed) *closed = result.closed;
  output.commit();
  return folder / "lm.st";
}

std::string export_of(const ScratchFolder& folder, const std::string& model) {
  Output output(folder / "out.arpa");
  write_arpa(NgramModel(model), output);
  output.commit();
  return read_file(folder / "out.arpa");
}

// What the file becomes when it is imported and exported again.
std::string through(std::string_view text) {
  const ScratchFolder folder;
  return export_of(folder, import_of(folder, text));
}

// The n-grams of a file, and what they mean by the definition of back-off.
class Definition {
 public:
  explicit Definition(const std::string& text) {
    std::istringstream lines(text);
    std::size_t order = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('\\'))
        order = line[1] == 'd' || line[1] == 'e' ? 0 : static_cast<std::size_t>(line[1] - '0');
      std::istringstream fields(line);
      double log_prob = 0, backoff = 0;
      if (order == 0 || !(fields >> log_prob)) continue;
      Words words(order);
      for (auto& word : words) fields >> word;
      fields >> backoff;
      grams_[words] = {log_prob, fields ? backoff : 0};
    }
  }
  double log10_prob(const Words& history, const std::string& word) const {
    auto gram = history;
    gram.push_back(word);
    if (const auto found = grams_.find(gram); found != grams_.end()) return found->second.first;
    const auto from = grams_.find(history);
    return (from == grams_.end() ? 0 : from->second.second) + log10_prob({history.begin() + 1, history.end()}, word);
  }

 private:
  std::map<Words, std::pair<double, double>> grams_;
};

uint32_t number_in(const NgramModel& model, const std::string& word) {
  const auto id = model.vocabulary().id_of(word);
  return id < 0 ? kUnknownWord : model.number_of(id);
}

// Every word after every history of up to two words, also at a sentence's begin.
double worst_difference(const std::string& text, const std::string& path) {
  const Definition definition(text);
  const NgramModel model(path);
  const Words words{"<unk>", "</s>", "a", "b", "c", "d"};
  std::vector<Words> histories{{}, {"<s>"}};
  for (const auto& first : words)
    for (const Words& before : {Words{}, {"<s>"}}) {
      histories.push_back(before);
      histories.back().push_back(first);
      for (const auto& second : words) histories.push_back({first, second});
    }
  double worst = 0;
  std::vector<float> all(model.counts()[0]);
  for (const auto& history : histories) {
    const bool begins = !history.empty() && history[0] == "<s>";
    auto state = begins ? model.at_begin() : model.after_nothing();
    for (auto it = history.begin() + begins; it != history.end(); ++it)
      model.log10_prob(state, number_in(model, *it), state);
    model.log10_probs(state, all);
    for (const auto& word : words) {
      NgramState ignored;
      const auto wanted = definition.log10_prob(history, word);
      const auto number = number_in(model, word);
      worst = std::max({worst, std::fabs(wanted - static_cast<double>(all[number])),
                        std::fabs(wanted - static_cast<double>(model.log10_prob(state, number, ignored)))});
    }
  }
  return worst;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != text.npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("an imported model answers by the definition of back-off, also where last words are missing") {
  const ScratchFolder folder;
  bool closed = true;
  CHECK(worst_difference(some(), import_of(folder, some(), &closed)) < 1e-6);
  CHECK_FALSE(closed);  // of b d a, d a is missing, and of b a c, a c
  auto whole = replaced(some(), "ngram 2=6", "ngram 2=8");
  whole = replaced(whole, "-0.6\td c\t0\n", "-0.6\td c\t0\n-0.9\td a\t-0.5\n-0.8\ta c\t0.5\n");
  CHECK(worst_difference(whole, import_of(folder, whole, &closed)) < 1e-6);
  CHECK(closed);
}

TEST_CASE("what is written has the numbers of what was read, in the file's order of words") {
  const auto out = through(some());
  const auto sorted = [](const std::string& text) {
    std::istringstream lines(text);
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);) all.push_back(line);
    std::ranges::sort(all);
    return all;
  };
  CHECK(sorted(out) == sorted(some()));
  CHECK(out.substr(0, out.find("\\2-grams")) == some().substr(0, some().find("\\2-grams")));
  CHECK(through(out) == out);
}

TEST_CASE("an estimated model that is exported and imported has the same bits") {
  const ScratchFolder folder;
  set_quiet(true);
  std::ofstream text(folder / "text");
  uint64_t state = 7;
  for (int s = 0; s < 300; ++s) {
    for (int k = 0; k < 8; ++k) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      text << "wort" << (state >> 40) % 40 * ((state >> 50) % 40) / 40 << (k < 7 ? ' ' : '\n');
    }
  }
  text.close();
  for (const auto& prune : {std::vector<uint64_t>{}, {0, 0, 1, 1}}) {
    const auto source = open_ngram_text(folder / "text");
    Output output(folder / "model.st");
    estimate_ngrams(*source, {.order = 4, .prune = prune, .fallback = kFallbackDiscounts}, "test", output);
    output.commit();
    const auto out = export_of(folder, folder / "model.st");
    bool closed = false;
    const NgramModel before(folder / "model.st"), after(import_of(folder, out, &closed));
    CHECK(closed);
    CHECK(export_of(folder, folder / "lm.st") == out);
    CHECK(std::ranges::equal(before.counts(), after.counts()));
    const auto bits = [](const NgramModel& model) {
      std::vector<uint32_t> all;
      for (int n = 2; n <= model.order(); ++n)
        model.each(n, [&](std::span<const uint32_t> words, const NgramEntry& entry) {
          all.insert(all.end(), words.begin(), words.end());
          all.push_back(std::bit_cast<uint32_t>(entry.log_prob));
          all.push_back(std::bit_cast<uint32_t>(entry.backoff));
          all.push_back(static_cast<uint32_t>(entry.next));
        });
      return all;
    };
    CHECK(bits(before) == bits(after));
  }
}

TEST_CASE("files of every hand are read alike") {
  const auto known = through(some());
  std::string crlf, spaces = some(), spread;
  for (const char c : some()) {
    crlf += c == '\n' ? "\r\n" : std::string(1, c);
    spread += c == '\n' ? "\n \t\n\n" : std::string(1, c);
  }
  std::ranges::replace(spaces, '\t', ' ');
  CHECK(through(crlf) == known);
  CHECK(through(spaces) == known);
  CHECK(through(spread) == known);
  CHECK(through("\n# made by hand\nThis is a 3-gram model.\n" + some()) == known);
  CHECK(through(replaced(some(), "ngram 2=6", "ngram  2 =   6 ")) == known);
  CHECK(through(replaced(some(), "<unk>", "<UNK>")) == known);
  CHECK(through(replaced(some(), "-0.125\t<s> a b", "-12.5e-2  <s>\ta b\t0")) == known);
  CHECK(through(replaced(some(), "-0.6\td c\t0", "-0.6\td c")) == known);
  CHECK(through(replaced(some(), "\\end\\\n", "\\end\\")) == known);
  const auto moved =
      replaced(replaced(some(), "-0.7\tc </s>\t0\n", ""), "\\2-grams:\n", "\\2-grams:\n-0.7\tc </s>\t0\n");
  CHECK(through(moved) == known);
  CHECK(through(replaced(some(), "0\t<s>", "-99\t<s>")) == replaced(known, "0\t<s>", "-99\t<s>"));
  const auto lacking = replaced(replaced(some(), "-1.25\t<unk>\t0\n", ""), "1=7", "1=6");
  CHECK(through(lacking) == replaced(known, "-1.25\t<unk>", "-100\t<unk>"));
  const auto moved_specials =
      replaced(replaced(some(), "-1.25\t<unk>\t0\n", ""), "-1.5\td\t0\n", "-1.5\td\t0\n-1.25\t<unk>\t0\n");
  CHECK(through(moved_specials) == known);
}

TEST_CASE("orders of no n-grams, single words, and tiny numbers are read") {
  const std::string one = "\\data\\\nngram 1=4\n\n\\1-grams:\n-2\t<unk>\n0\t<s>\n-1e-05\t</s>\n-1e-60\ta\n\n\\end\\\n";
  CHECK(through(one) == replaced(one, "-1e-60", "0"));
  const auto none =
      replaced(replaced(one, "1=4\n", "1=4\nngram 2=0\nngram 3=0\n"), "\\end", "\\2-grams:\n\\3-grams:\n\\end");
  const auto out = through(none);
  CHECK(through(out) == out);
  CHECK(out.find("\n\\2-grams:\n\n\\3-grams:\n\n\\end\\\n") != out.npos);
}

TEST_CASE("a budget of memory changes no bit") {
  std::string text = "\\data\\\nngram 1=403\nngram 2=60000\nngram 3=60000\n\\1-grams:\n-1 <unk>\n0 <s>\n-1 </s>\n";
  for (int w = 0; w < 400; ++w) text += "-2 w" + std::to_string(w) + " -0.5\n";
  for (int n = 2; n <= 3; ++n) {
    text += "\\" + std::to_string(n) + "-grams:\n";
    for (int i = 0; i < 60000; ++i) {
      const int at = static_cast<int>(int64_t{i} * 34567 % 60000);
      const auto words = " w" + std::to_string(at / 400) + " w" + std::to_string(at % 400);
      text += "-0." + std::to_string(1 + at) + words + (n == 3 ? " w7\n" : "\n");
    }
  }
  text += "\\end\\\n";
  const ScratchFolder folder;
  bool closed = true;
  const auto first = read_file(import_of(folder, text, &closed));
  CHECK_FALSE(closed);
  CHECK(read_file(import_of(folder, text, &closed, 1)) == first);
}

TEST_CASE("a damaged file is refused with its line") {
  const auto refused = [](const std::string& text) {
    const ScratchFolder folder;
    const auto error = test::error_of([&] { import_of(folder, text); });
    const auto name = folder / "lm.arpa";
    return error.starts_with(name + ": ") ? error.substr(name.size() + 2) : "no error of the file: " + error;
  };
  const auto with = [&](const std::string& what, const std::string& by) { return refused(replaced(some(), what, by)); };
  CHECK(refused("") == "holds no line \\data\\, with which an ARPA file begins");
  CHECK(refused("some text\n") == "holds no line \\data\\, with which an ARPA file begins");
  CHECK(refused("iARPA\n" + some()).starts_with("line 1: an iARPA file"));
  CHECK(with("ngram 1=7", "n 1=7") == "line 2: 'n 1=7' stands where 'ngram 1=COUNT' is wanted");
  CHECK(with("ngram 2=6\n", "").starts_with("line 3: 'ngram 3' stands where 'ngram 2' is wanted"));
  CHECK(with("ngram 2=6", "ngram 1=6").starts_with("line 3: 'ngram 1' stands where 'ngram 2' is wanted"));
  CHECK(with("ngram 2=6", "ngram 2=-6") == "line 3: '-6' is no number of n-grams");
  CHECK(with("ngram 2=6", "ngram 2=4294967295").starts_with("line 3: 4294967295 2-grams are more than the 4294967294"));
  CHECK(refused("\\data\\\n\\1-grams:\n") == "line 2: '\\1-grams:' stands where 'ngram 1=COUNT' is wanted");
  CHECK(refused("\\data\\\nngram 1=9\n") == "line 2: the file ends before the n-grams; was it cut short?");
  CHECK(with("ngram 3=3\n", "ngram 3=3\nngram 4=0\nngram 5=0\nngram 6=0\nngram 7=0\nngram 8=0\n") ==
        "line 9: n-grams of 8 words; 7 are read at most");
  CHECK(with("ngram 1=7", "ngram 1=6") == "line 13: another line in the 1-grams, and \\data\\ says 6 of them");
  CHECK(with("ngram 1=7", "ngram 1=8") == "line 15: the 1-grams end after 7, and \\data\\ says 8");
  CHECK(with("ngram 3=3", "ngram 3=4") == "line 28: the 3-grams end after 3, and \\data\\ says 4");
  CHECK(with("ngram 3=3", "ngram 3=2") == "line 26: another line in the 3-grams, and \\data\\ says 2 of them");
  CHECK(with("\\2-grams", "\\3-grams") == "line 15: '\\3-grams:' stands where \\2-grams: is wanted");
  CHECK(with("\\2-grams", "\\1-grams") == "line 15: '\\1-grams:' stands where \\2-grams: is wanted");
  CHECK(with("\\3-grams:", "").starts_with("line 24: another line in the 2-grams"));
  CHECK(with("\\end\\", "") == "line 28: the file ends where \\end\\ is wanted; was it cut short?");
  CHECK(refused(some().substr(0, some().find("-0.45"))) ==
        "line 19: the file ends in the 2-grams after 4 of 6; was it cut short?");
  CHECK(with("\\end\\", "\\end\\\n\nmore") == "line 30: 'more' stands behind \\end\\");
  CHECK(with("-0.5\ta", "0.5\ta") == "line 10: a log10 probability of 0.5, which is above 0");
  CHECK(with("-0.5\ta", "nan\ta") == "line 10: a log10 probability of nan");
  CHECK(with("-0.375\ta b", "-inf\ta b") == "line 17: a log10 probability of -inf");
  CHECK(with("-0.5\ta", "-0,5\ta") == "line 10: '-0,5' stands where a log10 probability is wanted");
  CHECK(with("a b\t-0.0625", "a b\tinf") == "line 17: a back-off weight of inf");
  CHECK(with("a b\t-0.0625", "a b\t-0.0625\t1") ==
        "line 17: '1' stands behind the back-off weight: more than the 2 words of the 2-grams");
  CHECK(with("a b\t-0.0625", "a b c") == "line 17: 'c' stands where a back-off weight is wanted");
  CHECK(with("a b\t-0.0625", "a") == "line 17: '-0.375?a' has 1 words, not the 2 of the 2-grams");
  CHECK(with("b a c", "b a c\t-0.5") ==
        "line 26: a back-off weight of -0.5, and n-grams of the highest order have none");
  CHECK(with("-0.6\td c", "-0.6\td e") == "line 19: 'e' is no 1-gram");
  CHECK(with("-1.5\td\t0", "-1.5\tc\t0") == "line 13: the 1-gram 'c' comes for the second time");
  CHECK(with("-1.5\td\t0", "-1.5\t<s>\t0") == "line 13: the 1-gram '<s>' comes for the second time");
  CHECK(with("-1.5\td\t0", "-1.5\t<UNK>\t0") == "line 13: the 1-gram '<UNK>' comes for the second time");
  CHECK(with("-0.6\td c", "-0.6\ta b") == "line 19: the 2-gram 'a b' comes for the second time");
  CHECK(with("b d a", "a d a") == "line 25: the 3-gram 'a d a' has first words that are no 2-gram");
  CHECK(with("-1.5\td\t0", "-1.5\t<pad>\t0").starts_with("line 13: the word <pad>, which vocabularies keep"));
  CHECK(with("-1.5\td\t0", "-1.5\t\xff\t0").starts_with("line 13: the word '\xef\xbf\xbd' is not UTF-8"));
  CHECK(with("\t<s>\t", "\tS\t") == "line 13: the 1-grams end, and <s> is none of them");
  CHECK(with("\t</s>\t", "\tS\t") == "line 13: the 1-grams end, and </s> is none of them");
  CHECK(refused("\\data\\\nngram 1=2\n\\1-grams:\n0 <s>\n-1 </s>\n\\end\\\n") ==
        "line 5: the 1-grams end, and hold no word");
}

TEST_CASE("words that an ARPA file cannot hold are refused by name, and missing special words are written") {
  const ScratchFolder folder;
  const auto exported = [&](const std::string& vocabulary, const std::vector<int32_t>& ids) {
    const std::vector<NgramTablesWriter::Word> words(ids.size(), {-1, 0, 0});
    Output output(folder / "model.st");
    NgramTablesWriter(output, {ids.size()}, vocabulary, ids, words, true, {}).finish();
    output.commit();
    return export_of(folder, folder / "model.st");
  };
  CHECK(exported(list_bytes(ListKind::labels, {"x", "y"}), {-1, -1, -1, 1, 0}) ==
        "\\data\\\nngram 1=5\n\n\\1-grams:\n-1\t<unk>\n-1\t<s>\n-1\t</s>\n-1\ty\n-1\tx\n\n\\end\\\n");
  CHECK(test::refused(
      [&] {
        exported(list_bytes(ListKind::labels, {"<s>"}), {-1, -1, -1, 0});
      },
      {"the word '<s>' is called as an ARPA file calls another"}));
  CHECK(test::refused(
      [&] {
        exported(list_bytes(ListKind::labels, {"x"}), {-1, -1, -1, -1});
      },
      {"word 3 has no name"}));
  const auto bpe = Vocabulary::from_bytes(read_file(test::data_path("byte-bpe-added.json", "text")))
                       .extended(std::vector<std::string>{"New York"});
  CHECK(test::refused(
      [&] {
        exported(bpe.bytes(), {-1, -1, -1, 5, bpe.id_of("New York")});
      },
      {"the word 'New York' has a space, TAB, CR or LF in it"}));
}

}  // namespace storm
