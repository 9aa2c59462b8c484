// Entities by the three rules; figures over many tags are recorded ones (tests/tools/f1.sh).
#include "metrics/entities.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;

namespace {

using Tags = std::vector<std::string>;

// "PER g1 p2 c1": how many of a type are gold, predicted, correct.
std::string found(TagScheme scheme, EntityRule rule, const Tags& gold, const Tags& predicted) {
  TagTable table(scheme);
  std::vector<int32_t> sides[2];
  for (const auto& tag : gold) sides[0].push_back(table.id(tag));
  for (const auto& tag : predicted) sides[1].push_back(table.id(tag));
  std::vector<EntityEvent> events;
  find_entities(table, rule, sides[0], sides[1], events);
  std::string all;
  for (std::size_t t = 0; t < table.types().size(); ++t) {
    MatchCounts counts;
    for (const auto& event : events)
      if (event.type == static_cast<int32_t>(t)) count(event, counts);
    if (counts.gold + counts.predicted > 0)
      all += (all.empty() ? "" : ", ") + table.types()[t] + " g" + std::to_string(counts.gold) + " p" +
             std::to_string(counts.predicted) + " c" + std::to_string(counts.correct);
  }
  return all;
}

constexpr auto kSeqeval = EntityRule::seqeval, kStrict = EntityRule::strict, kConlleval = EntityRule::conlleval;

TEST_CASE("an entity of iob2 that begins with I is one by default and none in the strict mode") {
  const Tags gold{"O", "B-A", "I-A"}, predicted{"O", "I-A", "I-A"};
  CHECK(found(TagScheme::iob2, kSeqeval, gold, predicted) == "A g1 p1 c1");
  CHECK(found(TagScheme::iob2, kConlleval, gold, predicted) == "A g1 p1 c1");
  CHECK(found(TagScheme::iob2, kStrict, gold, predicted) == "A g1 p0 c0");
}

TEST_CASE("in strict iob1 B begins only what touches another entity of its type") {
  CHECK(found(TagScheme::iob1, kStrict, {"B-A", "I-A"}, {"I-A", "I-A"}) == "A g1 p1 c0");  // the gold one begins late
  CHECK(found(TagScheme::iob1, kStrict, {"I-A", "B-A"}, {"I-A", "I-A"}) == "A g2 p1 c0");
  CHECK(found(TagScheme::iob1, kSeqeval, {"I-A", "B-A"}, {"B-A", "B-A"}) == "A g2 p2 c2");
}

TEST_CASE("conlleval knows no S, and runs entities together that E and B part") {
  const Tags tags{"B-A", "E-A", "B-A", "E-A", "S-A", "S-A"};
  CHECK(found(TagScheme::iobes, kSeqeval, tags, tags) == "A g4 p4 c4");
  CHECK(found(TagScheme::iobes, kStrict, tags, tags) == "A g4 p4 c4");
  CHECK(found(TagScheme::iobes, kConlleval, tags, tags) == "A g1 p1 c1");
}

TEST_CASE("an entity counts where type, begin and end are right") {
  CHECK(found(TagScheme::iob2, kSeqeval, {"B-A", "I-A", "O"}, {"B-A", "I-A", "I-A"}) == "A g1 p1 c0");
  CHECK(found(TagScheme::iob2, kSeqeval, {"B-A", "I-A"}, {"B-B", "I-B"}) == "A g1 p0 c0, B g0 p1 c0");
  CHECK(found(TagScheme::iob2, kSeqeval, {"B-A", "I-B"}, {"B-A", "B-B"}) == "A g1 p1 c1, B g1 p1 c1");
  CHECK(found(TagScheme::iob2, kSeqeval, {"B", "I", "O"}, {"B", "O", "B"}) == "_ g1 p2 c0");
  CHECK(found(TagScheme::iob2, kSeqeval, {}, {}) == "");
}

TEST_CASE("F1 of sentences is micro-averaged, and an entity ends with its sentence") {
  const std::vector<Tags> gold{{"O", "B-A"}, {"I-A", "O"}, {}}, predicted{{"O", "B-A"}, {"O", "O"}, {}};
  CHECK(entity_f1(gold, predicted) == Approx(2.0 / 3).margin(1e-15));
  CHECK(entity_f1(gold, predicted, TagScheme::iob2, kStrict) == 1);
  CHECK(entity_f1({}, {}) == 0);
}

TEST_CASE("tags and sentences that do not fit are refused") {
  TagTable table(TagScheme::iob2);
  CHECK(test::error_of([&] { table.id("E-PER"); }) == "'E-PER' is no tag of iob2, which has O, B-TYPE and I-TYPE");
  for (const auto* tag : {"", "OO", "O-A", "BA", "b-A", "-", "\xC3\xA9"}) CHECK_FALSE(is_tag(tag, TagScheme::iobes));
  for (const auto* tag : {"O", "B", "E-", "S-A-B", "I-\xC3\xA9"}) CHECK(is_tag(tag, TagScheme::iobes));
  CHECK(table.id("B-A-LONG-ONE") == table.id("B-A-LONG-ONE"));
  CHECK(table.id("B-A-LONG-ONE") != table.id("I-A-LONG-ONE"));
  const std::vector<Tags> one{{"O"}}, two{{"O", "O"}};
  CHECK(test::error_of([&] { entity_f1(one, two); }) == "1 gold tags, but 2 predicted ones");
  CHECK(test::error_of([&] { tag_scheme("bio"); }) == "tags 'bio' is none of iob2, iob1, iobes");
}

}  // namespace
