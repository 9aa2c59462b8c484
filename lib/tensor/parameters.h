// A model's parameters: one flat buffer of values and one of gradients, with named views into both, so that an
// optimizer, a norm, a checkpoint and (later) an all-reduce are each one pass. Those that are trained lie first:
// gradients and what an optimizer keeps are as long as these alone. Of a table whose first rows are frozen, the rest of
// its rows have gradients, behind those of all other parameters, while its values stay in one piece.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "tensor/graph.h"

namespace storm {

// A parameter's place in the list that Parameters was made from.
struct ParameterId {
  int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
};

// Of a linear layer's weight: what its rows are stacked of, and what was added to the layer (nn/adaptation.h).
struct LinearSpec {
  struct Part {
    std::string name;  // "q"
    int64_t first = 0, rows = 0;
  };
  std::vector<Part> parts = {};  // none: it is one matrix
  bool ends_sublayer = false;    // what the layer makes is added to the residual stream

  // A low-rank update of some parts' rows: A, those of the parts one after another, and B.
  ParameterId a = {}, b = {};  // [parts * rank, in], [rows of the parts, rank]
  std::vector<Part> updated = {};
  float scale = 0, dropout = 0;
  // A bottleneck adapter behind the layer.
  ParameterId down_weight = {}, down_bias = {}, up_weight = {}, up_bias = {};
};

// A packed weight can be cut before every so many columns.
constexpr int64_t kPackedColumns = 4;

struct ParameterSpec {
  std::string name;
  Shape shape;  // [out, in] for a matrix; [1, n] for a vector
  enum class Init { zeros, ones, normal, uniform, row_lengths } init = Init::zeros;
  float scale = 0;          // normal: the standard deviation; uniform: the bound
  int32_t of = -1;          // row_lengths: the number of an earlier parameter, whose rows' lengths these begin with
  bool vector = false;      // stored in files with one dimension
  bool trained = true;      // else frozen: it has no gradient, and no optimizer sees it
  int32_t vocabulary = -1;  // number of the column whose pieces its rows, or a vector's numbers, belong to; -1: none
  int64_t frozen = 0;       // of a trained one: so many of its first rows, or of a vector's first numbers, are frozen
  bool added = false;       // by an adaptation (nn/adaptation.h): files of the model that it began with lack it
  std::optional<LinearSpec> linear = {};  // of a linear layer's weight
  // What a matrix is for: its values are read, or products y = x W^T take it, or both. What products take can be
  // packed.
  enum class Use : uint8_t { values, products, both } use = Use::values;
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
  // Says that products y = x W^T take a table, whose rows are looked up as well.
  ParameterId multiplied(ParameterId id) {
    specs_[static_cast<std::size_t>(id.index)].use = ParameterSpec::Use::both;
    return id;
  }
  std::vector<ParameterSpec>& specs() { return specs_; }
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
  std::size_t trained() const { return trained_; }  // numbers that are trained, padding included
  std::span<float> gradients() const { return gradients_.as<float>().first(gradients_.size() ? trained_ : 0); }
  // Where trained numbers lie among the values; their gradients stand one stretch after another.
  struct Stretch {
    std::size_t values = 0, count = 0;
  };
  std::vector<Stretch> trained_stretches() const;
  std::size_t numbers() const;          // of all parameters, padding not counted
  std::size_t trained_numbers() const;  // of those that are trained

  const std::vector<ParameterSpec>& specs() const { return specs_; }
  bool contains(std::string_view name) const { return index_.find(name) != index_.end(); }
  std::span<float> view(std::string_view name) const;  // values; throws Error for an unknown name
  std::span<float> view(ParameterId id) const { return view(static_cast<std::size_t>(id.index)); }
  std::span<float> trained_view(std::string_view name) const;   // of the values: those that are trained
  std::span<float> gradient_view(std::string_view name) const;  // the gradients of these
  std::size_t gradient_offset(std::size_t i) const { return gradient_offsets_[i]; }  // of the i-th spec's, if trained
  Value in(Graph& graph, ParameterId id) const;  // as a value of a graph; none for no parameter
  // From here on products take the i-th parameter as packed. Where nothing but products takes it, its values are gone,
  // and their memory is given back. expect_packing() goes before anything is read, where most of it will be packed.
  void expect_packing() { values_.use_small_pages(); }
  void pack(std::size_t i, std::shared_ptr<const PackedWeight> packed);
  const PackedWeight* packed(std::size_t i) const { return packed_[i].get(); }  // null: it is not
  // What is known of a linear layer by its weight; null: nothing.
  const LinearSpec* linear(ParameterId weight) const {
    const auto& known = specs_[static_cast<std::size_t>(weight.index)].linear;
    return known ? &*known : nullptr;
  }

 private:
  std::size_t at(std::string_view name) const;
  std::span<float> view(std::size_t i) const;

  std::vector<ParameterSpec> specs_;
  std::vector<std::size_t> offsets_, gradient_offsets_;
  std::vector<std::shared_ptr<const PackedWeight>> packed_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::size_t count_ = 0, trained_ = 0;  // numbers, padding included
  Buffer values_, gradients_;
};

}  // namespace storm
