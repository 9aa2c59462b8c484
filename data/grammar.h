// A synchronous grammar: rules that write a source and a target phrase at once (Aho & Ullman, "Syntax directed
// translations and the pushdown assembler", 1969). The text form is explained at the top of english-german.grammar.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "phrase.h"

namespace storm::corpus {

class Grammar {
 public:
  // Throws Error with the file and the line of a rule that cannot be read or names something unknown.
  explicit Grammar(const std::string& path);

  // One random phrase of the symbol: a rule's name, or a number such as "cardinal 0 99".
  Phrase draw(std::string_view symbol, RandomStream& random) const;

 private:
  struct Token {
    std::string text, suffix;  // a word, or the key of a slot; what is glued to it
    bool slot = false;
    char label = 0;
  };
  struct Rule {
    int line = 0, weight = 1;
    std::vector<Token> source, target;
  };

  Rule parse(std::string_view text, int line) const;
  void check(const Rule& rule) const;
  Phrase expand(const Rule& rule, RandomStream& random, int depth) const;
  Phrase draw(std::string_view symbol, RandomStream& random, int depth) const;

  std::string path_;
  std::map<std::string, std::vector<Rule>, std::less<>> rules_;
};

}  // namespace storm::corpus
