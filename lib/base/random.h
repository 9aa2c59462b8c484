// Random numbers by counter: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). A number depends on its key and counter alone, never on how many were drawn before or by which thread.
#pragma once

#include <array>
#include <cstdint>

namespace storm {

struct Philox {
  uint64_t seed = 0;

  // Four independent 32-bit words for one 128-bit counter.
  std::array<uint32_t, 4> operator()(std::array<uint32_t, 4> counter) const {
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t a = uint64_t{0xD2511F53u} * counter[0], b = uint64_t{0xCD9E8D57u} * counter[2];
      counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ k0, static_cast<uint32_t>(b),
                 static_cast<uint32_t>(a >> 32) ^ counter[3] ^ k1, static_cast<uint32_t>(a)};
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return counter;
  }
};

// What draws are for: part of the counter. Each use lays its counter out in its own way:
//   word 0                word 1             word 2                       word 3
//   columns / 8           row                node | dropout << 28         batch          dropout
//   draws / 4, low        initial_weights    parameter                    draws, high    initial weights
//   half of a place       stream, low        stream, high ^ round << 24   shuffle << 28  the order of training data
//   draws / 4             the use            stream, low                  stream, high   RandomStream, word vectors
// Within the first three, text_blocks, sentence_pairs and masks, which one training with one seed draws from, no
// counter comes twice, for fewer than 2^28 nodes, parameters and epochs, and 3 * 2^28 batches; nor does one among
// RandomStreams. A dropout mask of row 4 and a sample of `decode` may share numbers, but they never meet.
enum class RandomUse : uint32_t {
  dropout = 1,
  initial_weights,
  shuffle,
  sampling,
  corpus,
  bpe_dropout,
  text_blocks,
  sentence_pairs,
  masks,
  word_vectors,
  switch_out,
  word_dropout,
  layer_drop
};

// The RandomStream of one thing in an epoch, of up to 2^32 things: its last word is one that no batch is numbered by.
constexpr uint64_t stream_in_epoch(int64_t epoch, int64_t number) {
  return (uint64_t{4} << 28 | static_cast<uint64_t>(epoch)) << 32 | static_cast<uint32_t>(number);
}

// The RandomStream of a batch, of up to 2^32, likewise.
constexpr uint64_t stream_of_batch(uint64_t number) { return uint64_t{5} << 60 | static_cast<uint32_t>(number); }

// A sequential generator over a Philox stream, for decisions of the host (samples, BPE-dropout).
class RandomStream {
 public:
  RandomStream(uint64_t seed, RandomUse use, uint64_t stream = 0);
  uint32_t next_u32();
  uint64_t below(uint64_t n);  // uniform in [0, n), without bias; n > 0
  double uniform();            // [0, 1), 53 bits
  double normal();             // mean 0, variance 1 (Box-Muller)

 private:
  Philox philox_;
  std::array<uint32_t, 4> counter_, block_{};
  int used_ = 4;
};

}  // namespace storm
