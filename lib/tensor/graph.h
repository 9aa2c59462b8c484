// The record of a computation: values and the nodes that make them, in topological order. Recording allocates no
// tensor memory; plan.h gives every value its place, execution.h runs the nodes.
//
// An op is a static `Op` (name, forward, backward) and a function that records a Node of it. Nothing lists the ops.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/random.h"

namespace storm {

// Rows are what a batch has many of (tokens, sentences); cols is the width. A vector of n features is [1, n].
struct Shape {
  int64_t rows = 0, cols = 0;
  int64_t size() const { return rows * cols; }
  bool operator==(const Shape&) const = default;
};

// A handle to a value of one graph; the default one means "none".
struct Value {
  int32_t id = -1;
  explicit operator bool() const { return id >= 0; }
  bool operator==(const Value&) const = default;
};

class Execution;
class PackedWeight;  // cpu/packed_weight.h
struct Node;

struct Op {
  const char* name;
  void (*forward)(const Execution&, const Node&);
  void (*backward)(const Execution&, const Node&) = nullptr;  // null: gradients do not flow through it
  // The op takes its inputs' gradients already in forward (a fused loss, which never stores its logits).
  bool gradient_in_forward = false;
  bool frozen_rows = false;     // takes inputs whose first rows have no gradient
  bool packed_weights = false;  // takes parameters that are packed for products and have no values of their own
};

struct Node {
  static constexpr int kInputs = 16, kOutputs = 6, kAttributeBytes = 64;

  const Op* op = nullptr;
  int32_t number = 0;  // its place in the graph; part of the counter of its random numbers
  std::array<Value, kInputs> inputs{};
  std::array<Value, kOutputs> outputs{};
  std::size_t scratch_forward = 0, scratch_backward = 0;  // bytes of arena while the node runs
  uint16_t keep_inputs = 0, keep_outputs = 0;             // bit i: backward reads the i-th one's data
  int8_t in_place = -1;                                   // the input whose memory output 0 may take over
  alignas(16) std::array<std::byte, kAttributeBytes> raw_attributes{};

  template <class T>
  T attributes() const {
    T value;
    std::memcpy(&value, raw_attributes.data(), sizeof(T));
    return value;
  }
};

enum class Origin : uint8_t { computed, constant, parameter, placed };

struct ValueInfo {
  Shape shape;
  DType dtype = DType::F32;
  Origin origin = Origin::computed;
  bool needs_gradient = false;
  bool result = false;        // read after the run: it keeps its place to the end
  int32_t producer = -1;      // the node that computes it
  void* data = nullptr;       // where a constant, a parameter or a placed value lies
  float* gradient = nullptr;  // a parameter's gradient, which every use adds to
  int64_t frozen = 0;         // its gradient begins at this row (of a vector, at this number): those before have none
  const PackedWeight* packed = nullptr;  // a parameter that products take so; without data it is good for nothing else
};

class Graph {
 public:
  // gradients: whether backward will run. Without it nothing is kept longer than the next op needs it.
  explicit Graph(bool gradients) : gradients_(gradients) {}

  // Memory of the caller's that outlives the run and is only read.
  Value constant(Shape shape, const float* data) { return external(shape, DType::F32, data); }
  Value constant(Shape shape, const int32_t* data) { return external(shape, DType::I32, data); }
  Value constant(Shape shape, const double* data) { return external(shape, DType::F64, data); }
  // Addresses of memory that lies where the graph runs: a decoder's caches.
  Value constant(Shape shape, float* const* data) { return external(shape, DType::I64, data); }
  // Data that the graph owns until it is cleared.
  template <class T>
  Value constant(Shape shape, std::vector<T> data) {
    require_size(shape, data.size());
    auto kept = std::make_shared<const std::vector<T>>(std::move(data));
    owned_.push_back(kept);
    return constant(shape, kept->data());
  }
  // The same, of [n, 1]: ids, positions, offsets.
  Value column(std::vector<int32_t> data) {
    const auto n = static_cast<int64_t>(data.size());
    return constant({n, 1}, std::move(data));
  }
  // gradient may be null: a parameter that is not trained. frozen: so many of its first rows have none; an op that does
  // not know of such rows refuses it. packed: what products take instead of the data, which may then be null.
  Value parameter(Shape shape, const float* data, float* gradient, int64_t frozen = 0,
                  const PackedWeight* packed = nullptr);

  struct Output {
    Shape shape;
    DType dtype = DType::F32;
  };

  // Appends a node; node.inputs and the rest are the caller's, its outputs and number are set here.
  // An input may be none (an optional one). Returns the node's first output.
  template <class Attributes>
  Value record(Node node, std::initializer_list<Output> outputs, const Attributes& attributes) {
    static_assert(std::is_trivially_copyable_v<Attributes> && sizeof(Attributes) <= Node::kAttributeBytes);
    std::memcpy(node.raw_attributes.data(), &attributes, sizeof(Attributes));
    return append(node, outputs);
  }

  // Keeps a computed value readable after the run.
  void keep(Value v) { values_[index(v)].result = true; }
  // The producer writes this value straight to the caller's memory (a key-value cache, say), where a later graph finds
  // it by constant(). Only a value that an op computes, in a graph without gradients.
  void place(Value v, void* data);

  const ValueInfo& operator[](Value v) const { return values_[index(v)]; }
  Shape shape(Value v) const { return values_[index(v)].shape; }
  const Node& producer(Value v) const { return nodes_[static_cast<std::size_t>(values_[index(v)].producer)]; }
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const ValueInfo> values() const { return values_; }
  bool gradients() const { return gradients_; }
  // What recording itself draws, of one batch: layers that it goes without. Before this is called, nothing is drawn.
  void set_draws(RandomStream random) { draws_ = random; }
  bool draw(double rate) { return draws_ && draws_->uniform() < rate; }
  // Whether backward has work at this node.
  bool backpropagates(const Node& node) const;
  void clear();  // forgets all; keeps the memory of nodes and values, for a loop that records a graph a step

 private:
  static void require_size(Shape shape, std::size_t size);
  static std::size_t index(Value v) { return static_cast<std::size_t>(v.id); }
  Value external(Shape shape, DType dtype, const void* data);
  Value add(ValueInfo info);
  Value append(Node& node, std::initializer_list<Output> outputs);

  bool gradients_;
  std::optional<RandomStream> draws_;
  std::vector<Node> nodes_;
  std::vector<ValueInfo> values_;
  std::vector<std::shared_ptr<const void>> owned_;  // constants' data
};

}  // namespace storm
