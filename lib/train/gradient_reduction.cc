#include "train/gradient_reduction.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "train/gradient_norm.h"

namespace storm {

namespace {

constexpr std::size_t kWindow = 4;  // buckets that are on their way to a process at a time
constexpr int kTag = 16, kTags = 1 << 14;
constexpr int64_t kGrain = 1 << 14;  // numbers that a thread takes at least

// From the next rank round to the one before, so that not all send to the same one at the same time.
std::vector<int> others(const Replicas& replicas) {
  std::vector<int> ranks;
  for (int i = 1; i < replicas.size(); ++i) ranks.push_back((replicas.rank() + i) % replicas.size());
  return ranks;
}

int tag_of(std::size_t bucket) { return kTag + static_cast<int>(bucket % kTags); }

}  // namespace

std::size_t GradientReduction::memory(const Shards& shards) {
  std::size_t most = 1;
  for (int r = 0; r < shards.processes() && shards.count() > 0; ++r) most = std::max(most, shards.piece(0, r).size());
  return kWindow * most * static_cast<std::size_t>(shards.processes()) * sizeof(float);
}

GradientReduction::GradientReduction(Replicas& replicas, const Shards& shards, std::span<float> gradients)
    : replicas_(replicas), shards_(shards), gradients_(gradients), memory_(memory(shards)) {}

std::span<float> GradientReduction::room(std::size_t bucket, int from) const {
  const auto processes = static_cast<std::size_t>(replicas_.size());
  const std::size_t most = memory_.size() / sizeof(float) / kWindow / processes;
  return memory_.as<float>().subspan((bucket % kWindow * processes + static_cast<std::size_t>(from)) * most,
                                     shards_.piece(bucket, replicas_.rank()).size());
}

void GradientReduction::begin() {
  sent_ = expected_ = shards_.buckets();
  receive_more();
}

void GradientReduction::receive_more() {
  while (expected_ > 0 && arriving_.size() < kWindow) {
    Arriving& a = arriving_.emplace_back(Arriving{--expected_, {}});
    for (int r = 0; r < replicas_.size(); ++r)
      if (r != replicas_.rank())
        a.messages.push_back(replicas_.receive(r, tag_of(a.bucket), std::as_writable_bytes(room(a.bucket, r))));
  }
}

void GradientReduction::complete_from(std::size_t first) {
  while (sent_ > 0 && shards_.bucket(sent_ - 1).begin >= first) {
    --sent_;
    for (const int r : others(replicas_)) {
      const Range piece = shards_.piece(sent_, r);
      const std::span<const float> numbers = gradients_.subspan(piece.begin, piece.size());
      sending_.push_back(replicas_.send(r, tag_of(sent_), std::as_bytes(numbers)));
    }
  }
}

bool GradientReduction::take_arrived() {
  // A piece is added to what this process has found itself, which must be complete.
  if (arriving_.empty() || arriving_.front().bucket < sent_) return false;
  auto& messages = arriving_.front().messages;
  while (!messages.empty() && replicas_.is_through(messages.back())) messages.pop_back();
  if (!messages.empty()) return false;
  add(arriving_.front().bucket);
  arriving_.erase(arriving_.begin());
  receive_more();
  return true;
}

void GradientReduction::progress() {
  while (take_arrived()) {
  }
  if (!sending_.empty() && replicas_.is_through(sending_.back())) sending_.pop_back();
}

void GradientReduction::add(std::size_t bucket) {
  const Range piece = shards_.piece(bucket, replicas_.rank());
  float* const own = gradients_.data() + piece.begin;
  std::vector<const float*> theirs;
  for (int r = 0; r < replicas_.size(); ++r) theirs.push_back(r == replicas_.rank() ? own : room(bucket, r).data());
  parallel_ranges(static_cast<int64_t>(piece.size()), kGrain, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 1024;  // numbers that stay in the nearest cache
    float sums[kBlock];
    for (int64_t from = begin; from < end; from += kBlock) {
      const int64_t n = std::min(kBlock, end - from);
      std::copy_n(theirs[0] + from, n, sums);
      for (std::size_t r = 1; r < theirs.size(); ++r) {
        const float* x = theirs[r] + from;
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) sums[i] += x[i];
      }
      std::copy_n(sums, n, own + from);
    }
  });
}

