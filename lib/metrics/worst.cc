#include "metrics/worst.h"

#include <algorithm>

namespace storm {

bool Worst::wants(double score) const {
  return most_ > 0 && (segments_.size() < most_ || worse(score, segments_.back().score));
}

void Worst::add(Segment segment) {
  if (!wants(segment.score)) return;
  const auto place = std::ranges::find_if(segments_, [&](const Segment& s) { return worse(segment.score, s.score); });
  segments_.insert(place, std::move(segment));
  if (segments_.size() > most_) segments_.pop_back();
}

}  // namespace storm
