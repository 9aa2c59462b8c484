// A graph without gradients, its plan and its arena, used again and again: record, run, read the results. On the CPU,
// or on a device, where the arena and the slabs are its memory.
#pragma once

#include <memory>
#include <vector>

#include "base/buffer.h"
#include "tensor/device.h"
#include "tensor/execution.h"
#include "tensor/graph.h"
#include "tensor/plan.h"
#include "tensor/slabs.h"

namespace storm {

class Workspace {
 public:
  // device: borrowed; it has twins of the parameters of what is run (Device::mirror). Null: the CPU.
  explicit Workspace(Device* device = nullptr) : slabs(device), device_(device) {}

  Graph graph{false};
  Slabs slabs;  // for caches: a decoder's, which clears them when it starts

  Device* device() const { return device_; }
  // The i-th of further workspaces on the same device, which stay with this one: of a decoder that is made of several.
  Workspace& part(std::size_t i) {
    while (parts_.size() <= i) parts_.push_back(std::make_unique<Workspace>(device_));
    return *parts_[i];
  }

  // Plans and runs what was recorded. The arena only ever grows.
  void run() {
    make_plan(graph, plan_);
    if (device_) {
      read_.assign(graph.values().size(), nullptr);
      host_.clear();
      device_->run(graph, plan_, 0, 0);
      return;
    }
    arena_.grow(plan_.bytes);
    Execution(graph, plan_, arena_.data()).forward();
  }
  // A kept value of the last run, in memory of the host, until the next one.
  template <class T = float>
  const T* data(Value v) {
    if (!device_) return Execution(graph, plan_, arena_.data()).data<T>(v);
    std::byte*& at = read_[static_cast<std::size_t>(v.id)];
    if (!at) {
      at = host_.take(static_cast<std::size_t>(graph.shape(v).size()) * byte_size(graph[v].dtype));
      device_->read(graph, plan_, v, at);
    }
    return reinterpret_cast<const T*>(at);
  }

 private:
  Device* device_;
  Plan plan_;
  Buffer arena_;                  // on the CPU
  Slabs host_;                    // what was read off a device
  std::vector<std::byte*> read_;  // of each value: where in it
  std::vector<std::unique_ptr<Workspace>> parts_;
};

}  // namespace storm
