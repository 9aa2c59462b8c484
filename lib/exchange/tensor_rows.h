// How a parameter of STORM's and tensors from elsewhere belong together. A row serves both ways.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "exchange/weights.h"
#include "tensor/parameters.h"

namespace storm {

struct TensorRow {
  std::string ours;
  std::vector<std::string> theirs;  // one, or several of the same shape whose rows stand one after another in ours
  bool transposed = false;          // theirs is [in, out], as GPT-2's linear layers are
  // Which axis of ours runs over the numbers of the residual stream: of a matrix its columns (what reads the stream),
  // or its rows (what writes it); a vector is one row. Where both sides order these numbers differently, it is
  // permuted.
  enum class Stream : uint8_t { none, columns, rows } stream = Stream::none;
  std::string instead = {};  // what other files call theirs
  std::string copy = {};     // a second name of theirs, which is written and not read
  bool head = false;         // of a head, whose tensors have no prefix
  int leading_ones = 0;      // dimensions of 1 that theirs has in front
};

// Adds the rows of a layer's weight and bias, which stand in both worlds under its names. Returns them, for what is
// special; they hold until rows are added.
std::pair<TensorRow*, TensorRow*> add_layer(std::vector<TensorRow>& rows, const std::string& ours,
                                            const std::vector<std::string>& theirs);

// What the two sides order differently.
struct Orders {
  std::vector<int64_t> stream = {};  // the stream's number i of ours stands at place stream[i] of theirs; empty: alike
  int64_t padding = -1;              // which of our pieces is theirs' last one, before the others; -1: alike
};

// Takes a value that is made in pieces, in the order of its numbers.
using Pieces = std::function<void(std::span<const float>)>;

// The numbers of a parameter from their tensors. Throws Error for shapes that do not fit, naming both, and for tensors
// of another dtype than F32, F16 or BF16.
void read_row(const TensorRow& row, const ParameterSpec& spec, Weights& weights, const Orders& orders,
              const Pieces& take);

// Throws the same errors, reading nothing.
void check_row(const TensorRow& row, const ParameterSpec& spec, Weights& weights);

// Their tensors' shapes, and the numbers of tensor `part` from those of the parameter: [rows, columns].
std::vector<int64_t> their_shape(const TensorRow& row, const ParameterSpec& spec);
void write_row(const TensorRow& row, const ParameterSpec& spec, std::size_t part, std::span<const float> ours,
               const Orders& orders, const Pieces& take);

}  // namespace storm
