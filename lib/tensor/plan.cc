#include "tensor/plan.h"

#include <algorithm>
#include <iterator>

namespace storm {

namespace {

constexpr std::size_t kAlign = 64;

// Free memory as blocks sorted by offset; best fit, neighbours joined when freed.
class FreeList {
 public:
  std::size_t take(std::size_t bytes) {
    auto best = blocks_.end();
    for (auto it = blocks_.begin(); it != blocks_.end(); ++it)
      if (it->bytes >= bytes && (best == blocks_.end() || it->bytes < best->bytes)) best = it;
    if (best != blocks_.end()) {
      const auto at = best->offset;
      best->offset += bytes;
      best->bytes -= bytes;
      if (best->bytes == 0) blocks_.erase(best);
      return at;
    }
    auto at = top_;
    if (!blocks_.empty() && blocks_.back().offset + blocks_.back().bytes == top_) {  // the last block grows
      at = blocks_.back().offset;
      blocks_.pop_back();
    }
    top_ = at + bytes;
    return at;
  }

  void give(std::size_t offset, std::size_t bytes) {
    if (bytes == 0) return;
    const auto next = std::lower_bound(blocks_.begin(), blocks_.end(), offset,
                                       [](const Block& b, std::size_t at) { return b.offset < at; });
    const bool joins_next = next != blocks_.end() && offset + bytes == next->offset;
    const bool joins_last = next != blocks_.begin() && std::prev(next)->offset + std::prev(next)->bytes == offset;
    if (joins_last && joins_next) {
      std::prev(next)->bytes += bytes + next->bytes;
      blocks_.erase(next);
    } else if (joins_last) {
      std::prev(next)->bytes += bytes;
    } else if (joins_next) {
      next->offset = offset;
      next->bytes += bytes;
    } else {
      blocks_.insert(next, {offset, bytes});
    }
  }

  std::size_t top() const { return top_; }

