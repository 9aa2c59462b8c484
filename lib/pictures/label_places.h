// Where the labels of points may stand so that none covers another or a point.
#pragma once

#include <optional>
#include <vector>

namespace storm {

struct Spot {
  double x = 0, y = 0;
};

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
};

struct LabelPlace {
  Box box;
  int side = 0;         // where the label is seen from its point: -1 left, 1 right, 0 above or below
  bool leader = false;  // too far from its point to stand without a line to it
  Spot from, to;        // the leader's ends: at the point, at the box
};

// Greedy, in the order of the points: next to the point on eight sides, then farther away with a leader line; nothing
// where there is no room inside `area`. sizes: each label's width (0: has no label); all are `height` high. radius: the
// points'.
std::vector<std::optional<LabelPlace>> place_labels(const std::vector<Spot>& points, const std::vector<double>& widths,
                                                    double height, double radius, const Box& area);

}  // namespace storm
