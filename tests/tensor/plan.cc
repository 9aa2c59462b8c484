#include "tensor/plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/buffer.h"
#include "base/error.h"
#include "base/random.h"
#include "tensor/execution.h"
#include "tests/catch.h"

using namespace storm;

namespace {

// Random graphs are run with ops that know nothing of lifetimes: each fills what it may write with its own mark and
// looks for the marks of others where it may read. Two things in one place at one time overwrite a mark.
int mismatches = 0;

void expect(const float* at, int64_t count, float mark) {
  for (int64_t i = 0; i < count; ++i) mismatches += !(at[i] == mark);
}

float mark_of(Value v) { return static_cast<float>(v.id + 1); }
// What node `node` adds to the gradient of its input i: small and whole, so that sums are exact in f32.
float share_of(const Node& node, std::size_t i) {
  return static_cast<float>(1 + (static_cast<std::size_t>(node.number) * 3 + i) % 5);
}

std::map<int32_t, float> expected_gradient;  // by value, worked out without the planner

void give_gradients(const Execution& run, const Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (float* g = run.gradient(node.inputs[i])) {
      const float beta = run.beta(node, i);
      for (int64_t j = 0; j < run.shape(node.inputs[i]).size(); ++j)
        g[j] = (beta == 0 ? 0 : g[j]) + share_of(node, i);  // what is there when beta is 0 may be NaN
    }
}

void forward(const Execution& run, const Node& node) {
  for (const Value v : node.inputs)
    if (v) expect(run.data(v), run.shape(v).size(), mark_of(v));
  for (const Value v : node.outputs)
    if (v) std::fill_n(run.data(v), run.shape(v).size(), mark_of(v));
  if (node.scratch_forward) std::fill_n(run.scratch_forward(node), node.scratch_forward / sizeof(float), NAN);
  for (const Value v : node.outputs)
    if (v) expect(run.data(v), run.shape(v).size(), mark_of(v));
  if (node.op->gradient_in_forward) give_gradients(run, node);
}

void backward(const Execution& run, const Node& node) {
  if (node.scratch_backward) std::fill_n(run.scratch_backward(node), node.scratch_backward / sizeof(float), NAN);
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] && (node.keep_inputs >> i & 1))
      expect(run.data(node.inputs[i]), run.shape(node.inputs[i]).size(), mark_of(node.inputs[i]));
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const Value v = node.outputs[i];
    if (!v) continue;
    if (node.keep_outputs >> i & 1) expect(run.data(v), run.shape(v).size(), mark_of(v));
    const auto wanted = expected_gradient.find(v.id);
    float* g = run.gradient(v);
    mismatches += (g != nullptr) != (wanted != expected_gradient.end());
    if (!g || wanted == expected_gradient.end()) continue;
    expect(g, run.shape(v).size(), wanted->second);
  }
  give_gradients(run, node);
  for (const Value v : node.outputs)  // nobody may read them any more
    if (float* g = run.gradient(v)) std::fill_n(g, run.shape(v).size(), NAN);
}

constexpr Op kPlain{"plain", forward, backward};
constexpr Op kClosed{"closed", forward};
constexpr Op kLoss{"loss", forward, nullptr, true};

// Which values get a gradient, and which: by the definition, over the uses of each.
void work_out_gradients(const Graph& graph) {
  expected_gradient.clear();
  if (!graph.gradients()) return;
  const auto nodes = graph.nodes();
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    const bool reached = std::any_of(node->outputs.begin(), node->outputs.end(),
                                     [](Value v) { return expected_gradient.contains(v.id); });
    if (!node->op->gradient_in_forward && !(node->op->backward && reached)) continue;
    for (std::size_t i = 0; i < node->inputs.size(); ++i)
      if (node->inputs[i] && graph[node->inputs[i]].needs_gradient)
        expected_gradient[node->inputs[i].id] += share_of(*node, i);
  }
}

struct External {
  std::vector<float> data, gradient;
};

