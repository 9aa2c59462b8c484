// The flags of attn-dump and what of them does not go together.
#pragma once

#include "base/error.h"
#include "data/batch.h"
#include "tools/cli.h"

namespace storm {

inline const Tool kAttentionDump{
    "attn-dump",
    "shows what a model attends to, in every layer and head: weights, word alignments, numbers",
    R"(  paste x.en x.de | tokenize -m model.st --columns src,tgt | attn-dump -m model.st > attention.st
  tokenize -m model.st < x.en | attn-dump -m model.st --decode --kinds cross --layers 3-4 -o attention.st
  attn-dump -m model.st --align pharaoh < pairs.st > x.align                  (0-0 1-2: words, source-target, from 0)
  attn-dump -m model.st --align pharaoh --align-from 3.2 --align-level piece < pairs.st
  attn-dump -m model.st --align-score gold.align < pairs.st                   (precision, recall, AER of each head)
  attn-dump -m model.st --html page.html < pairs.st                                           (every head, in a browser)
  attn-dump -m model.st --svg figures --layers 2 --heads 3 < pairs.st        (figures/s1-cross-l2-h3.svg and the like)
  attn-dump -m model.st --positions positions.html                                        (the positional encoding)
  attn-dump -m model.st --summary < pairs.st | column -t                      (what each head does)
)",
    kThreads | kDevice,
    {{"m,model", "MODEL", "", "the model, as train writes it"},
     {"o,save", "FILE", "-", "where the stream goes, or with --align, --align-score or --summary their text"},
     {"decode", "", "", "show the model's own translation of the source, not the tgt column"},
     {"beam", "N", "5", "with --decode: hypotheses that go on at each step; 1: greedy"},
     {"kinds", "LIST", "",
      "encoder (self-attention), decoder (likewise), cross, pooling (of a text, by a head); all when not given"},
     {"layers", "LIST", "", "such as 1,3-4, counted from 1 (0 is embed's input); all when not given"},
     {"heads", "LIST", "", "such as 1,3-4, counted from 1; all when not given"},
     {"logits", "", "", "what the softmax is taken of, instead of the probabilities"},
     {"align", "FORMAT", "",
      "print a line of links a pair: pharaoh (tokenize drops pairs with an empty side; --empty keep)"},
     {"align-level", "LEVEL", "word", "link words (what spaces separate) or pieces"},
     {"align-row", "ROW", "predicts",
      "a target piece's row: the one that predicts it, or (reads) the next, which has read it"},
     {"align-from", "HEAD", "best",
      "LAYER.HEAD, LAYER.mean or best: the lowest AER, or without --align-score the one that "
      "agrees most with the others; by 1000 pairs"},
     {"align-score", "GOLD", "", "print precision, recall and AER against this file of links (i-j sure, i?j possible)"},
     {"summary", "", "",
      "print means over each head's rows i: entropy (nats), distance |i-j|, weight on keys i-1, i, i+1, 0 "
      "and EOS, and the entropy of looking at all keys alike; row i of cross predicts piece i"},
     {"html", "FILE", "", "draw a page of all heads, which needs no network"},
     {"svg", "DIR", "", "draw SVG files: each head, and all heads of a kind"},
     {"sentences", "N", "20", "with --html and --svg: draw the first N pairs (0: all)"},
     {"positions", "PATH", "", "draw sinusoidal positions as wide as the model: a page (.html), or SVGs in a folder"},
     {"precision", "KIND", "f32",
      "what products' operands are rounded to: f32 (not at all), bf16 or int8, whole numbers with a scale a row"},
     {"max-tokens", "N", "1024", "tokens of a batch on its larger side, EOS included"}},
    ""};

// What does not go together, before anything is read.
inline void check_attention_dump(const Args& args) {
  if (!args.given("model")) throw UsageError("-m MODEL is missing: which model is to be looked into?");
  const bool align = args.given("align"), score = args.given("align-score"), summary = args.on("summary");
  if (align) args.choice("align", {"pharaoh"});
  args.choice("align-level", {"word", "piece"});
  args.choice("align-row", {"predicts", "reads"});
  args.integer("beam", 1, 1000);
  args.integer("max-tokens", 1, kMostTokens);
  if (args.given("beam") && !args.on("decode")) throw UsageError("--beam has no meaning without --decode");
  if (summary && (align || score)) throw UsageError("--summary and alignments are two outputs; ask for one at a time");
  for (const char* flag : {"html", "svg", "positions", "kinds", "layers", "heads", "align-score"})
    if (args.given(flag) && args.text(flag).empty()) throw UsageError(str("--", flag, " is given nothing"));
  if (args.text("align-score") == "-")
    throw UsageError("--align-score: standard input holds the pairs; put the gold links into a file");
  const auto& positions = args.text("positions");
  if (positions.ends_with(".svg"))
    throw UsageError("--positions draws several pictures; give a folder for SVGs, or a page (.html)");
  const bool pictures = args.given("html") || args.given("svg");
  args.integer("sentences", 0, INT64_MAX);
  if (pictures && (align || score || summary))
    throw UsageError("pictures, alignments and --summary are outputs of their own; ask for one at a time");
  if (pictures && args.given("save")) throw UsageError("-o is for the stream; --html and --svg name their own files");
  if (args.given("sentences") && !pictures) throw UsageError("--sentences has no meaning without --html or --svg");
  if (args.given("positions"))
    for (const char* flag :
         {"save", "decode", "beam", "kinds", "layers", "heads", "logits", "align", "align-level", "align-row",
          "align-from", "align-score", "summary", "html", "svg", "max-tokens", "precision"})
      if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning with --positions, which reads no input"));
  if (args.on("logits") && (align || score || summary))
    throw UsageError("--logits are for the stream; alignments and --summary are made of probabilities");
  for (const char* flag : {"align-level", "align-row", "align-from"})
    if (args.given(flag) && !align && !score)
      throw UsageError(str("--", flag, " has no meaning without --align or --align-score"));
  if (args.given("align-from") && args.text("align-from") != "best" && (args.given("layers") || args.given("heads")))
    throw UsageError("--layers and --heads are what --align-from best chooses from; --align-from names one itself");
  if (align && score && args.text("save") == "-")
    throw UsageError("--align and --align-score both print to standard output; send the links to a file with -o FILE");
}

}  // namespace storm
