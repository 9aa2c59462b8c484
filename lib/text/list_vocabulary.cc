#include "text/list_vocabulary.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/error.h"
#include "text/utf8.h"

namespace storm {

namespace {

constexpr std::array<std::string_view, 2> kFirstLines{"storm.words 1", "storm.labels 1"};  // by ListKind
constexpr int32_t kPad = 0, kUnknown = 1, kBos = 2, kEos = 3;

std::string_view shown(std::string_view word) {
  constexpr std::size_t kShown = 200;
  return word.size() <= kShown ? word : word.substr(0, valid_utf8_prefix(word.substr(0, kShown)));
}

class ListVocabulary final : public VocabularyKind {
 public:
  ListVocabulary(std::string_view bytes, std::string_view name);

  void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const override {
    ids.clear();
    if (ranges) ranges->clear();
    each_word(line, [&](std::string_view word) {
      ids.push_back(id_in_text(word));
      const auto begin = static_cast<int32_t>(word.data() - line.data());
      if (ranges) ranges->push_back({begin, begin + static_cast<int32_t>(word.size())});
    });
  }
  std::vector<std::string> encode_pieces(std::string_view line) const override {
    std::vector<std::string> pieces;
    each_word(line, [&](std::string_view word) {
      id_in_text(word);  // throws for what is no label
      pieces.emplace_back(word);
    });
    return pieces;
  }
  std::string decode(std::span<const int32_t> ids) const override {
    std::string text;
    bool first = true;
    for (const auto id : ids) {
      if (is_control(id)) continue;
      if (!first) text += ' ';
      text += piece(id);
      first = false;
    }
    return text;
  }
  const std::string& piece(int32_t id) const override { return entries_[static_cast<std::size_t>(id)]; }
  std::string marked_piece(int32_t id) const override { return (is_control(id) ? "" : "\u2581") + piece(id); }
  int32_t id_of(std::string_view entry) const override {
    const auto it = ids_.find(entry);
    return it == ids_.end() ? -1 : it->second;
  }
  std::string extended(const std::string& bytes, std::span<const std::string> pieces) const override {
    std::string longer = bytes + (bytes.ends_with('\n') ? "" : "\n");
    for (const auto& piece : pieces) longer.append(piece) += '\n';
    return longer;
  }
  int32_t size() const override { return static_cast<int32_t>(entries_.size()); }
  Special special() const override {
    return kind_ == ListKind::labels ? Special{} : Special{kPad, kUnknown, kBos, kEos};
  }

 private:
  bool is_control(int32_t id) const { return kind_ == ListKind::words && (id == kPad || id == kBos || id == kEos); }
  int32_t id_in_text(std::string_view word) const {
    const int32_t id = id_of(word);
    if (id >= 0 && !is_control(id)) return id;
    require(kind_ == ListKind::words, "'", shown(word), "' is none of the ", size(),
            " labels of its list; mend the text or the list");
    return kUnknown;
  }

  ListKind kind_ = ListKind::words;
  std::deque<std::string> entries_;                    // they stay where they are
  std::unordered_map<std::string_view, int32_t> ids_;  // the texts are those of entries_
};

ListVocabulary::ListVocabulary(std::string_view bytes, std::string_view name) {
  std::size_t line = 1, begin = 0;  // where what is read stands: the first line is 1
  const auto refuse = [&](const auto&... parts) { fail(name, ": line ", line, " of the list: ", parts...); };
  const auto take_line = [&] {
    const auto end = bytes.find('\n', begin);
    if (end == bytes.npos) refuse("has no end; was the list cut short?");
    const auto text = bytes.substr(begin, end - begin);
    begin = end + 1;
    return text;
  };
  const auto first = take_line();
  const auto known = std::find(kFirstLines.begin(), kFirstLines.end(), first);
  if (known == kFirstLines.end())
    refuse("'", shown(first), "' is neither '", kFirstLines[0], "' nor '", kFirstLines[1], "'");
  kind_ = static_cast<ListKind>(known - kFirstLines.begin());
  while (begin < bytes.size()) {
    ++line;
    const auto text = take_line();
    if (const auto valid = valid_utf8_prefix(text); valid < text.size()) refuse("invalid UTF-8 at byte ", valid);
    if (text.empty()) refuse("empty; an entry needs a character");
    if (text.find_first_of(" \t\r") != text.npos) refuse("'", shown(text), "' has a space, TAB or CR in it");
    if (entries_.size() == INT32_MAX) refuse("more than ", INT32_MAX, " entries");
    const auto id = static_cast<int32_t>(entries_.size());
    if (kind_ == ListKind::words && entries_.size() < kSpecialWords.size() && text != kSpecialWords[entries_.size()])
      refuse("'", shown(text), "' stands where a list of words has ", kSpecialWords[entries_.size()]);
    entries_.emplace_back(text);
    const auto [it, is_new] = ids_.emplace(entries_.back(), id);
    if (!is_new) refuse("'", shown(text), "' stands in line ", it->second + 2, " as well");
  }
  require(entries_.size() > (kind_ == ListKind::words ? kSpecialWords.size() : 0), name, ": a list without ",
          kind_ == ListKind::words ? "a word" : "a label");
}

}  // namespace

std::string list_bytes(ListKind kind, const std::vector<std::string_view>& entries) {
  std::string bytes;
  const auto add = [&](std::string_view line) { bytes.append(line) += '\n'; };
  add(kFirstLines[static_cast<std::size_t>(kind)]);
  if (kind == ListKind::words) std::for_each(kSpecialWords.begin(), kSpecialWords.end(), add);
  std::for_each(entries.begin(), entries.end(), add);
  return bytes;
}

const VocabularyMaker kListMaker{
    "a list, whose first line is 'storm.words 1' or 'storm.labels 1',",
    [](std::string_view bytes) { return bytes.starts_with("storm.words ") || bytes.starts_with("storm.labels "); },
    [](const std::string& bytes, std::string_view name) -> std::unique_ptr<const VocabularyKind> {
      return std::make_unique<const ListVocabulary>(bytes, name);
    }};

}  // namespace storm