void run_random_graph(uint64_t seed, bool gradients, std::size_t count) {
  RandomStream random(seed, RandomUse::corpus);
  const auto below = [&](uint64_t n) { return random.below(n); };
  Graph graph(gradients);
  std::vector<Value> values;
  std::vector<Shape> shapes{{0, 3}, {1, 1}, {5, 7}, {16, 16}, {16, 16}, {33, 9}};
  std::vector<External> external(4);
  for (std::size_t i = 0; i < external.size(); ++i) {
    const Shape shape = shapes[2 + below(4)];
    const auto n = static_cast<std::size_t>(shape.size());
    external[i] = {std::vector<float>(n, static_cast<float>(i + 1)), std::vector<float>(n, 0)};
    values.push_back(i < 3 ? graph.parameter(shape, external[i].data.data(), external[i].gradient.data())
                           : graph.constant(shape, external[i].data.data()));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const bool loss = below(8) == 0 || i + 1 == count;
    Node node{.op = loss ? &kLoss : below(10) == 0 ? &kClosed : &kPlain};
    const auto inputs = 1 + below(4);
    for (std::size_t k = 0; k < inputs; ++k)
      if (below(6)) node.inputs[k] = values[values.size() - 1 - below(std::min<std::size_t>(values.size(), 9))];
    node.keep_inputs = static_cast<uint8_t>(loss ? 0 : below(256));
    node.keep_outputs = static_cast<uint8_t>(loss ? 0 : below(8));
    if (below(3) == 0) node.scratch_forward = 4 * below(300);
    if (below(3) == 0) node.scratch_backward = 4 * below(300);
    if (node.inputs[0] && below(2)) node.in_place = 0;
    const Shape shape = node.in_place == 0 ? graph.shape(node.inputs[0]) : shapes[below(shapes.size())];
    const auto another = [&] { return shapes[below(shapes.size())]; };
    const auto outputs = loss ? 1 : 1 + below(3);
    const Value first = outputs == 1   ? graph.record(node, {{shape}}, 0)
                        : outputs == 2 ? graph.record(node, {{shape}, {another()}}, 0)
                                       : graph.record(node, {{shape}, {another()}, {another()}}, 0);
    for (const Value v : graph.producer(first).outputs)
      if (v) values.push_back(v);
    if (below(10) == 0) graph.keep(first);
  }
  work_out_gradients(graph);
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes + 64);
  std::ranges::fill(arena.as<float>(), NAN);
  const Execution run(graph, plan, arena.data());
  mismatches = 0;
  run.forward();
  if (gradients) run.backward();
  for (const Value v : values) {
    if (graph[v].result) expect(run.data(v), graph.shape(v).size(), mark_of(v));
    if (graph[v].origin != Origin::parameter) continue;
    const auto wanted = expected_gradient.find(v.id);
    expect(external[static_cast<std::size_t>(v.id)].gradient.data(), graph.shape(v).size(),
           wanted == expected_gradient.end() ? 0 : wanted->second);
  }
  INFO("graph " << seed << (gradients ? " with" : " without") << " gradients, " << count << " nodes");
  CHECK(mismatches == 0);
}

// A chain of `count` ops over [64, 1], 256 bytes each, then a loss that needs no memory of its own.
std::size_t chain_bytes(bool gradients, int count, Node node, float* weight, std::size_t zone = 0) {
  Graph graph(gradients);
  Value v = graph.parameter({64, 1}, weight, weight);
  for (int i = 0; i < count; ++i) {
    node.inputs[0] = v;
    v = graph.record(node, {{{64, 1}}}, 0);
  }
  graph.record(Node{.op = &kLoss, .inputs = {v}}, {}, 0);
  return make_plan(graph, zone).bytes;
}

}  // namespace

TEST_CASE("random graphs: no two things alive at once share memory, and gradients of several uses add up") {
  for (uint64_t seed = 1; seed <= 400; ++seed)
    for (const bool gradients : {true, false}) run_random_graph(seed, gradients, 2 + seed % 40);
}

