// Long rows are decoded in slices; SentencePiece's Decode of all at once, in memory beyond measure, says what is right.
#include <sentencepiece_processor.h>

#include "tests/text/hard_text.h"
#include "text/vocabulary.h"

using namespace storm;
using namespace storm::test;

namespace {

// What is hard to cut, longer than a slice: characters of byte pieces, whole and broken, spaces, symbols that leave
// nothing.
std::vector<int> hard_ids(const sentencepiece::SentencePieceProcessor& model, RandomStream& random, std::size_t round) {
  std::vector<int> bytes, spaces, empty, all, ids;
  for (int id = 0; id < model.GetPieceSize(); ++id) {
    all.push_back(id);
    if (model.IsByte(id)) bytes.push_back(id);
    if (model.IsControl(id)) empty.push_back(id);
    if (model.IdToPiece(id).starts_with("\u2581")) spaces.push_back(id);
  }
  const auto draw_from = [&](const std::vector<int>& kind, std::size_t count) {
    for (; !kind.empty() && count > 0; --count) ids.push_back(kind[random.below(kind.size())]);
  };
  if (round % 2) ids.push_back(model.PieceToId("\u2581"));
  const std::size_t lengths[] = {0, 4092, 4100};
  const std::vector<int> heads[] = {{}, empty, {model.PieceToId("\u2581")}, {model.unk_id()}, spaces};
  draw_from(heads[round / 2 % 5], lengths[round / 10]);
  if (round % 2) draw_from(spaces, 1);
  while (ids.size() < 10000) {
    const std::vector<int> kinds[] = {all, spaces, empty, bytes};
    draw_from(kinds[random.below(4)], random.below(9));
    if (bytes.size() == 256)
      for (const auto* text : {"\u2581", "ß", "\U0001F600", "\xbf\xbf\xbf\xbf\xbf"})
        for (const char c : std::string_view(text)) ids.push_back(bytes[static_cast<unsigned char>(c)]);
  }
  return ids;
}

std::string decoded(const sentencepiece::SentencePieceProcessor& model, const std::vector<int>& ids, bool prefix) {
  std::string text;
  REQUIRE(model.Decode(ids, &text).ok());
  if (prefix && model.IsByte(ids[0]) && text.starts_with("\u2581")) text.erase(0, 3);
  for (std::size_t at = 0; (at = text.find("\u2581", at)) != text.npos;) text.replace(at, 3, " ");
  return text;
}

}  // namespace

TEST_CASE("long rows decode to what SentencePiece gives, whatever the kind of vocabulary") {
  RandomStream random(1, RandomUse::sampling);
  for (const Spec& spec :
       {Spec{}, Spec{{"model_type", "unigram"}, {"vocab_size", "300"}},
        Spec{{"model_type", "char"}, {"byte_fallback", "0"}}, Spec{{"model_type", "word"}, {"byte_fallback", "0"}},
        Spec{{"user_defined_symbols", "dog,<a>,\u2581\u2581"}, {"control_symbols", "<c>"}},
        Spec{{"add_dummy_prefix", "0"}}, Spec{{"remove_extra_whitespaces", "0"}}, Spec{{"unk_surface", ""}},
        Spec{{"add_dummy_prefix", "0"}, {"remove_extra_whitespaces", "0"}}, Spec{{"unk_surface", "\u2581?"}},
        Spec{{"treat_whitespace_as_suffix", "1"}}}) {
    const auto bytes = trained(spec);
    sentencepiece::SentencePieceProcessor model;
    REQUIRE(model.LoadFromSerializedProto(bytes).ok());
    const auto vocabulary = Vocabulary::from_bytes(bytes);
    const auto prefix = !spec.contains("add_dummy_prefix") && !spec.contains("treat_whitespace_as_suffix");
    for (std::size_t round = 0; round < 30; ++round) {
      const auto ids = hard_ids(model, random, round);
      REQUIRE(vocabulary.decode(ids) == decoded(model, ids, prefix));
    }
  }
}

TEST_CASE("a row of a million characters spelled by byte pieces is decoded, spaces and all") {
  const auto vocabulary = Vocabulary::from_bytes(trained({{"model_type", "char"}}));
  std::vector<int32_t> ids;
  for (int i = 0; i < 1'000'000; ++i)
    for (const int byte : {0xe2, 0x96, 0x81}) ids.push_back(4 + byte);
  REQUIRE(vocabulary.piece(ids[0]) == "<0xE2>");
  CHECK(vocabulary.decode(ids) == std::string(999'999, ' '));
}
