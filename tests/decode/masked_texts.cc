// Filled masks and pseudo-log-likelihoods against one pass after another, in doubles.
#include "decode/masked_texts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "models/model_file.h"
#include "ops/linear.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;
using test::refused;

namespace {

constexpr int32_t kMask = 4;
using Ids = std::vector<int32_t>;

// tests/models/bert.st (scripts/torch-fixture-bert): 12 positions, 37 pieces.
const Model& fixture_model() {
  static const LoadedModel loaded = [] {
    const char* root = std::getenv("STORM_ROOT");
    return load_model(std::string(root ? root : ".") + "/tests/models/bert.st");
  }();
  return *loaded.model;
}
MaskReader reader() {
  return {as<TextEncoder>(fixture_model()), as<MaskedLanguageModel>(fixture_model()), 2, 3, kMask};
}

// log p of every piece at a place of the text.
std::vector<double> log_probs_at(const Ids& text, std::size_t place) {
  const auto model = reader();
  PackedSentences packed;
  packed.add(model.before, text, model.behind);
  Workspace workspace;
  Graph& graph = workspace.graph;
  const auto [weight, bias] = model.head.output(graph);
  const Value logits = linear(graph, model.head.transformed(graph, model.encoder.encode(graph, packed)), weight, bias);
  graph.keep(logits);
  workspace.run();
  const auto pieces = static_cast<std::size_t>(graph.shape(logits).cols);
  const float* row = workspace.data(logits) + (place + 1) * pieces;
  std::vector<double> log_probs(row, row + pieces);
  const double largest = *std::ranges::max_element(log_probs);
  double sum = 0;
  for (const double x : log_probs) sum += std::exp(x - largest);
  for (double& x : log_probs) x -= largest + std::log(sum);
  return log_probs;
}

const std::vector<Ids> kTexts{
    {9, 30, 6, 17},       {}, {12, kMask, 5, 36, 22, kMask, 12, 9, 30, 21}, {11}, {kMask}, {5, 5, kMask, 7},
    {kMask, kMask, kMask}};

std::vector<std::span<const int32_t>> spans() { return {kTexts.begin(), kTexts.end()}; }

}  // namespace

TEST_CASE("the pseudo-log-likelihood of a text is the sum of what each piece has where it alone is masked") {
  for (const int64_t max_tokens : {1, 20, 1000}) {
    const auto got = pseudo_log_probs(reader(), spans(), max_tokens);
    for (std::size_t t = 0; t < kTexts.size(); ++t) {
      double want = 0;
      for (std::size_t i = 0; i < kTexts[t].size(); ++i) {
        Ids masked = kTexts[t];
        masked[i] = kMask;
        want += log_probs_at(masked, i)[static_cast<std::size_t>(kTexts[t][i])];
      }
      INFO("text " << t << " in batches of " << max_tokens);
      CHECK(std::abs(got[t] - want) < 1e-4);
    }
  }
}

TEST_CASE("masks are filled in the likeliest ways, best first, each scored by the pieces at its masks") {
  for (const int32_t nbest : {1, 3, 40, 300}) {
    const DecodeOptions options{.nbest = nbest, .max_tokens = 24};
    const auto answers = fill_masks(reader(), spans(), options);
    REQUIRE(answers.size() == kTexts.size());
    for (std::size_t t = 0; t < kTexts.size(); ++t) {
      INFO("text " << t << ", " << nbest << " ways");
      std::vector<std::size_t> places;
      for (std::size_t i = 0; i < kTexts[t].size(); ++i)
        if (kTexts[t][i] == kMask) places.push_back(i);
      std::vector<double> all{0};  // the scores of all ways
      for (const std::size_t place : places) {
        const auto one = log_probs_at(kTexts[t], place);
        std::vector<double> longer;
        for (const double sum : all)
          for (const double x : one) longer.push_back(sum + x);
        all = std::move(longer);
      }
      std::ranges::sort(all, std::greater());
      REQUIRE(answers[t].size() == std::min(all.size(), static_cast<std::size_t>(nbest)));
      std::vector<Ids> seen;
      for (std::size_t rank = 0; rank < answers[t].size(); ++rank) {
        const Hypothesis& h = answers[t][rank];
        CHECK(std::abs(static_cast<double>(h.score) - all[rank]) < 1e-4);
        REQUIRE(h.ids.size() == kTexts[t].size());
        double score = 0;
        for (std::size_t i = 0; i < h.ids.size(); ++i)
          if (kTexts[t][i] == kMask)
            score += log_probs_at(kTexts[t], i)[static_cast<std::size_t>(h.ids[i])];
          else
            CHECK(h.ids[i] == kTexts[t][i]);
        CHECK(std::abs(static_cast<double>(h.score) - score) < 1e-4);
        CHECK(std::ranges::find(seen, h.ids) == seen.end());
        seen.push_back(h.ids);
        if (rank == 4) break;
      }
    }
  }
}

TEST_CASE("a text that the model does not take is an error with its number") {
  const Ids text(11, 5);
  const std::vector<std::span<const int32_t>> texts{kTexts[0], text};
  CHECK(refused([&] { pseudo_log_probs(reader(), texts, 100, nullptr, 7); },
                {"text 8: 13 tokens with both ends, the model takes 12"}));
  CHECK(refused([&] { fill_masks(reader(), texts, {}); }, {"text 2: 13 tokens"}));
}
