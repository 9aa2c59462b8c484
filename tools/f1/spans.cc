#include <algorithm>
#include <limits>
#include <memory>

#include "base/error.h"
#include "metrics/tag_columns.h"
#include "tools/f1/scored.h"

namespace storm {

namespace {

constexpr EntityRule kRules[] = {EntityRule::seqeval, EntityRule::strict, EntityRule::conlleval};

struct Spans {
  explicit Spans(TagScheme scheme) : table(scheme) {}
  TagTable table;
  std::vector<EntityEvent> events[std::size(kRules)];
  std::vector<std::size_t> ends[std::size(kRules)];  // [sentences, systems]: where its events end
  std::vector<MatchCounts> tags;                     // [sentences, systems]

  void add(std::span<const int32_t> gold, std::span<const int32_t> predicted) {
    for (std::size_t k = 0; k < std::size(kRules); ++k) {
      find_entities(table, kRules[k], gold, predicted, events[k]);
      ends[k].push_back(events[k].size());
    }
    const auto n = static_cast<int64_t>(gold.size());
    int64_t correct = 0;
    for (std::size_t i = 0; i < gold.size(); ++i) correct += gold[i] == predicted[i];
    tags.push_back({correct, n, n});
  }

  template <class Each>
  void each_event(std::size_t rule, uint32_t row, Each each) const {
    for (std::size_t i = row == 0 ? 0 : ends[rule][row - 1]; i < ends[rule][row]; ++i) each(events[rule][i]);
  }
};

// Lines of tags with spaces between them.
void read_lines(Spans& spans, SegmentFiles& files) {
  std::vector<int32_t> gold, predicted;
  const auto ids_of = [&](const std::string& line, std::vector<int32_t>& ids, auto where) {
    ids.clear();
    for (std::size_t begin = 0, end; begin < line.size(); begin = end + 1) {
      for (end = begin; end < line.size() && line[end] != ' ';) ++end;
      if (end > begin) ids.push_back(tag_id(spans.table, std::string_view(line).substr(begin, end - begin), where));
    }
  };
  Block block;
  for (int64_t line = 1; files.read(block, 8192);)
    for (std::size_t i = 0; i < block.segments(); ++i, ++line) {
      const auto& right = block.references[0][i];
      const bool document = right.starts_with(kDocumentStart);
      if (!document) ids_of(right, gold, [&] { return str(files.reference_name(0), ": line ", line); });
      for (std::size_t s = 0; s < block.systems.size(); ++s) {
        const auto& said = block.systems[s][i];
        if (document && said.starts_with(kDocumentStart)) continue;
        const auto where = [&] { return str(files.system_name(s), ": line ", line); };
        if (document) fail(where(), ": tags, but ", files.reference_name(0), " has ", kDocumentStart, " there");
        ids_of(said, predicted, where);
        if (predicted.size() != gold.size())
          fail(where(), ": ", predicted.size(), " tags, but ", files.reference_name(0), " has ", gold.size());
        spans.add(gold, predicted);
      }
    }
}

// Sentences in columns, of gold tags and systems' tags.
void read_columns(Spans& spans, const std::string& gold_path, const std::vector<std::string>& paths) {
  TagColumns gold(gold_path, 1);
  std::vector<TagColumns> systems;
  for (const auto& path : paths) systems.emplace_back(path, 1);
  TaggedSentence right, said;
  for (int64_t sentences = 0;; ++sentences) {
    const bool more = gold.next(spans.table, right);
    for (auto& system : systems) {
      const bool more_said = system.next(spans.table, said);
      if (more != more_said)
        fail((more ? system : gold).name(), " has ", sentences, " sentences, but ", (more ? gold : system).name(),
             " has more: line ", more ? right.line : said.line);
      if (!more) continue;
      const auto where = [&] { return str(system.name(), ": line ", said.line); };
      if (right.tags[0].size() != said.tags[0].size())
        fail(where(), ": a sentence of ", said.tags[0].size(), " words, but that of ", gold.name(), ", line ",
             right.line, ", has ", right.tags[0].size());
      if (!right.words.empty() && !said.words.empty() && right.words != said.words)
        fail(where(), ": a sentence of other words than that of ", gold.name(), ", line ", right.line,
             "; give the column of tags alone if that is meant");
      spans.add(right.tags[0], said.tags[0]);
    }
    if (!more) return;
  }
}

void read_both(Spans& spans, const std::string& path) {
  TagColumns both(path, 2);
  for (TaggedSentence sentence; both.next(spans.table, sentence);) spans.add(sentence.tags[1], sentence.tags[0]);
}

std::string convention_of(EntityRule rule, const std::string& scheme) {
  return rule == EntityRule::seqeval  ? "seqeval"
         : rule == EntityRule::strict ? "seqeval, strict " + scheme
                                      : "conlleval";
}

ScoreTable table_of(const Spans& spans, std::size_t rule, const std::string& convention) {
  const auto& types = spans.table.types();
  std::vector<MatchCounts> counts(types.size());
  for (const auto& event : spans.events[rule]) count(event, counts[static_cast<std::size_t>(event.type)]);
  ScoreTable table{"entity", convention, {}, averages_of(counts)};
  if (kRules[rule] == EntityRule::conlleval) table.averages.resize(1);  // it knows no others
  for (std::size_t i = 0; i < types.size(); ++i)
    if (counts[i].gold + counts[i].predicted > 0)
      table.labels.push_back({types[i], counts[i], precision_recall(counts[i])});
  std::ranges::sort(table.labels, {}, &ScoreRow::name);
  return table;
}

}  // namespace

Scored score_spans(const std::vector<std::string>& gold, const std::vector<std::string>& systems,
                   const std::string& scheme, bool columns, std::size_t& num_systems) {
  const auto spans = std::make_shared<Spans>(tag_scheme(scheme));
  const std::vector<std::string> paths = systems.empty() ? std::vector<std::string>{"-"} : systems;
  num_systems = paths.size();
  if (!columns) {
    SegmentFiles files(systems, gold, 1);
    num_systems = files.num_systems();
    read_lines(*spans, files);
  } else if (gold.empty()) {
    if (paths.size() > 1) throw UsageError("several systems need a file of gold tags");
    read_both(*spans, paths[0]);
  } else {
    read_columns(*spans, gold[0], paths);
  }
  Scored scored{"sentences", spans->tags.size() / num_systems, {}, {}};
  const auto share = [](const MatchCounts& counts) {
    return counts.gold + counts.predicted > 0 ? precision_recall(counts).f1 : std::numeric_limits<double>::quiet_NaN();
  };
  scored.measures.push_back({"accuracy", "seqeval", [spans, share](std::span<const uint32_t> rows) {
                               MatchCounts all;
                               for (const uint32_t r : rows) all += spans->tags[r];
                               return share(all);
                             }});
  const std::string names[] = {"entity_f1", "strict_f1", "conlleval_f1"};
  for (std::size_t k = 0; k < std::size(kRules); ++k)
    scored.measures.push_back(
        {names[k], convention_of(kRules[k], scheme), [spans, share, k](std::span<const uint32_t> rows) {
           MatchCounts all;
           for (const uint32_t r : rows) spans->each_event(k, r, [&](const EntityEvent& event) { count(event, all); });
           return share(all);
         }});
  scored.details = [spans, scheme](Figures& figures) {
    for (std::size_t k = 0; k < std::size(kRules); ++k)
      figures.tables.push_back(table_of(*spans, k, convention_of(kRules[k], scheme)));
    note_undefined(figures.tables[0].labels, figures.tables[0].convention);
  };
  return scored;
}

}  // namespace storm
