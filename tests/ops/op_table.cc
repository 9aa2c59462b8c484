#include "tests/ops/op_table.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "base/buffer.h"
#include "base/number.h"
#include "tensor/execution.h"
#include "tensor/plan.h"
#include "tests/catch.h"

namespace storm::test {

namespace {

std::vector<OpFamily>& table() {
  static std::vector<OpFamily> families;
  return families;
}

std::string text_of(std::span<const Shape> shapes) {
  std::string text;
  for (const Shape& s : shapes)
    text += (text.empty() ? "" : " ") + std::to_string(s.rows) + "x" + std::to_string(s.cols);
  return text;
}

// The middle of 9 runs of `work`, in seconds; the first, which brings memory in, is not among them.
template <class Work>
double seconds_of(Work&& work) {
  std::vector<double> seconds;
  for (int i = 0; i < 10; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  seconds.erase(seconds.begin());
  std::ranges::nth_element(seconds, seconds.begin() + 4);
  return seconds[4];
}

std::string rates(double seconds, const OpFamily::Work& work) {
  return fixed(seconds * 1e6, 1) + " us, " + fixed(work.flops / seconds / 1e9, 1) + " GFLOP/s, " +
         fixed(work.bytes / seconds / 1e9, 1) + " GB/s";
}

void time(const OpFamily& family, const std::vector<Shape>& shapes) {
  std::vector<std::vector<float>> data, gradients;
  Graph graph(true);
  std::vector<Value> inputs;
  for (const Shape& shape : shapes) {
    data.push_back(random_floats(static_cast<std::size_t>(shape.size()), data.size()));
    gradients.emplace_back(data.back().size());
    inputs.push_back(graph.parameter(shape, data.back().data(), gradients.back().data()));
  }
  const Value y = family.record(graph, inputs);
  const auto weights = random_floats(static_cast<std::size_t>(graph.shape(y).size()), 1);
  weighted_sum(graph, y, weights.data());
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes);
  const Execution run(graph, plan, arena.data(), 0, 0);
  const Node& node = graph.producer(y);
  const double forward = seconds_of([&] { node.op->forward(run, node); });
  const double backward = seconds_of([&] { node.op->backward(run, node); });
  std::cout << family.name << ", " << text_of(shapes) << ": forward " << rates(forward, family.forward(shapes))
            << "; backward " << rates(backward, family.backward(shapes)) << "\n";
}

}  // namespace

InOpTable::InOpTable(OpFamily family) { table().push_back(std::move(family)); }

}  // namespace storm::test

using namespace storm::test;

TEST_CASE("every op of the table equals its reference, forward and gradients") {
  REQUIRE(!table().empty());
  for (const OpFamily& family : table())
    for (const auto& shapes : family.checked) {
      CAPTURE(family.name, text_of(shapes));
      check_op({.inputs = shapes, .record = family.record, .reference = [&](std::span<const Doubles> in) {
                  return family.reference(in, shapes);
                }});
    }
}

// Hidden: it asserts nothing. Figures of a busy machine say little.
TEST_CASE("how fast the ops of the table are", "[.speed]") {
  for (const OpFamily& family : table())
    for (const auto& shapes : family.timed) time(family, shapes);
}
