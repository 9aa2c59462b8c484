#include "pictures/label_places.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <unordered_map>

namespace storm {

namespace {

// What is taken, found by the squares of a grid that it touches.
class Taken {
 public:
  void add(const Box& box) {
    each_square(box, [&](int64_t square) {
      squares_[square].push_back(box);
      return false;
    });
  }

  bool meets(const Box& box) const {
    return each_square(box, [&](int64_t square) {
      const auto found = squares_.find(square);
      return found != squares_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const Box& other) {
               return box.left < other.right && other.left < box.right && box.top < other.bottom &&
                      other.top < box.bottom;
             });
    });
  }

 private:
  template <class Body>
  static bool each_square(const Box& box, Body body) {
    const auto square = [](double v) { return static_cast<int64_t>(std::floor(v / 16)); };
    for (int64_t y = square(box.top); y <= square(box.bottom); ++y)
      for (int64_t x = square(box.left); x <= square(box.right); ++x)
        if (body(y * 100003 + x)) return true;
    return false;
  }

  std::unordered_map<int64_t, std::vector<Box>> squares_;
};

Box around(Spot at, double radius) { return {at.x - radius, at.y - radius, at.x + radius, at.y + radius}; }

// Small boxes along a line, its beginning left out.
std::vector<Box> along(Spot from, Spot to) {
  std::vector<Box> out;
  const int steps = std::max(1, static_cast<int>(std::hypot(to.x - from.x, to.y - from.y) / 2));
  for (int i = 1; i <= steps; ++i)
    out.push_back(around({from.x + (to.x - from.x) * i / steps, from.y + (to.y - from.y) * i / steps}, 0.8));
  return out;
}

constexpr std::array<Spot, 8> kSides{{{1, 0}, {0, -1}, {-1, 0}, {0, 1}, {1, -1}, {-1, -1}, {1, 1}, {-1, 1}}};

// The label on one side of its point, `gap` px away.
LabelPlace beside(Spot point, Spot side, double gap, double width, double height, double radius) {
  const double norm = side.x != 0 && side.y != 0 ? std::sqrt(0.5) : 1;
  const Spot near{point.x + side.x * norm * gap, point.y + side.y * norm * gap};
  const double left = near.x - width * (1 - side.x) / 2, top = near.y - height * (1 - side.y) / 2;
  LabelPlace place{{left, top, left + width, top + height}, static_cast<int>(side.x), gap > radius + 8, {}, near};
  place.from = {point.x + side.x * norm * (radius + 0.5), point.y + side.y * norm * (radius + 0.5)};
  return place;
}

}  // namespace

std::vector<std::optional<LabelPlace>> place_labels(const std::vector<Spot>& points, const std::vector<double>& widths,
                                                    double height, double radius, const Box& area) {
  Taken labels, dots;
  for (const Spot& point : points) dots.add(around(point, radius));
  std::vector<std::optional<LabelPlace>> out(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (widths[i] <= 0) continue;
    for (const double gap : {radius + 2, radius + 6, radius + 14, radius + 24, radius + 36}) {
      for (const Spot& side : kSides) {
        const LabelPlace place = beside(points[i], side, gap, widths[i], height, radius);
        const Box& box = place.box;
        if (box.left < area.left || box.right > area.right || box.top < area.top || box.bottom > area.bottom) continue;
        if (labels.meets(box) || dots.meets(box)) continue;
        const auto line = place.leader ? along(place.from, place.to) : std::vector<Box>{};
        if (std::any_of(line.begin(), line.end(), [&](const Box& b) { return labels.meets(b) || dots.meets(b); }))
          continue;
        labels.add(box);
        for (const Box& b : line) labels.add(b);
        out[i] = place;
        break;
      }
      if (out[i]) break;
    }
  }
  return out;
}

}  // namespace storm
