// The segments that a metric likes least, with their texts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace storm {

struct Segment {
  int64_t line;  // from 1
  double score;
  std::string source;  // empty if none was given
  std::vector<std::string> references;
  std::string hypothesis;
};

class Worst {
 public:
  // Keeps `most` segments; high_is_bad for error rates.
  Worst(std::size_t most, bool high_is_bad) : most_(most), high_is_bad_(high_is_bad) {}
  bool wants(double score) const;                                     // so that texts need not be copied for others
  void add(Segment segment);                                          // segments come in the order of their lines
  const std::vector<Segment>& segments() const { return segments_; }  // the worst first, earlier lines before equals

 private:
  bool worse(double a, double b) const { return high_is_bad_ ? a > b : a < b; }
  std::size_t most_;
  bool high_is_bad_;
  std::vector<Segment> segments_;
};

}  // namespace storm
