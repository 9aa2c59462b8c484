// Beam search against what transformers 5.24 finds in the same models: scripts/transformers-search wrote it down.
#include <nlohmann/json.hpp>

#include "decode/translate.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/decode/toy_model.h"

using namespace storm;
using test::Ids;

TEST_CASE("beam search finds the sequences of transformers' generate, and their scores") {
  std::size_t compared = 0;
  for (const auto& line : test::data_lines("transformers_search.jsonl", "decode")) {
    INFO(line);
    const auto r = nlohmann::json::parse(line);
    const bool forced = !r["forced_eos_token_id"].is_null();
    DecodeOptions o;
    o.beam = o.nbest = r["num_beams"];
    o.length_norm = LengthNorm::power_eos;
    o.length_penalty = r["length_penalty"];
    o.early_stopping = r["early_stopping"];
    o.max_length = r["max_length"].get<int32_t>() - (forced ? 2 : 1);  // theirs counts BOS, and EOS if one is forced
    o.forced_eos = forced ? ForcedEos::free : ForcedEos::none;
    if (!r["bad_words_ids"].is_null())
      for (const auto& word : r["bad_words_ids"]) o.banned_ids.push_back(word[0]);
    o.renormalize = r["renormalize_logits"];
    const test::ToyModel model(24, 1.0f, r["eos_bonus"]);
    const auto source = r["source"].get<Ids>();
    const auto got = translate(model, SpecialIds(), test::spans({source}), o);
    REQUIRE(got[0].size() == r["sequences"].size());
    for (std::size_t i = 0; i < got[0].size(); ++i) {
      CHECK(got[0][i].ids == r["sequences"][i].get<Ids>());
      if (o.beam > 1)
        CHECK(static_cast<double>(got[0][i].score) == Approx(r["sequences_scores"][i].get<double>()).margin(1e-5));
      ++compared;
    }
  }
  CHECK(compared == 111);
}
