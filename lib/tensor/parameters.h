// A model's parameters: one flat buffer of values and one of gradients, with named views into both, so that an
// optimizer, a norm, a checkpoint and (later) an all-reduce are each one pass. Those that are trained lie first:
// gradients and what an optimizer keeps are as long as these alone.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/buffer.h"
#include "tensor/graph.h"

namespace storm {

struct ParameterSpec {
  std::string name;
  Shape shape;  // [out, in] for a matrix; [1, n] for a vector
  enum class Init { zeros, ones, normal, uniform, row_lengths } init = Init::zeros;
  float scale = 0;          // normal: the standard deviation; uniform: the bound
  int32_t of = -1;          // row_lengths: the number of an earlier parameter, whose rows' lengths these begin with
  bool vector = false;      // stored in files with one dimension
  bool trained = true;      // else frozen: it has no gradient, and no optimizer sees it
  int32_t vocabulary = -1;  // number of the column whose pieces its rows, or a vector's numbers, belong to; -1: none
};

// A parameter's place in the list that Parameters was made from.
struct ParameterId {
  int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
};

// Collects the specs while layers are declared.
class ParameterList {
 public:
  ParameterId add(ParameterSpec spec) {
    specs_.push_back(std::move(spec));
    return {static_cast<int32_t>(specs_.size()) - 1};
  }
  // Says of a parameter that its rows are the pieces of that column.
  ParameterId of_vocabulary(ParameterId id, int32_t column) {
    specs_[static_cast<std::size_t>(id.index)].vocabulary = column;
    return id;
  }
  std::vector<ParameterSpec> take() { return std::move(specs_); }

 private:
  std::vector<ParameterSpec> specs_;
};

class Parameters {
 public:
  // Each begins at a multiple of 64 bytes. All values are zero until initialize() or a file fills them.
  explicit Parameters(std::vector<ParameterSpec> specs);

  void initialize(uint64_t seed);  // each parameter from its own random stream: order and threads do not matter
  void allocate_gradients();       // zeroed; without them graphs get parameters that are not trained

  // Padding included, which is always 0.
  std::span<float> values() const { return values_.as<float>().first(count_); }
  std::span<float> trained_values() const { return values().first(trained_); }
  std::span<float> gradients() const { return gradients_.as<float>().first(gradients_.size() ? trained_ : 0); }
  std::size_t numbers() const;  // of all parameters, padding not counted

  const std::vector<ParameterSpec>& specs() const { return specs_; }
  bool contains(std::string_view name) const { return index_.find(name) != index_.end(); }
  std::span<float> view(std::string_view name) const;  // values; throws Error for an unknown name
  std::span<float> view(ParameterId id) const { return view(static_cast<std::size_t>(id.index)); }
  std::span<float> gradient_view(std::string_view name) const;  // of the gradients; none of a frozen parameter
  Value in(Graph& graph, ParameterId id) const;                 // as a value of a graph; none for no parameter

 private:
  std::size_t at(std::string_view name) const;
  std::span<float> view(std::size_t i) const;

  std::vector<ParameterSpec> specs_;
  std::vector<std::size_t> offsets_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::size_t count_ = 0, trained_ = 0;  // numbers, padding included
  Buffer values_, gradients_;
};

}  // namespace storm
