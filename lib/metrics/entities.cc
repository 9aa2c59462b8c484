#include "metrics/entities.h"

#include <algorithm>

#include "base/error.h"
#include "base/named.h"

namespace storm {

namespace {

using enum TagTable::Prefix;

struct NamedScheme {
  std::string name;
  TagScheme scheme;
  std::string_view prefixes, tags;
};
const NamedScheme kSchemes[] = {{"iob2", TagScheme::iob2, "BI", "O, B-TYPE and I-TYPE"},
                                {"iob1", TagScheme::iob1, "BI", "O, B-TYPE and I-TYPE"},
                                {"iobes", TagScheme::iobes, "BIES", "O, B-TYPE, I-TYPE, E-TYPE and S-TYPE"}};

const NamedScheme& entry(TagScheme scheme) { return kSchemes[static_cast<std::size_t>(scheme)]; }

// One side of a sentence, read tag by tag.
struct Place {
  TagTable::Prefix prefix;
  int32_t type;
};

Place place(const TagTable& table, int32_t id, EntityRule rule) {
  const auto& tag = table[id];
  return {tag.prefix, tag.types[static_cast<std::size_t>(rule)]};
}

// seqeval's end_of_chunk and start_of_chunk.
struct SeqevalChunks {
  static bool ends(const Place& last, const Place& now) {
    if (last.prefix == E || last.prefix == S) return true;
    if (last.prefix != O && (now.prefix == B || now.prefix == S || now.prefix == O)) return true;
    return last.prefix != O && last.type != now.type;
  }
  static bool starts(const Place& last, const Place& now) {
    if (now.prefix == B || now.prefix == S) return true;
    if (now.prefix != O && last.prefix != B && last.prefix != I) return true;
    return now.prefix != O && last.type != now.type;
  }
};

// conlleval's endOfChunk and startOfChunk, in which S stands nowhere.
struct ConllevalChunks {
  static bool ends(const Place& last, const Place& now) {
    if ((last.prefix == B || last.prefix == I) && (now.prefix == B || now.prefix == O)) return true;
    if (last.prefix == E && (now.prefix == E || now.prefix == I || now.prefix == O)) return true;
    return last.prefix != O && last.type != now.type;
  }
  static bool starts(const Place& last, const Place& now) {
    if (now.prefix == B && (last.prefix == B || last.prefix == I || last.prefix == O)) return true;
    if ((now.prefix == I || now.prefix == E) && (last.prefix == O || last.prefix == E)) return true;
    return now.prefix != O && last.type != now.type;
  }
};

// Both sides read together. An entity of either ends at most once at a place, so that two are the same where they end
// together, began together and have the same type.
template <class Chunks>
void find_chunks(const TagTable& table, EntityRule rule, std::span<const int32_t> gold,
                 std::span<const int32_t> predicted, std::vector<EntityEvent>& events) {
  Place last[2] = {place(table, 0, rule), place(table, 0, rule)};
  bool together = false;  // the entities that are open began together and have the same type
  for (std::size_t i = 0; i <= gold.size(); ++i) {
    const bool end = i == gold.size();
    const int32_t ids[2] = {end ? 0 : gold[i], end ? 0 : predicted[i]};
    if (ids[0] == 0 && ids[1] == 0 && last[0].prefix == O && last[1].prefix == O) continue;
    const Place now[2] = {place(table, ids[0], rule), place(table, ids[1], rule)};
    const bool gold_ends = Chunks::ends(last[0], now[0]), predicted_ends = Chunks::ends(last[1], now[1]);
    if (together && gold_ends && predicted_ends) events.push_back({last[0].type, EntityEvent::correct});
    if (gold_ends || predicted_ends) together = false;
    const bool gold_starts = Chunks::starts(last[0], now[0]), predicted_starts = Chunks::starts(last[1], now[1]);
    if (gold_starts) events.push_back({now[0].type, EntityEvent::gold});
    if (predicted_starts) events.push_back({now[1].type, EntityEvent::predicted});
    if (gold_starts || predicted_starts) together = gold_starts && predicted_starts && now[0].type == now[1].type;
    last[0] = now[0];
    last[1] = now[1];
  }
}

// What may follow what in seqeval's strict mode (its scheme.py): where an entity starts, goes on, and is complete.
bool strict_starts(TagScheme scheme, const Place& last, const Place& now) {
  if (scheme != TagScheme::iob1) return now.prefix == B || now.prefix == S;
  if (now.prefix == I) return last.prefix != I || last.type != now.type;
  return now.prefix == B && last.prefix != O && last.type == now.type;
}
bool strict_goes_on(const Place& last, const Place& now) {
  return (last.prefix == B || last.prefix == I) && (now.prefix == I || now.prefix == E) && last.type == now.type;
}
bool strict_complete(TagScheme scheme, const Place& last, const Place& now) {
  if (scheme == TagScheme::iobes) return last.prefix == S || last.prefix == E;
  return scheme == TagScheme::iob2 || !(last.prefix == B && now.prefix == B && last.type != now.type);
}

// The next entity of one side; false at the end.
struct StrictEntities {
  const TagTable& table;
  std::span<const int32_t> ids;
  std::size_t at = 0, begin = 0, end = 0;
  int32_t type = 0;