TEST_CASE("a plan is exactly as large as what lives at once") {
  std::vector<float> weight(64);
  const Node plain{.op = &kPlain};
  CHECK(chain_bytes(false, 1, plain, weight.data()) == 256);
  CHECK(chain_bytes(false, 10, plain, weight.data()) == 512);  // the one that is read and the one that is written
  Node in_place = plain;
  in_place.in_place = 0;
  CHECK(chain_bytes(false, 10, in_place, weight.data()) == 256);
  CHECK(chain_bytes(true, 10, in_place, weight.data()) == 512);  // and the two gradients, when the values are gone
  Node scratch = plain;
  scratch.scratch_forward = 1000;  // 1024 in whole cache lines
  CHECK(chain_bytes(false, 10, scratch, weight.data()) == 512 + 1024);
  Node keep = plain;
  keep.keep_inputs = 1;
  CHECK(chain_bytes(false, 10, keep, weight.data()) == 512);  // no backward, nothing to keep it for
  // At the loss: ten values and one gradient. Later gradients take the place of values that have been used.
  CHECK(chain_bytes(true, 10, keep, weight.data()) == 11 * 256);
  CHECK(chain_bytes(true, 0, keep, weight.data()) == 0);
  // With a zone behind each place.
  CHECK(chain_bytes(false, 10, plain, weight.data(), 128) == 2 * (256 + 128));
  CHECK(chain_bytes(true, 10, in_place, weight.data(), 128) == 2 * (256 + 128));
  CHECK(chain_bytes(false, 10, scratch, weight.data(), 64) == 2 * (256 + 64) + 1024 + 64);
}

TEST_CASE("an op takes over the memory of an input only when nobody needs it later") {
  std::vector<float> weight(64);
  const auto takes_over = [&](auto&& change) {
    Graph graph(true);
    const Value w = graph.parameter({64, 1}, weight.data(), weight.data());
    const Value a = graph.record(Node{.op = &kPlain, .inputs = {w}}, {{{64, 1}}}, 0);
    Node node{.op = &kPlain, .inputs = {a}, .in_place = 0};
    Shape out{64, 1};
    Value late;
    change(graph, a, node, out, late);
    const Value b = graph.record(node, {{out}}, 0);
    graph.record(Node{.op = &kLoss, .inputs = {b, late}}, {}, 0);
    const Plan plan = make_plan(graph);
    return plan.data[static_cast<std::size_t>(a.id)] == plan.data[static_cast<std::size_t>(b.id)];
  };
  CHECK(takes_over([](Graph&, Value, Node&, Shape&, Value&) {}));
  CHECK_FALSE(takes_over([](Graph&, Value, Node& node, Shape&, Value&) { node.keep_inputs = 1; }));
  CHECK_FALSE(takes_over([](Graph&, Value a, Node&, Shape&, Value& late) { late = a; }));
  CHECK_FALSE(takes_over([](Graph& graph, Value a, Node&, Shape&, Value&) { graph.keep(a); }));
  CHECK_FALSE(takes_over([](Graph&, Value, Node&, Shape& out, Value&) { out = {65, 1}; }));
}

TEST_CASE("a value is placed in the caller's memory, but never under gradients") {
  std::vector<float> weight(64, 1.0f), cache(64);
  for (const bool gradients : {false, true}) {
    Graph graph(gradients);
    const Value w = graph.constant({64, 1}, weight.data());
    const Value a = graph.record(Node{.op = &kPlain, .inputs = {w}}, {{{64, 1}}}, 0);
    if (gradients) {
      CHECK_THROWS_AS(graph.place(a, cache.data()), Error);
      continue;
    }
    graph.place(a, cache.data());
    const Plan plan = make_plan(graph);
    CHECK(plan.bytes == 0);
    Execution(graph, plan, nullptr).forward();
    CHECK(cache == std::vector<float>(64, mark_of(a)));
  }
}