double GradientReduction::finish() {
  complete_from(0);
  const double begin = monotonic_seconds();
  while (!arriving_.empty()) {
    replicas_.wait_all(arriving_.front().messages);
    arriving_.front().messages.clear();
    take_arrived();
  }
  replicas_.wait_all(sending_);
  sending_.clear();
  finish_seconds_ += monotonic_seconds() - begin;
  double squares = 0;
  parallel_ranges(static_cast<int64_t>(shards_.buckets()), 1, [&](int64_t first, int64_t last) {
    for (auto b = static_cast<std::size_t>(first); b < static_cast<std::size_t>(last); ++b) {
      const Range all = shards_.bucket(b), own = shards_.piece(b, replicas_.rank());
      std::fill(gradients_.begin() + static_cast<std::ptrdiff_t>(all.begin),
                gradients_.begin() + static_cast<std::ptrdiff_t>(own.begin), 0.0f);
      std::fill(gradients_.begin() + static_cast<std::ptrdiff_t>(own.end),
                gradients_.begin() + static_cast<std::ptrdiff_t>(all.end), 0.0f);
    }
  });
  for (const Range& r : shards_.of(replicas_.rank())) {
    const double norm = gradient_norm(gradients_.subspan(r.begin, r.size()));
    squares += norm * norm;
  }
  replicas_.sum({&squares, 1});
  return std::sqrt(squares);
}

void GradientReduction::share(const Parameters& parameters) {
  if (parameters.trained_stretches().size() == 1) return share(parameters.values().first(shards_.count()));
  // Where some rows of a table are frozen, values and gradients lie differently: the memory of the gradients is used.
  const auto names = [&](auto&& copy) {
    for (const auto& spec : parameters.specs())
      if (spec.trained) copy(parameters.trained_view(spec.name), parameters.gradient_view(spec.name));
  };
  names([](auto value, auto gradient) { std::ranges::copy(value, gradient.begin()); });
  share(gradients_);
  names([](auto value, auto gradient) { std::ranges::copy(gradient, value.begin()); });
  std::ranges::fill(gradients_, 0.0f);
}

void GradientReduction::share(std::span<float> values) {
  const double begin = monotonic_seconds();
  std::vector<Replicas::Message> messages;
  const auto numbers = [&](std::size_t b, int r) {
    const Range piece = shards_.piece(b, r);
    return values.subspan(piece.begin, piece.size());
  };
  for (std::size_t b = 0; b < shards_.buckets(); ++b)
    for (const int r : others(replicas_))
      messages.push_back(replicas_.receive(r, tag_of(b), std::as_writable_bytes(numbers(b, r))));
  for (std::size_t b = 0; b < shards_.buckets(); ++b)
    for (const int r : others(replicas_))
      messages.push_back(replicas_.send(r, tag_of(b), std::as_bytes(numbers(b, replicas_.rank()))));
  replicas_.wait_all(messages);
  share_seconds_ += monotonic_seconds() - begin;
}

void gather_pieces(Replicas& replicas, const Shards& shards, std::span<const float> own, std::span<float> all) {
  std::vector<Replicas::Message> messages;
  for (int r = 0; r < replicas.size(); ++r)
    for (const Range& range : shards.of(r)) {
      const auto take = [&](std::span<float> to) {
        std::ranges::copy(own.first(to.size()), to.begin());
        own = own.subspan(to.size());
      };
      if (r == 0 && replicas.is_first()) {
        take(all.subspan(range.begin, range.size()));
      } else if (replicas.is_first()) {
        messages.push_back(replicas.receive(r, kTag, std::as_writable_bytes(all.subspan(range.begin, range.size()))));
      } else if (r == replicas.rank()) {
        messages.push_back(replicas.send(0, kTag, std::as_bytes(own.first(range.size()))));
        own = own.subspan(range.size());
      }
    }
  replicas.wait_all(messages);
}

GradientOrder::GradientOrder(const Graph& graph, std::span<const float> gradients) : first_(gradients.size()) {
  std::map<std::size_t, Use> uses;  // by where they begin
  for (const Node& node : graph.nodes())
    for (const Value v : node.inputs) {
      if (!v) continue;
      const ValueInfo& info = graph[v];
      if (info.origin != Origin::parameter || !info.gradient) continue;
      const auto begin = static_cast<std::size_t>(info.gradient - gradients.data());
      Use& use = uses.try_emplace(begin, Use{node.number, begin}).first->second;
      use.node = std::min(use.node, node.number);
    }
  for (auto use = uses.rbegin(); use != uses.rend(); ++use) uses_.push_back(use->second);
  if (uses_.empty()) first_ = 0;
}

std::size_t GradientOrder::complete_from(int32_t node) {
  for (; done_ < uses_.size() && uses_[done_].node >= node; ++done_) first_ = uses_[done_].begin;
  return done_ == uses_.size() ? 0 : first_;  // what nobody uses stays as it is
}

}  // namespace storm