 private:
  struct Block {
    std::size_t offset, bytes;
  };
  std::vector<Block> blocks_;
  std::size_t top_ = 0;
};

// Something that needs arena memory from time `born` to time `dies`, both inclusive. Node i runs forward at time i and
// backward at time 2n-1-i.
struct Need {
  int32_t born, dies;
  std::size_t bytes;
  std::size_t* place;  // where its offset is written
  int32_t takes = -1;  // the value whose memory it may take over, if that one dies now
};

std::size_t bytes_of(const ValueInfo& v) { return static_cast<std::size_t>(v.shape.size()) * byte_size(v.dtype); }

}  // namespace

void make_plan(const Graph& graph, Plan& plan, std::size_t zone) {
  const auto room = [zone](std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign + zone; };
  const auto nodes = graph.nodes();
  const auto values = graph.values();
  const auto n = static_cast<int32_t>(nodes.size());
  const auto at = [](Value v) { return static_cast<std::size_t>(v.id); };
  const auto at_node = [](const Node& node) { return static_cast<std::size_t>(node.number); };
  plan.data.assign(values.size(), Plan::kNone);
  plan.gradient.assign(values.size(), Plan::kNone);
  plan.scratch.assign(nodes.size() * 2, Plan::kNone);
  plan.accumulate.assign(nodes.size(), 0);

  // Lifetimes. A value's gradient is first written by the first node to take it, in the order in which they run: losses
  // in forward, then the others from the last to the first. The node that made the value reads it.
  std::vector<int32_t> data_dies(values.size(), -1), gradient_born(values.size(), -1);
  const auto gives_gradients = [&](const Node& node, int32_t time) {
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const Value v = node.inputs[k];
      if (!v || !values[at(v)].needs_gradient) continue;
      if (values[at(v)].origin == Origin::parameter || gradient_born[at(v)] >= 0)
        plan.accumulate[at_node(node)] |= static_cast<uint16_t>(1u << k);
      if (gradient_born[at(v)] < 0) gradient_born[at(v)] = time;
    }
  };
  for (const Node& node : nodes)
    if (node.op->gradient_in_forward) gives_gradients(node, node.number);
  for (int32_t i = n - 1; i >= 0; --i) {
    const Node& node = nodes[static_cast<std::size_t>(i)];
    // A node none of whose outputs led to the loss has nothing to pass on.
    const bool backward =
        graph.backpropagates(node) &&
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](Value v) { return v && gradient_born[at(v)] >= 0; });
    const int32_t back = 2 * n - 1 - i;
    for (std::size_t k = 0; k < node.outputs.size(); ++k)
      if (const Value v = node.outputs[k])
        data_dies[at(v)] = std::max({data_dies[at(v)], i, backward && (node.keep_outputs >> k & 1) ? back : i});
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      if (const Value v = node.inputs[k])
        data_dies[at(v)] = std::max({data_dies[at(v)], i, backward && (node.keep_inputs >> k & 1) ? back : i});
    if (backward) gives_gradients(node, back);
  }

  std::vector<Need> needs;
  needs.reserve(values.size() * 2 + nodes.size());
  for (std::size_t v = 0; v < values.size(); ++v) {
    const ValueInfo& info = values[v];
    if (info.origin != Origin::computed) continue;
    const auto bytes = room(bytes_of(info));
    const Node& producer = nodes[static_cast<std::size_t>(info.producer)];
    const bool takes = producer.in_place >= 0 && producer.outputs[0] == Value{static_cast<int32_t>(v)};
    needs.push_back({info.producer, info.result ? 2 * n : data_dies[v], bytes, &plan.data[v],
                     takes ? producer.inputs[static_cast<std::size_t>(producer.in_place)].id : -1});
    if (gradient_born[v] >= 0) needs.push_back({gradient_born[v], 2 * n - 1 - info.producer, bytes, &plan.gradient[v]});
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto number = nodes[i].number;
    if (nodes[i].scratch_forward) needs.push_back({number, number, room(nodes[i].scratch_forward), &plan.scratch[i]});
    if (nodes[i].scratch_backward && graph.backpropagates(nodes[i]))
      needs.push_back(
          {2 * n - 1 - number, 2 * n - 1 - number, room(nodes[i].scratch_backward), &plan.scratch[nodes.size() + i]});
  }

  // Walk the time: give each need its place when it is born, take the memory back when it has died.
  std::vector<uint32_t> by_death(needs.size());
  for (uint32_t i = 0; i < by_death.size(); ++i) by_death[i] = i;
  std::stable_sort(needs.begin(), needs.end(), [](const Need& a, const Need& b) { return a.born < b.born; });
  std::stable_sort(by_death.begin(), by_death.end(),
                   [&](uint32_t a, uint32_t b) { return needs[a].dies < needs[b].dies; });
  FreeList memory;
  std::vector<bool> taken(values.size(), false);
  std::size_t dead = 0;
  for (Need& need : needs) {
    for (; dead < by_death.size() && needs[by_death[dead]].dies < need.born; ++dead) {
      const Need& gone = needs[by_death[dead]];
      const bool is_data = gone.place >= plan.data.data() && gone.place < plan.data.data() + plan.data.size();
      if (is_data && taken[static_cast<std::size_t>(gone.place - plan.data.data())]) continue;
      memory.give(*gone.place, gone.bytes);
    }
    if (need.takes >= 0) {
      const auto from = static_cast<std::size_t>(need.takes);
      const bool free_now =
          values[from].origin == Origin::computed && !values[from].result && data_dies[from] == need.born;
      if (free_now && room(bytes_of(values[from])) == need.bytes) {
        *need.place = plan.data[from];
        taken[from] = true;
        continue;
      }
    }
    *need.place = memory.take(need.bytes);
  }
  plan.bytes = memory.top();
}

Plan make_plan(const Graph& graph, std::size_t zone) {
  Plan plan;
  make_plan(graph, plan, zone);
  return plan;
}

}  // namespace storm
