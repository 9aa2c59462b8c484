// Counting instead of gradients: what train does with the presets 1-gram to 7-gram.
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "base/split.h"
#include "ngram/estimate.h"
#include "ngram/packed_words.h"
#include "tools/replicas.h"
#include "tools/train/learner.h"
#include "tools/train_flags.h"

namespace storm {

namespace {

std::vector<std::string> presets() {
  std::vector<std::string> names;
  for (int n = 1; n <= kMostOrder; ++n) names.push_back(str(n, "-gram"));
  return names;
}

// The last number holds for the orders above, too. Throws UsageError for what is no list of counts that never falls.
std::vector<uint64_t> prune_of(const Args& args, int order) {
  std::vector<uint64_t> prune;
  if (!args.given("prune")) return prune;
  const auto& text = args.text("prune");
  for (const auto& field : split_at_commas(text)) {
    const auto count = parse_number<uint64_t>(field);
    if (!count) throw UsageError(str("--prune: '", text, "' is not a count for each order, such as 0,0,1"));
    if (!prune.empty() && *count < prune.back())
      throw UsageError(str("--prune ", text, ": ", *count, " after ", prune.back(),
                           "; an n-gram needs its beginning, so counts may not fall"));
    prune.push_back(*count);
  }
  if (prune[0] > 0) throw UsageError(str("--prune ", text, ": single words are never left out; begin with 0"));
  if (prune.size() > static_cast<std::size_t>(order))
    throw UsageError(
        str("--prune ", text, " has ", prune.size(), " counts, and a ", order, "-gram model ", order, " orders"));
  prune.resize(static_cast<std::size_t>(order), prune.back());
  return prune;
}

void count_ngrams(const Args& args) {
  require_one_process("train of n-grams");
  if (args.given("device") && args.text("device").starts_with("cuda"))
    throw UsageError("n-gram models are counted on the CPU; leave --device out");
  if (args.given("seed")) throw UsageError("--seed has no meaning for n-gram models, which draw nothing");
  const auto& path = args.text("save");
  if (path.empty()) throw UsageError("-o MODEL is missing: where the model goes");
  const auto& data = args.text("data");
  std::error_code ignored;
  if (std::filesystem::equivalent(data, path, ignored))
    throw UsageError(str("-o: ", path, " is what --data reads; give it another name"));
  NgramSettings settings;
  settings.order = args.text("preset")[0] - '0';
  settings.prune = prune_of(args, settings.order);
  if (args.on("discount-fallback")) settings.fallback = kFallbackDiscounts;
  if (args.given("memory")) settings.memory = train_flags::memory_bytes(args);
  Output output(path);
  refuse_terminal(output);
  const double start = monotonic_seconds();
  const auto text = open_ngram_text(data);
  const auto done = estimate_ngrams(*text, settings, args.command(), output);
  output.commit();
  std::string counts;
  for (const auto count : done.counts) counts += (counts.empty() ? "" : ", ") + std::to_string(count);
  note(done.sentences, " sentences, ", done.tokens, " tokens; n-grams of each order: ", counts);
  args.stat("sentences", static_cast<double>(done.sentences));
  args.stat("tokens", static_cast<double>(done.tokens));
  args.stat("tokens/s", static_cast<double>(done.tokens) / (monotonic_seconds() - start));
  for (std::size_t n = 0; n < done.counts.size(); ++n)
    args.stat(str(n + 1, "-grams"), static_cast<double>(done.counts[n]));
}

}  // namespace

const Learner& ngram_learner() {
  static const Learner learner{
      .name = "n-grams",
      .presets = presets(),
      .flags = {{"data", "FILE", "-", "of n-gram models also plain text, a sentence a line"},
                {"preset", "NAME", "", "1-gram to 7-gram, which are counted"},
                {"o,save", "MODEL", "", ""},
                {"memory", "SIZE", "",
                 "of n-gram models: what is counted and sorted at once (1G); the rest is on disk"},
                {"prune", "N,...", "",
                 "leave out n-grams that come no more often than this, for each order; the last number holds for the "
                 "orders above: 0,0,1",
                 "N-gram models"},
                {"discount-fallback", "", "", "where a text gives no discounts, as a small one: take 0.5, 1 and 1.5"}},
      .learn = count_ngrams};
  return learner;
}

}  // namespace storm
