// Models of a few sentences against sums over their vocabulary and against their definition.
#include "ngram/estimate.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/error.h"
#include "ngram/ngram_model.h"
#include "tests/catch.h"

namespace storm {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("storm-ngram-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

using Words = std::vector<std::string>;

// Sentences of a small grammar, whose counts are natural enough to estimate discounts from.
std::vector<Words> sentences() {
  std::vector<Words> all;
  uint64_t state = 3;
  const auto draw = [&](uint64_t n) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const auto x = (state >> 33) % 1000 * ((state >> 43) % 1000) / 1000;  // small ones more often
    return x * n / 1000;
  };
  for (int s = 0; s < 400; ++s) {
    Words words;
    std::string last = "b";
    for (uint64_t k = draw(12); k > 0; --k) {
      last = std::string(1, static_cast<char>('a' + (draw(20) + static_cast<uint64_t>(last[0])) % 26));
      words.push_back(last);
    }
    all.push_back(words);
  }
  return all;
}

NgramModel model_of(const Folder& folder, const std::vector<Words>& text, const NgramSettings& settings) {
  std::ofstream out(folder.file("text"));
  for (const auto& words : text) {
    for (const auto& w : words) out << w << ' ';
    out << '\n';
  }
  out.close();
  const auto source = open_ngram_text(folder.file("text"));
  Output model(folder.file("model.st"));
  estimate_ngrams(*source, settings, "test", model);
  model.commit();
  return NgramModel(folder.file("model.st"));
}

uint32_t number_in(const NgramModel& model, const std::string& word) {
  const auto id = model.vocabulary().id_of(word);
  return id < 0 ? kUnknownWord : model.number_of(id);
}

// p(word | history) by the definition of interpolated modified Kneser-Ney, from counts in maps.
class Reference {
 public:
  Reference(const std::vector<Words>& text, int order) : order_(order) {
    std::set<std::string> vocabulary{"<unk>", "</s>"};
    for (const auto& sentence : text) {
      Words padded(static_cast<std::size_t>(order - 1), "<s>");
      padded.insert(padded.end(), sentence.begin(), sentence.end());
      padded.push_back("</s>");
      vocabulary.insert(sentence.begin(), sentence.end());
      for (std::size_t i = static_cast<std::size_t>(order - 1); i < padded.size(); ++i)
        for (int n = 1; n <= order; ++n) {
          const auto begin = padded.begin() + static_cast<std::ptrdiff_t>(i) + 1 - n;
          Words gram(begin, padded.begin() + static_cast<std::ptrdiff_t>(i) + 1);
          if (n > 1 && gram[1] == "<s>") break;
          ++raw_[gram];
          if (n > 1) left_[{gram.begin() + 1, gram.end()}].insert(gram[0]);
        }
    }
    words_ = static_cast<double>(vocabulary.size());
  }

  double count(const Words& gram) const {
    const bool adjusted = static_cast<int>(gram.size()) < order_ && gram[0] != "<s>";
    return adjusted ? static_cast<double>(left_.at(gram).size()) : static_cast<double>(raw_.at(gram));
  }

  double probability(const Words& gram, const std::vector<Discounts>& discounts) const {
    const Words history(gram.begin(), gram.end() - 1);
    double all = 0, left = 0, own = 0;
    const auto& d = discounts[gram.size() - 1];
    for (auto it = raw_.lower_bound(history); it != raw_.end(); ++it) {
      const auto& other = it->first;
      if (!std::equal(history.begin(), history.end(), other.begin(),
                      other.begin() + static_cast<std::ptrdiff_t>(std::min(history.size(), other.size()))))
        break;
      if (other.size() != gram.size()) continue;
      const double c = count(other);
      all += c;
      left += static_cast<double>(d[static_cast<std::size_t>(std::min(c, 3.0))]);
      if (other == gram) own = c - static_cast<double>(d[static_cast<std::size_t>(std::min(c, 3.0))]);
    }
    const double below = gram.size() == 1 ? 1 / words_ : probability({gram.begin() + 1, gram.end()}, discounts);
    return all > 0 ? (own + left * below) / all : below;
  }

  const std::map<Words, uint64_t>& grams() const { return raw_; }

 private:
  int order_;
  double words_ = 0;
  std::map<Words, uint64_t> raw_;
  std::map<Words, std::set<std::string>> left_;
};

}  // namespace

