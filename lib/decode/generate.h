// What a model says after contexts: beam search, greedy search (a beam of 1) or sampling, in full batches.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "models/generator.h"

namespace storm {

class AnswerDealer;
class LongSources;
class NgramModel;
class StopStrings;

// What the sum of log-probabilities (EOS included) of a hypothesis y is divided by, with |y| without EOS.
enum class LengthNorm : uint8_t {
  power,      // |y|^length_penalty; an empty y counts its EOS, as all do in Marian and fairseq: 1
  power_eos,  // (|y| + 1)^length_penalty: EOS counts, where it has one, as in Hugging Face, fairseq and CTranslate2 4.8
  gnmt,       // ((5 + |y|) / 6)^length_penalty: Wu et al. 2016, §7
};

// How a hypothesis ends at its maximum length.
enum class ForcedEos : uint8_t {
  scored,  // it gets its EOS, whose log-probability counts: fairseq
  free,    // it gets its EOS, which counts as certain: Hugging Face with a forced_eos_token_id
  none,    // it ends as it is, as at a stop string: Hugging Face without
};

struct DecodeOptions {
  int32_t beam = 5;  // 1: greedy
  LengthNorm length_norm = LengthNorm::power;
  double length_penalty = 1;
  int32_t nbest = 1;  // hypotheses a sentence: at most beam; samples: any number
  // Whether a sentence's search ends as soon as it has `beam` finished hypotheses, or when none that is open would
  // score more than the worst of these if it ended now: Hugging Face's early_stopping, True and False.
  bool early_stopping = true;

  // Lengths of what is said, without EOS: of a translation with its prefix, of a continuation what is new. A maximum of
  // 0 is 3 |source| + 50 of a translation, 100 of a continuation, or the minimum if that is more; a model's own limit
  // and the length of a prefix bound it.
  int32_t min_length = 0, max_length = 0;
  ForcedEos forced_eos = ForcedEos::scored;  // a prefix that fills the maximum gets one, free where this is none

  // What changes the logits of a step: decode/logits_processor.h has the definitions and their order.
  double repetition_penalty = 1;         // of what a row has said: 1 is none
  const NgramModel* fused = nullptr;     // over the answers' vocabulary, of which each step has a share; null: none
  double fused_weight = 0;               // what its log-probabilities are multiplied by
  int32_t no_repeat_ngram = 0;           // no n-gram comes twice; 0: any may
  std::vector<int32_t> banned_ids = {};  // never follow; EOS is none of them, and they are not all others
  bool renormalize = false;              // of a search: what they leave has all of the probability

  const StopStrings* stop = nullptr;  // strings that end an answer; null: none (decode/stop_strings.h)

  bool begin_with_eos = true;  // of texts: the model is fed EOS before them, as the end of what came before
  bool slide = false;          // of texts that are too long to be continued, the last part is read
  // What becomes of sources that are longer than the model takes (decode/long_sources.h), and counts them; null: they
  // are refused. One that is split has neither a prefix nor a streamer.
  LongSources* long_sources = nullptr;

  // A batch has at most so many tokens of contexts (EOS, one a context, included), and so many hypotheses at each step.
  int64_t max_tokens = 1024;
  // Who answers which request; null: this process answers all.
  AnswerDealer* dealer = nullptr;
  // Where graphs run: a device that has twins of the model's parameters (Device::mirror); null: the CPU.
  Device* device = nullptr;

  // Sampling instead of search: from p^(1 / temperature), of the top_k likeliest ids (0: all), of the fewest of these
  // that together reach top_p, without those less likely than min_p of the likeliest, of the most typical ones that
  // reach typical_p. Each sentence has its own random stream, keyed by the seed and its number.
  bool sample = false;
  double temperature = 1;
  int32_t top_k = 0;
  double top_p = 1, min_p = 0, typical_p = 1;
  uint64_t seed = 1;
  uint64_t first_sentence = 0;  // the number of the first source, where several calls share one seed

  // Called with each new id of an answer as soon as it is known, the ids of a stop string among them: of one request
  // that is answered greedily (beam 1) or by one sample, in the thread that asked.
  std::function<void(int32_t id)> streamer = {};
};

struct Hypothesis {
  std::vector<int32_t> ids;  // without BOS and EOS, with the prefix, up to a stop string
  float score = 0;           // log_prob, normalised for length: what ranks hypotheses
  // Of ids and EOS: what beam search added up, after logits processors; of a sample the model's own.
  float log_prob = 0;
  // What was said behind ids, where a stop string ended the answer; log_prob then counts it, and no EOS.
  std::vector<int32_t> stopped = {};
  int64_t first = -1;  // of an answer that is a stretch of what was asked: where it begins there
};
using Hypotheses = std::vector<Hypothesis>;  // best first; of equal ones, the one that was finished first

// One context, and what is asked for after it.
struct Request {
  int32_t before = -1;                    // a token that stands before the context; -1: none
  std::span<const int32_t> context = {};  // what the model is started on
  int32_t after = -1;                     // a token that stands behind it; -1: none
  int32_t first = 0;                      // the token that is fed then
  std::span<const int32_t> prefix = {};   // what the answers begin with
  std::span<const int32_t> said = {};     // what logits processors take for said before the answers
  int32_t least = 0, most = 0;            // lengths of the answers, without EOS and with the prefix
  uint64_t number = 0;                    // the random stream's, and what the context is called in errors
};

// Several processes that are asked the same at the same time answer a share of it each, and then have all answers.
class AnswerDealer {
 public:
  virtual ~AnswerDealer() = default;
  virtual std::size_t processes() const = 0;
  virtual std::size_t number() const = 0;  // of this one, from 0
  // Those of the requests that this process has answered are there; afterwards all are. owner: the process of each.
  virtual void exchange(std::span<Hypotheses> answers, std::span<const std::size_t> owner) = 0;
};

// options.nbest answers to each request, in their order.
// kept: memory that the next call with the same device uses again, which fresh pages would cost a tenth of a single
// sentence's time; empty at first.
// Throws Error for a model whose probabilities are not numbers.
std::vector<Hypotheses> generate(const Generator& model, const SpecialIds& special, std::span<const Request> requests,
                                 const DecodeOptions& options, std::vector<Workspace>* kept = nullptr);

// The score of a hypothesis of `length` ids, and of EOS if it ends in one, whose log-probability, EOS included, is
// log_prob.
double normalized_score(double log_prob, int64_t length, bool eos, const DecodeOptions& options);

}  // namespace storm
