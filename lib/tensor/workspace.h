// A graph without gradients, its plan and its arena, used again and again: record, run, read the results.
#pragma once

#include "tensor/buffer.h"
#include "tensor/execution.h"
#include "tensor/graph.h"
#include "tensor/plan.h"
#include "tensor/slabs.h"

namespace storm {

class Workspace {
 public:
  Graph graph{false};
  Slabs slabs;  // for caches: a decoder's, which clears them when it starts

  // Plans and runs what was recorded. The arena only ever grows.
  void run() {
    make_plan(graph, plan_);
    arena_.grow(plan_.bytes);
    Execution(graph, plan_, arena_.data()).forward();
  }
  // A kept value of the last run, until graph.clear().
  template <class T = float>
  const T* data(Value v) {
    return Execution(graph, plan_, arena_.data()).data<T>(v);
  }

 private:
  Plan plan_;
  Buffer arena_;
};

}  // namespace storm
