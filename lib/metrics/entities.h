// Entities from tags of words, and how many of them were found. Several programs read the same tags differently, and
// each rule below is one of theirs, to the letter:
//   seqeval   seqeval 1.2.2's default (Nakayama, 2018): tags that break the scheme still make entities;
//   strict    seqeval's mode="strict": what does not fit the scheme is no entity;
//   conlleval conlleval of 2004-01-26 (Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 shared task",
//             2003). For tags of iob1 and iob2 its figures are seqeval's default ones. Of iobes it knows no S-, and
//             sees no end of an entity before a B- or S- that begins another of the same type.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/precision_recall.h"
#include "text/flat_map.h"

namespace storm {

// O, and B-TYPE, I-TYPE, and of iobes E-TYPE and S-TYPE; a TYPE may be left out with its hyphen. iob2: every entity
// begins with B; iob1 (Ramshaw and Marcus, 1995): only one that touches another of its type; iobes: I and E go on, E
// ends, S is one word.
enum class TagScheme { iob2, iob1, iobes };
TagScheme tag_scheme(std::string_view name);  // throws UsageError that lists the names
std::string_view tags_of(TagScheme scheme);   // "O, B-TYPE and I-TYPE", for messages
bool is_tag(std::string_view tag, TagScheme scheme);

// Tags as small numbers, so that each is taken apart once.
class TagTable {
 public:
  enum Prefix : uint8_t { O, B, I, E, S };
  struct Tag {
    Prefix prefix;
    // Of types(): what seqeval, its strict mode and conlleval take for the type ("_", "_" and nothing where there is
    // none).
    std::array<int32_t, 3> types;
  };
  explicit TagTable(TagScheme scheme);

  TagScheme scheme() const { return scheme_; }
  // 0 is O; Error for what is no tag of the scheme.
  int32_t id(std::string_view tag) {
    const auto* known = tag.size() < 8 ? short_ids_.find(key(tag)) : nullptr;
    return known ? *known : look_up(tag);
  }
  const Tag& operator[](int32_t id) const { return tags_[static_cast<std::size_t>(id)]; }
  const std::vector<std::string>& types() const { return type_names_; }

 private:
  static uint64_t key(std::string_view tag) {
    uint64_t bytes = tag.size();
    for (const char c : tag) bytes = bytes << 8 | static_cast<unsigned char>(c);
    return bytes;
  }
  int32_t look_up(std::string_view tag);
  int32_t type(std::string_view name);

  TagScheme scheme_;
  FlatMap<int32_t> short_ids_;  // of tags of up to seven bytes, which most are, by a key of these and their number
  std::map<std::string, int32_t, std::less<>> ids_, type_ids_;
  std::vector<Tag> tags_;
  std::vector<std::string> type_names_;
};

enum class EntityRule : uint8_t { seqeval, strict, conlleval };

// A gold entity, a predicted one, or a match of both; a match comes besides its two entities.
struct EntityEvent {
  enum What : uint8_t { gold, predicted, correct };
  int32_t type;  // of the table's types()
  What what;
};
inline void count(const EntityEvent& event, MatchCounts& counts) {
  ++(event.what == EntityEvent::gold        ? counts.gold
     : event.what == EntityEvent::predicted ? counts.predicted
                                            : counts.correct);
}

// Appends what a sentence holds to events: gold and predicted are its tags' ids, of the same length.
void find_entities(const TagTable& table, EntityRule rule, std::span<const int32_t> gold,
                   std::span<const int32_t> predicted, std::vector<EntityEvent>& events);

// All at once, for a training's measure: micro-averaged F1 of seqeval's default over sentences of tags. Error for
// sentences of different lengths, and for a tag that is none of the scheme's.
double entity_f1(std::span<const std::vector<std::string>> gold, std::span<const std::vector<std::string>> predicted,
                 TagScheme scheme = TagScheme::iob2, EntityRule rule = EntityRule::seqeval);

}  // namespace storm
