#include "numbers.h"

#include <array>

#include "base/error.h"

namespace storm::corpus {

namespace {

constexpr std::array kUnits = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                               "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                               "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array kTens = {"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array kEiner = {"null",     "eins",     "zwei",     "drei",     "vier",     "fünf",    "sechs",
                               "sieben",   "acht",     "neun",     "zehn",     "elf",      "zwölf",   "dreizehn",
                               "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"};
constexpr std::array kZehner = {"",        "",        "zwanzig", "dreißig", "vierzig",
                                "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"};

// Builds one number: English words apart, German ones glued together.
struct Builder {
  Phrase phrase;

  void english(std::string text, int link, bool glued = false) {
    phrase.source.push_back({std::move(text), link, glued && !phrase.source.empty()});
  }
  void german(std::string text, int link) { phrase.target.push_back({std::move(text), link, !phrase.target.empty()}); }
  int link() { return phrase.links++; }

  // last: nothing follows in the German word, so that one is "eins" and not "ein".
  void below_100(int n, bool last) {
    const auto unit = [&](int u) { return u == 1 && !last ? "ein" : kEiner[u]; };
    if (n < 20) {
      const int l = link();
      english(kUnits[n], l);
      german(unit(n), l);
      return;
    }
    const int tens = link();
    english(kTens[n / 10], tens);
    if (n % 10 != 0) {
      const int joint = link(), ones = link();
      english("-", joint, true);
      english(kUnits[n % 10], ones, true);
      german(n % 10 == 1 ? "ein" : kEiner[n % 10], ones);
      german("und", joint);
    }
    german(kZehner[n / 10], tens);
  }

  void unit_of(const char* source, const char* target, bool and_follows) {
    const int l = link();
    english(source, l);
    if (and_follows) english("and", l);
    german(target, l);
  }

  void below_1000(int n, bool last) {
    if (n >= 100) {
      below_100(n / 100, false);
      unit_of("hundred", "hundert", n % 100 != 0);
    }
    if (n < 100 || n % 100 != 0) below_100(n % 100, last);
  }
};

}  // namespace

Phrase cardinal(int n) {
  Builder b;
  if (n >= 1000) {
    b.below_1000(n / 1000, false);
    b.unit_of("thousand", "tausend", n % 1000 != 0 && n % 1000 < 100);
  }
  if (n < 1000 || n % 1000 != 0) b.below_1000(n % 1000, true);
  return std::move(b.phrase);
}

Phrase ordinal(int n) {
  Phrase p = cardinal(n);
  std::string &source = p.source.back().text, &target = p.target.back().text;
  const int unit = n < 20 ? n : n % 10;
  if (unit == 1 || unit == 2 || unit == 3)
    source = unit == 1 ? "first" : unit == 2 ? "second" : "third";
  else if (unit == 5 || unit == 12)
    source.replace(source.size() - 2, 2, "fth");
  else if (unit == 9)
    source = "ninth";
  else if (unit == 8)
    source += "h";
  else if (unit == 0)
    source.replace(source.size() - 1, 1, "ieth");
  else
    source += "th";
  if (n < 20) {
    target = n == 1 ? "erst" : n == 3 ? "dritt" : n == 7 ? "siebt" : n == 8 ? "acht" : target + "t";
  } else {
    target += "st";
  }
  return p;
}

Phrase year(int n) {
  if (n >= 2000 && n < 2010) return cardinal(n);
  Builder b;
  const int century = b.link();
  b.english(n >= 2000 ? "twenty" : kUnits[n / 100], century);
  if (n >= 2000) {
    b.german("zwei", century);
    b.german("tausend", century);
  } else {
    b.german(kEiner[n / 100], century);
    const int hundred =
        n % 100 < 10 ? b.link() : century;  // "nineteen oh five": only here English says something there
    if (n % 100 < 10) b.english(n % 100 == 0 ? "hundred" : "oh", hundred);
    b.german("hundert", hundred);
  }
  if (n % 100 != 0) b.below_100(n % 100, true);
  return std::move(b.phrase);
}

Phrase hour(int n, int later, bool before_noun) {
  const int german = (n - 1 + later) % 12 + 1;
  return {{{kUnits[n], 0, false}}, {{german == 1 && before_noun ? "ein" : kEiner[german], 0, false}}, 1};
}

}  // namespace storm::corpus
