// One HTML page that stands alone (no network, no framework) and shows every attention map it was given: a sentence, a
// kind, a layer and a head at a time, with all heads beside it; the values to four decimals.
#pragma once

#include <string>

#include "base/output.h"
#include "pictures/attention_labels.h"

namespace storm {

class AttentionPage {
 public:
  // title: the page's; path as Output's, so nothing is there before commit().
  AttentionPage(const std::string& path, const std::string& title, AttentionScores scores);

  // Holds nothing of the sentence afterwards. Throws as check_drawable does. About 2.7 bytes a weight.
  void add(const AttentionMaps& maps);
  void commit();

 private:
  Output output_;
  std::string tail_;
};

}  // namespace storm