  Place tag(std::size_t i) const { return place(table, i < ids.size() ? ids[i] : 0, EntityRule::strict); }
  bool next() {
    const TagScheme scheme = table.scheme();
    while (at < ids.size()) {
      if (ids[at] == 0) {
        ++at;
        continue;
      }
      const Place first = tag(at);
      begin = at++;
      if (!strict_starts(scheme, begin > 0 ? tag(begin - 1) : place(table, 0, EntityRule::strict), first)) continue;
      Place last = first;
      for (Place now = tag(at); strict_goes_on(last, now); now = tag(++at)) last = now;
      if (!strict_complete(scheme, last, tag(at))) continue;
      end = at;
      type = first.type;
      return true;
    }
    return false;
  }
};

void find_strict(const TagTable& table, std::span<const int32_t> gold, std::span<const int32_t> predicted,
                 std::vector<EntityEvent>& events) {
  StrictEntities sides[] = {{table, gold}, {table, predicted}};
  auto& [right, said] = sides;
  const auto next = [&](StrictEntities& side, EntityEvent::What what) {
    const bool found = side.next();
    if (found) events.push_back({side.type, what});
    return found;
  };
  bool more_right = next(right, EntityEvent::gold), more_said = next(said, EntityEvent::predicted);
  while (more_right && more_said) {
    if (right.begin == said.begin && right.end == said.end && right.type == said.type)
      events.push_back({right.type, EntityEvent::correct});
    // Entities of a side do not overlap, so the one that ends first meets nothing further.
    const bool first = right.end <= said.end, other = said.end <= right.end;
    if (first) more_right = next(right, EntityEvent::gold);
    if (other) more_said = next(said, EntityEvent::predicted);
  }
  while (more_right) more_right = next(right, EntityEvent::gold);
  while (more_said) more_said = next(said, EntityEvent::predicted);
}

}  // namespace

TagScheme tag_scheme(std::string_view name) { return named_entry(kSchemes, name, "tags").scheme; }

std::string_view tags_of(TagScheme scheme) { return entry(scheme).tags; }

bool is_tag(std::string_view tag, TagScheme scheme) {
  if (tag == "O") return true;
  return !tag.empty() && entry(scheme).prefixes.find(tag[0]) != std::string_view::npos &&
         (tag.size() == 1 || tag[1] == '-');
}

TagTable::TagTable(TagScheme scheme) : scheme_(scheme) { id("O"); }

int32_t TagTable::look_up(std::string_view tag) {
  const auto found = ids_.find(tag);
  if (found != ids_.end()) return found->second;
  require(is_tag(tag, scheme_), "'", tag, "' is no tag of ", entry(scheme_).name, ", which has ", tags_of(scheme_));
  const auto name = tag.substr(std::min<std::size_t>(2, tag.size()));
  const auto first = name.find_first_not_of('-');
  const auto stripped =
      first == std::string_view::npos ? std::string_view() : name.substr(first, name.find_last_not_of('-') + 1 - first);
  const auto or_line = [](std::string_view text) { return text.empty() ? std::string_view("_") : text; };
  const std::size_t prefix = std::string_view("OBIES").find(tag[0]);
  const auto id = static_cast<int32_t>(tags_.size());
  tags_.push_back({static_cast<Prefix>(prefix),
                   // Perl takes a type of "0" for none.
                   {type(or_line(name)), type(or_line(stripped)), type(name == "0" ? std::string_view() : name)}});
  ids_.emplace(tag, id);
  if (tag.size() < 8) short_ids_[key(tag)] = id;
  return id;
}

int32_t TagTable::type(std::string_view name) {
  const auto [at, fresh] = type_ids_.try_emplace(std::string(name), static_cast<int32_t>(type_names_.size()));
  if (fresh) type_names_.emplace_back(name);
  return at->second;
}

void find_entities(const TagTable& table, EntityRule rule, std::span<const int32_t> gold,
                   std::span<const int32_t> predicted, std::vector<EntityEvent>& events) {
  require(gold.size() == predicted.size(), gold.size(), " gold tags, but ", predicted.size(), " predicted ones");
  if (rule == EntityRule::seqeval) return find_chunks<SeqevalChunks>(table, rule, gold, predicted, events);
  if (rule == EntityRule::conlleval) return find_chunks<ConllevalChunks>(table, rule, gold, predicted, events);
  find_strict(table, gold, predicted, events);
}

double entity_f1(std::span<const std::vector<std::string>> gold, std::span<const std::vector<std::string>> predicted,
                 TagScheme scheme, EntityRule rule) {
  require(gold.size() == predicted.size(), gold.size(), " gold sentences, but ", predicted.size(), " predicted ones");
  TagTable table(scheme);
  std::vector<EntityEvent> events;
  const auto ids_of = [&](const std::vector<std::string>& tags) {
    std::vector<int32_t> ids;
    for (const auto& tag : tags) ids.push_back(table.id(tag));
    return ids;
  };
  for (std::size_t i = 0; i < gold.size(); ++i)
    find_entities(table, rule, ids_of(gold[i]), ids_of(predicted[i]), events);
  MatchCounts all;
  for (const auto& event : events) count(event, all);
  return precision_recall(all).f1;
}

}  // namespace storm
