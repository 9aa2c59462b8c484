// A machine beside the CPU that runs planned graphs, with memory of its own. The library knows it by this interface
// alone; what implements it lies in a shared object that is opened when a device is wanted (open_device.h).
//
// Models record the same graphs as ever, of host addresses. A device finds its own memory by them: parameters,
// gradients and the optimizer's buffers have twins there (mirror), a decoder's caches lie there altogether (allocate),
// and whatever else a graph names, ids and offsets, is copied there before each run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tensor/graph.h"
#include "tensor/plan.h"
#include "tensor/product_precision.h"

namespace storm {

// One update of every parameter: the rule's name, by which a device finds its kernel as it does an op's, and what the
// optimizer of that name multiplies by in this step, in its own order.
struct Update {
  static constexpr std::size_t kFactors = 8;
  std::string_view rule;
  std::array<float, kFactors> factors{};
  float keep = 1;                             // what decay leaves of a parameter that decays
  std::span<const int64_t> decay_turns = {};  // which do: numbers before the first, from the second to the third, ...
};

class Device {
 public:
  virtual ~Device() = default;

  virtual std::string description() const = 0;  // "NVIDIA H200 (cuda:0), compute capability 9.0"
  virtual std::size_t free_bytes() const = 0;

  // Gives host memory a twin with the same contents, until forget(host). The host's copy is stale from then on, but for
  // download().
  virtual void mirror(std::span<float> host) = 0;
  virtual void forget(std::span<float> host) = 0;
  virtual void upload(std::span<const float> host) = 0;    // host or a part of it -> its twin
  virtual void download(std::span<float> host) const = 0;  // the twin -> host

  // Memory of the device, for a graph's placed values and constants that are computed there.
  virtual void* allocate(std::size_t bytes) = 0;  // throws Error with what is free
  virtual void release(void* memory) = 0;

  // Makes room for a plan of so many bytes. Throws Error, with what is needed and what is free, before anything is run.
  virtual void reserve(std::size_t arena_bytes) = 0;

  // What running a graph takes beside the plan's arena and the parameters: their number, padding included, and the
  // products' precision decide, too. An estimate from above.
  virtual std::size_t bytes_beside_arena(const Graph&, std::size_t /*parameters*/, ProductPrecision) const { return 0; }

  // What products' operands are rounded to from here on; f32 until it is called.
  virtual void set_products(ProductPrecision precision) = 0;

  // Runs a planned graph, and backward of one with gradients. seed and batch key the random numbers (execution.h).
  // Returns when everything is queued; the graph's constants may change as soon as it has returned.
  virtual void run(const Graph& graph, const Plan& plan, uint64_t seed, uint64_t batch) = 0;
  // The value of the last run, which was kept, to host memory of its size. Waits for it.
  virtual void read(const Graph& graph, const Plan& plan, Value value, void* to) = 0;
  // The same without waiting: the copy is queued, and wait() brings it to `to`, which must live until then. The graph,
  // the plan and later runs may change at once. A few KiB at most: totals, not logits. Returns its number.
  virtual uint64_t fetch(const Graph& graph, const Plan& plan, Value value, void* to) = 0;
  // Until that fetch and all before it have come; what was queued after it goes on.
  virtual void wait(uint64_t fetch) = 0;

  // The root of the sum of squares; waits for it.
  virtual double norm(std::span<const float> gradients) = 0;
  // The same as a fetch.
  virtual uint64_t fetch_norm(std::span<const float> gradients, double* to) = 0;
  // state: the optimizer's buffers, each of values' size. The gradients are zero afterwards.
  virtual void update(std::span<float> values, std::span<float> gradients, std::span<const std::span<float>> state,
                      const Update& update, float gradient_scale) = 0;
  // The same with the norm that fetch_norm was asked for last, so that nobody waits for it: the gradients are
  // multiplied by clip_scale (train/gradient_norm.h) of it and clip_norm.
  virtual void clipped_update(std::span<float> values, std::span<float> gradients,
                              std::span<const std::span<float>> state, const Update& update, double clip_norm) = 0;

  // mean, mirrored, goes `weight` of the way to the values: mean += weight * (values - mean).
  virtual void move_towards(std::span<const float> values, float weight, std::span<float> mean) = 0;

  // Several processes, each with a device of its own, that add up without the hosts, where all of them can: one makes
  // an id, with which all join, together.
  virtual bool can_group() const { return false; }
  virtual std::vector<std::byte> make_group() { return {}; }
  // From here on, norms are those of all processes' numbers.
  virtual void join_group(std::span<const std::byte> /*id*/, int /*rank*/, int /*size*/) {
    fail(description(), ": joins no group");
  }
  virtual bool in_group() const { return false; }
  // Of a group, together; nobody waits. x, mirrored, is of a piece for each process: process r's goes from cuts[r] to
  // cuts[r + 1]. Each process's own becomes the sum of what all have there, and the rest of its x zero.
  virtual void reduce_scatter(std::span<float> /*x*/, std::span<const std::size_t> /*cuts*/) {}
  // Each process's own piece goes to all.
  virtual void all_gather(std::span<float> /*x*/, std::span<const std::size_t> /*cuts*/) {}
};

// What a device rounds products' operands to for as long as this lives; f32 afterwards, for who computes there next.
class DeviceProductsScope {
 public:
  DeviceProductsScope(Device& device, ProductPrecision precision) : device_(device) { device_.set_products(precision); }
  ~DeviceProductsScope() { device_.set_products(ProductPrecision::f32); }
  DeviceProductsScope(const DeviceProductsScope&) = delete;
  DeviceProductsScope& operator=(const DeviceProductsScope&) = delete;

 private:
  Device& device_;
};

}  // namespace storm
