// Answers to questions against gold ones, by the rules of SQuAD (Rajpurkar et al., "SQuAD: 100,000+ questions for
// machine comprehension of text", EMNLP 2016) and, for questions without an answer, of SQuAD 2 (Rajpurkar et al., "Know
// what you don't know: unanswerable questions for SQuAD", ACL 2018), as their evaluation scripts compute them. Texts
// are valid UTF-8.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace storm {

// In lower case (Python's), without ASCII punctuation, then without the words a, an and the, then with one space
// between words and none at the ends. "the-a" is the one word "thea", since its hyphen goes first.
std::string normalized_answer(std::string_view text);

// Both are the best over the gold answers; a question whose gold answers are all empty, or that has none, has no
// answer, and then both are 1 for a prediction that is empty when normalised and 0 for another.
//
// 1 where the normalised texts are equal, else 0.
double exact_match(std::string_view prediction, std::span<const std::string> answers);
// F1 of the normalised texts' words, counted with their repetitions. A text whose words are all articles has none, and
// its F1 is 0 also against another such, though they match exactly.
double squad_f1(std::string_view prediction, std::span<const std::string> answers);

}  // namespace storm
