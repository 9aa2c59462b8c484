// Prefill and incremental decoding of language models against full recomputation.
#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "ops/top_k.h"
#include "tests/catch.h"
#include "tests/models/language_models.h"

using namespace storm;

namespace {

using test::Floats, test::Ids;

// One step's log-probabilities.
Floats stepped(Workspace& workspace, Decoder& decoder, const Ids& parents, const Ids& tokens) {
  workspace.graph.clear();
  const Value log_probs = log_softmax(workspace.graph, decoder.step(workspace.graph, parents, tokens));
  workspace.graph.keep(log_probs);
  workspace.run();
  return test::copy(workspace, log_probs);
}

}  // namespace

TEST_CASE("a language model's step gives what the whole texts run anew give, however beams move", "[long]") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto contexts = test::random_texts(9);
    Workspace workspace;
    const auto decoder = as<LanguageModel>(*model).start(workspace, test::packed(contexts));
    RandomStream random(17, RandomUse::corpus);
    std::vector<std::size_t> context_of(contexts.size());
    std::iota(context_of.begin(), context_of.end(), 0);
    std::vector<Ids> rows = contexts;
    Ids parents(contexts.size()), tokens(contexts.size(), test::kEos);
    std::iota(parents.begin(), parents.end(), 0);
    double worst = 0;
    for (int step = 0; step < 20; ++step) {
      for (std::size_t r = 0; r < rows.size(); ++r) rows[r].push_back(tokens[r]);
      const Floats got = stepped(workspace, *decoder, parents, tokens);
      worst = std::max(worst, test::largest_difference(got, test::next_log_probs(*model, rows)));
      // Each context goes on with up to three rows, each from any of its rows: some fork, some end, their order is
      // mixed. Context 1 leaves after step 4, context 4 has one row at a time.
      std::vector<Ids> next;
      std::vector<std::size_t> next_context;
      parents.clear();
      tokens.clear();
      for (std::size_t s = 0; s < contexts.size(); ++s) {
        std::vector<std::size_t> own;
        for (std::size_t r = 0; r < rows.size(); ++r)
          if (context_of[r] == s) own.push_back(r);
        if (own.empty() || (s == 1 && step == 4)) continue;
        const uint64_t count = s == 4 ? 1 : 1 + random.below(3);
        for (uint64_t i = 0; i < count; ++i) {
          const std::size_t parent = own[random.below(own.size())];
          parents.push_back(static_cast<int32_t>(parent));
          tokens.push_back(static_cast<int32_t>(random.below(test::kVocabulary)));
          next.push_back(rows[parent]);
          next_context.push_back(s);
        }
      }
      rows = std::move(next);
      context_of = std::move(next_context);
    }
    CHECK(worst < 1e-5);
    CHECK(worst > 0);  // two ways were really compared
  }
}

TEST_CASE("contexts at the first step are forked, mixed and left out as rows are at later ones") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto contexts = test::random_texts(9);
    Workspace workspace;
    const auto decoder = as<LanguageModel>(*model).start(workspace, test::packed(contexts));
    const Ids parents{0, 0, 2, 2, 2, 3, 4, 4}, tokens{1, 2, 3, 4, 5, 6, 7, 8};
    std::vector<Ids> rows;
    for (std::size_t r = 0; r < parents.size(); ++r) {
      rows.push_back(contexts[static_cast<std::size_t>(parents[r])]);
      rows.back().push_back(tokens[r]);
    }
    CHECK(test::largest_difference(stepped(workspace, *decoder, parents, tokens), test::next_log_probs(*model, rows)) <
          1e-5);
  }
}

TEST_CASE("a context read at once, token by token and in a whole pass leads to the same probabilities") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto& lm = as<LanguageModel>(*model);
    const Ids text = test::random_ids(25, 3);
    const Floats whole = test::next_log_probs(*model, {text});
    for (const std::size_t context : {std::size_t{0}, std::size_t{1}, std::size_t{12}, text.size() - 1}) {
      Workspace workspace;
      const auto decoder =
          lm.start(workspace, test::packed({Ids(text.begin(), text.begin() + static_cast<int>(context))}));
      Floats last;
      for (std::size_t t = context; t < text.size(); ++t) last = stepped(workspace, *decoder, {0}, {text[t]});
      CHECK(test::largest_difference(last, whole) < 1e-5);
    }
  }
}

TEST_CASE("a workspace whose last decoder had other contexts decodes as a new one") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto& lm = as<LanguageModel>(*model);
    Workspace used, fresh;
    stepped(used, *lm.start(used, test::packed({test::random_ids(40, 1), test::random_ids(2, 2)})), {0, 1}, {1, 2});
    for (const std::vector<Ids>& contexts : {std::vector<Ids>{{}}, std::vector<Ids>{{}, {4, 5}}}) {
      const auto a = lm.start(used, test::packed(contexts)), b = lm.start(fresh, test::packed(contexts));
      const Ids parents = contexts.size() == 1 ? Ids{0, 0} : Ids{0, 1};
      CHECK(stepped(used, *a, parents, {6, 7}) == stepped(fresh, *b, parents, {6, 7}));
    }
  }
}

TEST_CASE("a decoder of a language model refuses rows that go on from none there is") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    for (const int32_t wrong : {-1, 2, INT32_MAX}) {
      Workspace workspace;
      const auto decoder = as<LanguageModel>(*model).start(workspace, test::packed({{1, 2}, {}}));
      stepped(workspace, *decoder, {0, 1}, {test::kEos, test::kEos});
      CHECK_THROWS_AS(stepped(workspace, *decoder, {0, wrong}, {1, 1}), Error);
      const auto fresh = as<LanguageModel>(*model).start(workspace, test::packed({{1, 2}, {}}));
      CHECK_THROWS_AS(stepped(workspace, *fresh, {0, wrong}, {1, 1}), Error);
    }
  }
}
