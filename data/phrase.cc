#include "phrase.h"

#include <set>

#include "base/error.h"

namespace storm::corpus {

namespace {

struct Place {
  int word, begin, end;  // begin and end in code points
};

std::vector<Place> places(const std::vector<Morph>& side) {
  std::vector<Place> all;
  int word = -1, at = 0;
  for (const Morph& m : side) {
    if (!m.glued || word < 0) at += ++word > 0;
    const int begin = at;
    for (const char c : m.text) at += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    all.push_back({word, begin, at});
  }
  return all;
}

template <class Write>
std::string linked(const Phrase& phrase, Write write) {
  const auto source = places(phrase.source), target = places(phrase.target);
  std::set<std::pair<int, int>> done;
  std::string line;
  for (std::size_t i = 0; i < source.size(); ++i)
    for (std::size_t j = 0; j < target.size(); ++j)
      if (phrase.source[i].link != kNoLink && phrase.source[i].link == phrase.target[j].link)
        write(line, done, source[i], target[j]);
  return line;
}

}  // namespace

std::string text_of(const std::vector<Morph>& side) {
  std::string text;
  for (const Morph& m : side) text += (m.glued || text.empty() ? "" : " ") + m.text;
  return text;
}

std::string word_alignment(const Phrase& phrase) {
  return linked(phrase, [](std::string& line, auto& done, const Place& s, const Place& t) {
    if (done.emplace(s.word, t.word).second) line += str(line.empty() ? "" : " ", s.word, '-', t.word);
  });
}

std::string span_alignment(const Phrase& phrase) {
  return linked(phrase, [](std::string& line, auto&, const Place& s, const Place& t) {
    line += str(line.empty() ? "" : " ", s.begin, '-', s.end, ':', t.begin, '-', t.end);
  });
}

}  // namespace storm::corpus
