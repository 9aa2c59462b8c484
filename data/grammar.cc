#include "grammar.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/error.h"
#include "base/input.h"
#include "base/number.h"
#include "numbers.h"

namespace storm::corpus {

namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(' ', at)) != std::string_view::npos;) {
    const std::size_t close = text[at] == '{' ? text.find('}', at) : at;  // a slot may hold spaces
    const std::size_t end = std::min(text.find(' ', std::min(close, text.size())), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// A slot's key is "2:clock" where one rule needs two clocks.
std::string_view symbol_of(std::string_view key) {
  const auto colon = key.find(':');
  return colon == std::string_view::npos ? key : key.substr(colon + 1);
}

struct Number {
  std::string_view kind;
  int low, high;
};

// "cardinal 0 99", and the like; nothing where the symbol is not of that kind.
std::optional<Number> number_symbol(std::string_view symbol) {
  struct Kind {
    std::string_view name;
    int least, most;
  };
  static constexpr Kind kinds[] = {{"cardinal", 0, 999999}, {"count", 2, 999999}, {"ordinal", 1, 99},
                                   {"year", 1100, 2099},    {"hour", 1, 12},      {"hour-next", 1, 12},
                                   {"hour-uhr", 1, 12}};
  const auto words = words_of(symbol);
  if (words.size() != 3) return std::nullopt;
  const auto low = parse_number<int>(words[1]), high = parse_number<int>(words[2]);
  for (const Kind& k : kinds)
    if (words[0] == k.name && low && high && k.least <= *low && *low <= *high && *high <= k.most)
      return Number{k.name, *low, *high};
  return std::nullopt;
}

// All counts of digits are equally likely, so that short numbers are as frequent as long ones.
int draw_number(int low, int high, RandomStream& random) {
  std::vector<std::pair<int, int>> ranges;
  for (int64_t from = 0, to = 9; from <= high; from = to + 1, to = from * 10 - 1)
    if (to >= low) ranges.emplace_back(std::max<int64_t>(from, low), std::min<int64_t>(to, high));
  const auto [from, to] = ranges[random.below(ranges.size())];
  return from + static_cast<int>(random.below(to - from + 1));
}

Phrase draw_phrase(const Number& number, RandomStream& random) {
  const auto& [kind, low, high] = number;
  if (kind == "cardinal") return cardinal(draw_number(low, high, random));
  if (kind == "count") {
    // Before a noun a final "eins" would be inflected; a number that ends in one is drawn up to the next.
    const int n = draw_number(low, high, random);
    return cardinal(n % 100 == 1 ? n + 1 : n);
  }
  const int n = low + static_cast<int>(random.below(high - low + 1));
  if (kind == "ordinal") return ordinal(n);
  if (kind == "year") return year(n);
  return hour(n, kind == "hour-next", kind == "hour-uhr");
}

}  // namespace

Grammar::Grammar(const std::string& path) : path_(path) {
  Input input(path);
  std::string line;
  for (int number = 1; input.read_line(line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const auto colon = line.find(": ");
    require(colon != std::string::npos, path, ": line ", number, ": no ': ' after the rule's name");
    std::string name = line.substr(0, colon);
    int weight = 1;
    if (const auto space = name.find(' '); space != std::string::npos) {
      const auto value = parse_number<int>(std::string_view(name).substr(space + 1));
      require(value && *value > 0 && *value < 1000000, path, ": line ", number, ": '", name,
              "' has no weight from 1 to 999999");
      weight = *value;
      name.resize(space);
    }
    Rule rule = parse(std::string_view(line).substr(colon + 2), number);
    rule.weight = weight;
    rules_[name].push_back(std::move(rule));
  }
  for (const auto& [name, rules] : rules_)
    for (const Rule& rule : rules) check(rule);
}

Grammar::Rule Grammar::parse(std::string_view text, int line) const {
  const auto middle = text.find(" = ");
  require(middle != std::string_view::npos, path_, ": line ", line, ": no ' = ' between source and target");
  Rule rule;
  rule.line = line;
  bool labelled = false;
  const auto side = [&](std::string_view half) {
    std::vector<Token> tokens;
    for (const std::string_view word : words_of(half)) {
      Token t;
      t.slot = word[0] == '{';
      const auto end = word.find(t.slot ? '}' : '/');
      t.text = word.substr(t.slot, end - t.slot);
      if (end != std::string_view::npos) {
        require(t.slot || end + 1 < word.size(), path_, ": line ", line, ": '", word, "' has no label after '/'");
        if (!t.slot) t.label = word[end + 1];
        t.suffix = word.substr(end + (t.slot ? 1 : 2));
      }
      labelled = labelled || t.label != 0;
      tokens.push_back(std::move(t));
    }
    return tokens;
  };
  rule.source = side(text.substr(0, middle));
  rule.target = side(text.substr(middle + 3));
  if (!labelled) {  // one to one, in order
    for (auto* tokens : {&rule.source, &rule.target}) {
      char label = 1;
      for (Token& t : *tokens)
        if (!t.slot) t.label = label++;
    }
  }
  return rule;
}

void Grammar::check(const Rule& rule) const {
  const auto in_source = [&](const Token& t) {
    return std::any_of(rule.source.begin(), rule.source.end(), [&](const Token& s) {
      return s.slot == t.slot && (t.slot ? s.text == t.text : s.label == t.label);
    });
  };
  for (const Token& t : rule.source)
    require(!t.slot || number_symbol(symbol_of(t.text)) || rules_.find(symbol_of(t.text)) != rules_.end(), path_,
            ": line ", rule.line, ": no rule is called '", symbol_of(t.text), "'");
  for (const Token& t : rule.target)
    require((t.slot || t.label != 0) && in_source(t), path_, ": line ", rule.line, ": '", t.text,
            "' is linked to nothing in the source");
}

Phrase Grammar::expand(const Rule& rule, RandomStream& random, int depth) const {
  Phrase whole;
  std::map<std::string, std::pair<Phrase, int>, std::less<>> slots;  // and where their links begin
  std::map<char, int> labels;
  for (const Token& t : rule.source) {
    if (t.slot) {
      if (slots.find(t.text) != slots.end()) continue;
      Phrase p = draw(symbol_of(t.text), random, depth);
      const int base = whole.links;
      whole.links += p.links;
      slots.emplace(t.text, std::pair(std::move(p), base));
    } else if (t.label != 0 && labels.emplace(t.label, whole.links).second) {
      ++whole.links;
    }
  }
  const auto write = [&](const std::vector<Token>& tokens, std::vector<Morph> Phrase::*side) {
    auto& out = whole.*side;
    for (const Token& t : tokens) {
      if (t.slot) {
        const auto& [phrase, base] = slots.at(t.text);
        Phrase::append(out, phrase.*side, base);
      } else {
        out.push_back({t.text, t.label != 0 ? labels.at(t.label) : kNoLink, false});
      }
      // An ending belongs to its word, a comma to nothing.
      const bool ending = !t.suffix.empty() && !std::ispunct(static_cast<unsigned char>(t.suffix[0]));
      if (!t.suffix.empty()) out.push_back({t.suffix, ending ? out.back().link : kNoLink, true});
    }
  };
  write(rule.source, &Phrase::source);
  write(rule.target, &Phrase::target);
  return whole;
}

Phrase Grammar::draw(std::string_view symbol, RandomStream& random) const { return draw(symbol, random, 0); }

Phrase Grammar::draw(std::string_view symbol, RandomStream& random, int depth) const {
  if (const auto number = number_symbol(symbol)) return draw_phrase(*number, random);
  const auto found = rules_.find(symbol);
  require(found != rules_.end(), path_, ": no rule is called '", symbol, "'");
  require(depth < 100, path_, ": the rule '", symbol, "' never ends");
  uint64_t total = 0;
  for (const Rule& rule : found->second) total += rule.weight;
  uint64_t left = random.below(total);
  for (const Rule& rule : found->second) {
    if (left < static_cast<uint64_t>(rule.weight)) return expand(rule, random, depth + 1);
    left -= rule.weight;
  }
  return {};  // not reached: left < total
}

}  // namespace storm::corpus
