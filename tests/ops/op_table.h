// One table of ops for correctness, gradients and speed. An op's test file puts its families of cases in;
// tests/ops/op_table.cc checks each small shape against the reference (check.h), and measures each large one when it is
// asked to:
//   build/tests/ops "[speed]"
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/ops/check.h"

namespace storm::test {

// One op, the same for all shapes.
struct OpFamily {
  struct Work {
    double flops = 0, bytes = 0;  // of forward, and of backward
  };
  std::string name;                         // "columns, 3 of 9"
  std::vector<std::vector<Shape>> checked;  // shapes of the inputs: small, as differences take a pass a number
  std::vector<std::vector<Shape>> timed;    // shapes that models have
  std::function<Value(Graph&, std::span<const Value>)> record;
  // The output's elements from the inputs' elements and shapes.
  std::function<Doubles(std::span<const Doubles>, std::span<const Shape>)> reference;
  std::function<Work(std::span<const Shape>)> forward, backward;  // what timed shapes need at least
};

// Puts a family into the table before main.
struct InOpTable {
  explicit InOpTable(OpFamily family);
};

}  // namespace storm::test
