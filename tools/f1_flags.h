// f1's flags, and what they say.
#pragma once

#include "tools/cli.h"

namespace storm {

inline const Tool kF1{
    "f1",
    "accuracy, F1 and what else says how well labels, entities, answers and numbers were predicted",
    "  f1 gold.txt < predicted.txt                    labels, a line a row: scikit-learn's figures\n"
    "  f1 gold.tags --spans iob2 < predicted.tags     entities, a line of tags a sentence: seqeval's and conlleval's\n"
    "  f1 gold.conll --spans iob2 --conll -i a.conll  the same of columns, a word a line, its tag last\n"
    "  f1 --spans iob2 --conll < both.conll           gold and predicted tags are the last two columns\n"
    "  f1 answers.txt --squad < predicted.txt         exact match and F1; several gold answers by TAB\n"
    "  f1 gold.txt --regression < predicted.txt       Pearson's and Spearman's correlation\n"
    "  f1 gold.txt -i base a b -pbs                   is a or b better than base? a paired bootstrap\n",
    kThreads,
    {
        {"i,input", "FILE...", "", "predictions, a file for each system, instead of standard input"},
        {"spans", "SCHEME", "", "rows are sentences of tags, iob2, iob1 or iobes, and entities are what is scored"},
        {"conll", "", "", "of --spans: files have CoNLL's columns; without GOLD, the last two are gold and predicted"},
        {"squad", "", "", "rows are answers to questions, by SQuAD's rules; an empty gold line: there is no answer"},
        {"regression", "", "", "rows are numbers"},
        {"m,metrics", "NAME...", "", "these measures alone [all of the kind of rows]"},
        {"confidence", "", "", "-ci: 95 % intervals by bootstrap resampling of rows"},
        {"confidence-n", "N", "1000", "-cin: resamples for them"},
        {"paired-ar", "", "", "-par: compare with the first system by approximate randomisation"},
        {"paired-bs", "", "", "-pbs: compare with the first system by bootstrap resampling"},
        {"paired-ar-n", "N", "10000", "-parn: trials"},
        {"paired-bs-n", "N", "1000", "-pbsn: resamples"},
        {"seed", "N", "12345", "of the resamples, or none"},
        {"b,score-only", "", "", "print the measures' values alone, a line each"},
        {"w,width", "N", "4", "digits after the point; JSON has all of one system's"},
        {"f,format", "NAME", "text", "text, json or latex"},
    },
    "GOLD"};

}  // namespace storm