TEST_CASE("each probability is that of the definition") {
  const Folder folder;
  const auto text = sentences();
  for (int order = 1; order <= 4; ++order) {
    const auto model = model_of(folder, text, {.order = order, .prune = {}, .fallback = kFallbackDiscounts});
    // The discounts are asked of the model itself: of one n-gram each of a count of 1, 2 and 3.
    const Reference reference(text, order);
    std::vector<Discounts> discounts;
    for (int n = 1; n <= order; ++n) {
      CountsOfCounts counts{};
      for (const auto& [gram, raw] : reference.grams())
        if (static_cast<int>(gram.size()) == n)
          if (const auto c = static_cast<std::size_t>(reference.count(gram)); c < counts.size()) ++counts[c];
      discounts.push_back(discounts_of(counts, n, kFallbackDiscounts));
    }
    double worst = 0;
    for (const auto& [gram, raw] : reference.grams()) {
      if (gram.back() == "<s>") continue;
      NgramState state = gram[0] == "<s>" ? model.at_begin() : model.after_nothing();
      float log_prob = 0;
      for (std::size_t k = gram[0] == "<s>" ? 1 : 0; k < gram.size(); ++k)
        log_prob = model.log10_prob(state, number_in(model, gram[k]), state);
      worst = std::max(worst,
                       std::fabs(static_cast<double>(log_prob) - std::log10(reference.probability(gram, discounts))));
    }
    INFO("order " << order);
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("probabilities sum to one over the vocabulary after any history") {
  const Folder folder;
  const auto text = sentences();
  for (const auto& prune : {std::vector<uint64_t>{}, {0, 0, 1, 1}}) {
    const auto model = model_of(folder, text, {.order = 4, .prune = prune, .fallback = kFallbackDiscounts});
    std::vector<float> all(model.counts()[0]);
    for (const Words& history : {Words{}, {"b"}, {"b", "c"}, {"q", "z", "a"}, {"nothing"}, {"c", "nothing", "b"}})
      for (NgramState state : {model.after_nothing(), model.at_begin()}) {
        for (const auto& word : history) model.log10_prob(state, number_in(model, word), state);
        model.log10_probs(state, all);
        double sum = 0;
        for (uint32_t w = 0; w < all.size(); ++w) {
          NgramState ignored;
          CHECK(std::fabs(all[w] - model.log10_prob(state, w, ignored)) < 1e-6F);
          if (w != kSentenceBegin) sum += std::pow(10.0, static_cast<double>(all[w]));
        }
        CHECK(std::fabs(sum - 1) < 2e-6);
      }
  }
}

TEST_CASE("a budget of memory changes no bit of the model") {
  const Folder folder;
  auto text = sentences();
  for (int k = 0; k < 5; ++k) text.insert(text.end(), text.begin(), text.begin() + 400);
  std::string first;
  for (const std::size_t memory : {std::size_t{1} << 30, std::size_t{1} << 12}) {
    model_of(folder, text, {.order = 5, .prune = {}, .fallback = kFallbackDiscounts, .memory = memory});
    std::ifstream in(folder.file("model.st"));
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (first.empty()) first = bytes;
    CHECK(bytes == first);
  }
}

TEST_CASE("texts that are scored side by side have what they have one by one") {
  const Folder folder;
  const auto text = sentences();
  const auto model = model_of(folder, text, {.order = 3, .prune = {}, .fallback = kFallbackDiscounts});
  std::vector<std::vector<uint32_t>> numbers;
  for (const auto& words : text) {
    auto& to = numbers.emplace_back();
    for (const auto& word : words) to.push_back(number_in(model, word));
  }
  std::vector<std::vector<float>> found;
  std::vector<NgramModel::Text> texts;
  for (const auto& n : numbers) found.emplace_back(n.size() + 1);
  for (std::size_t i = 0; i < numbers.size(); ++i) texts.push_back({numbers[i], found[i]});
  model.score(texts);
  bool same = true;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto state = model.at_begin();
    for (std::size_t k = 0; k <= numbers[i].size(); ++k)
      same &= found[i][k] == model.log10_prob(state, k < numbers[i].size() ? numbers[i][k] : kSentenceEnd, state);
  }
  CHECK(same);
}

TEST_CASE("what is no text of an n-gram model is refused with its line") {
  const Folder folder;
  const auto message = [&](const std::string& text) -> std::string {
    std::ofstream(folder.file("bad")) << text;
    const auto source = open_ngram_text(folder.file("bad"));
    std::vector<uint32_t> words;
    try {
      while (source->next(words)) {
      }
      source->words();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  CHECK(message("a b\nc <s> d\n").find("line 2: holds <s>") != std::string::npos);
  CHECK(message("a b </s>\n").find("line 1: holds </s>") != std::string::npos);
  CHECK(message("a\nb\n<pad>\n").find("line 3: holds <pad>") != std::string::npos);
  CHECK(message("a\nbc\xff d\n").find("line 2: invalid UTF-8 at byte 2") != std::string::npos);
  CHECK(message("\n \t\n").find("holds no word") != std::string::npos);
  CHECK(message("a <unk>\n").empty());
}

TEST_CASE("a discount of 0 is none, since it would leave nothing to other words") {
  CHECK_THROWS_WITH(discounts_of({0, 4, 2, 2, 3}, 2, {}), Catch::Contains("--discount-fallback"));
  CHECK(discounts_of({0, 4, 2, 2, 2}, 2, {})[3] > 0);
}

TEST_CASE("a text without discounts says which order, and the flag that helps") {
  const Folder folder;
  try {
    model_of(folder, {{"a", "b"}, {"a", "b"}}, {.order = 2, .prune = {}, .fallback = {}});
    FAIL("no error");
  } catch (const Error& e) {
    const std::string what = e.what();
    CHECK(what.find("1-grams") != std::string::npos);
    CHECK(what.find("--discount-fallback") != std::string::npos);
  }
}

}  // namespace storm
