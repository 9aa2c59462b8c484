#include "train/snapshots.h"

#include <algorithm>
#include <filesystem>
#include <regex>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"
#include "models/adapted_model.h"
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

void take(std::vector<Snapshot>& kept, const Snapshot& fresh, const SnapshotRule& rule) {
  kept.push_back(fresh);
  while (static_cast<int64_t>(kept.size()) > rule.count) kept.erase(first_to_go(kept, rule));
}

void drop_missing(std::vector<Snapshot>& kept, const std::string& model_path, std::string_view kind) {
  std::erase_if(kept, [&](const Snapshot& s) {
    const auto path = snapshot_path(model_path, s.step);
    std::error_code failure;
    if (!std::filesystem::exists(path, failure) && !failure) {
      warn(path, ": is gone; the mean of the weights will be without those of step ", s.step);
      return true;
    }
    try {
      read_document(path, kind);
    } catch (const Error& e) {
      fail(e.what(), "; remove it to have the mean without it");
    }
    return false;
  });
}

void remove_others(const std::vector<Snapshot>& kept, const std::string& model_path) {
  namespace fs = std::filesystem;
  const fs::path model(model_path), folder = model.has_parent_path() ? model.parent_path() : ".";
  const auto start = model.filename().string() + ".step-";
  const std::regex numbered("([0-9]{1,18})(\\.[0-9]+\\.tmp)?");  // STEP, or STEP.PID.tmp that was never finished
  std::vector<fs::path> others;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(start)) continue;
    const auto rest = name.substr(start.size());
    std::smatch parts;
    if (!std::regex_match(rest, parts, numbered)) continue;
    const auto step = parse_number<int64_t>(parts[1].str());
    if (parts[2].matched || std::ranges::none_of(kept, [&](const Snapshot& s) { return s.step == step; }))
      others.push_back(entry.path());
  }
  for (const auto& path : others) fs::remove(path, failure);
}

void write_average_of(const std::vector<Snapshot>& kept, const std::string& model_path, const std::string& command) {
  std::vector<Document> documents;
  for (const auto& s : kept) documents.push_back(read_document(snapshot_path(model_path, s.step), kModelKind));
  Output output(model_path);
  write_average(documents, command, output);
  output.commit();
}

void read_average_of(const std::vector<Snapshot>& kept, const std::string& model_path, Model& model) {
  const auto values = model.parameters().values();
  std::vector<double> sums(values.size());
  for (const auto& s : kept) {
    read_trained(read_document(snapshot_path(model_path, s.step), kAdapterKind), model);
    std::ranges::transform(sums, values, sums.begin(),
                           [](double sum, float x) { return sum + static_cast<double>(x); });
  }
  if (kept.size() > 1)
    std::ranges::transform(sums, values.begin(),
                           [&](double sum) { return static_cast<float>(sum / static_cast<double>(kept.size())); });
}

}  // namespace storm
