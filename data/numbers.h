// Numbers in English and German words, with the links between their parts. English is British ("two hundred and one");
// German names every unit ("einhundert", "eintausend") and writes one word, units before tens ("einundzwanzig").
#pragma once

#include "phrase.h"

namespace storm::corpus {

Phrase cardinal(int n);  // 0 .. 999,999: "twenty-one", "einundzwanzig"
Phrase ordinal(int n);   // 1 .. 99: "twenty-first", "einundzwanzigst": the German ending is the sentence's
Phrase year(int n);      // 1100 .. 2099: "nineteen eighty-four", "neunzehnhundertvierundachtzig"
// An hour of the clock, 1 .. 12, where the German names the hour `later` hours on ("half past three", "halb vier").
// before_noun: "ein Uhr", not "eins".
Phrase hour(int n, int later, bool before_noun);

}  // namespace storm::corpus
