#include "train/snapshots.h"

#include <algorithm>

#include "base/error.h"
#include "base/output.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "stream/transform.h"

namespace storm {

namespace {

// The one to go first: the worst, and of equally good ones the later, as the earlier was there first; or the oldest.
auto first_to_go(std::vector<Snapshot>& kept, const SnapshotRule& rule) {
  return std::min_element(kept.begin(), kept.end(), [&](const Snapshot& a, const Snapshot& b) {
    if (rule.best && a.score != b.score) return a.score < b.score;
    return rule.best ? a.step > b.step : a.step < b.step;
  });
}

}  // namespace

std::string snapshot_path(const std::string& model_path, int64_t step) { return str(model_path, ".step-", step); }

bool wanted(const std::vector<Snapshot>& kept, const Snapshot& fresh, const SnapshotRule& rule) {
  if (!rule.active() || std::ranges::any_of(kept, [&](const Snapshot& s) { return s.step == fresh.step; }))
    return false;
  auto all = kept;
  all.push_back(fresh);
  return static_cast<int64_t>(all.size()) <= rule.count || first_to_go(all, rule)->step != fresh.step;
}

std::vector<Snapshot> take(std::vector<Snapshot>& kept, const Snapshot& fresh, const SnapshotRule& rule) {
  kept.push_back(fresh);
  std::vector<Snapshot> gone;
  while (static_cast<int64_t>(kept.size()) > rule.count) {
    const auto it = first_to_go(kept, rule);
    gone.push_back(*it);
    kept.erase(it);
  }
  return gone;
}

void write_average_of(const std::vector<Snapshot>& kept, const std::string& model_path, const std::string& command) {
  std::vector<Document> documents;
  for (const auto& s : kept) documents.push_back(read_document(snapshot_path(model_path, s.step), kModelKind));
  Output output(model_path);
  write_average(documents, command, output);
  output.commit();
}

}  // namespace storm
