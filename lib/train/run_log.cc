#include "train/run_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/input.h"
#include "base/log.h"
#include "base/number.h"
#include "base/output.h"

namespace storm {

namespace {

std::string header(const std::vector<std::string>& measures, const std::vector<std::string>& losses) {
  std::string columns = "step\tepoch\tseconds\tlr\tloss\tppl\tgrad_norm\ttarget_tokens/s\tvalid_loss\tvalid_ppl";
  for (const auto& measure : measures) columns += "\tvalid_" + measure;
  if (losses.size() > 1)
    for (const auto& loss : losses) columns += "\tloss_" + loss + "\tvalid_loss_" + loss;
  return columns + "\n";
}

bool is_file(const std::string& path) {
  std::error_code failure;  // what cannot be looked at cannot be written, which says why
  return std::filesystem::is_regular_file(path, failure);
}

// What of an earlier run's log stands.
std::string kept_lines(const std::string& path, int64_t logged, const std::string& header) {
  std::string kept = header, line;
  if (logged == 0 || !is_file(path)) return kept;
  Input input(path);
  if (!input.read_line(line)) return kept;
  require(line + "\n" == header, path,
          ": line 1: is not the log of a training run with these measures and losses; give --log another file");
  while (input.read_line(line)) {
    const auto step = parse_number<int64_t>(std::string_view(line).substr(0, line.find('\t')));
    const bool whole = std::ranges::count(line, '\t') == std::ranges::count(header, '\t');
    if (!step || *step > logged || !whole) break;  // a line that was cut off has been written again, or will be
    kept += line + "\n";
  }
  return kept;
}

// Held by the run that writes it. Opens the file for appending; throws Error when another run has it.
int locked(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  require(fd >= 0, path, ": cannot write: ", std::strerror(errno));
  if (try_lock(fd)) return fd;
  ::close(fd);
  fail(path, ": another training writes it; give --log another file");
}

}  // namespace

RunLog::RunLog(std::string path, int64_t logged, const std::vector<std::string>& measures,
               const std::vector<std::string>& losses)
    : path_(std::move(path)), measures_(measures), losses_(losses.size() > 1 ? losses.size() : 0) {
  if (path_.empty()) return;
  if (is_file(path_)) ::close(locked(path_));
  Output output(path_);
  output.write(kept_lines(path_, logged, header(measures, losses)));
  output.commit();
  fd_ = locked(path_);
}

RunLog::~RunLog() {
  if (fd_ >= 0) ::close(fd_);
}

void RunLog::add(const TrainState& s, double rate) {
  if (fd_ < 0) return;
  const auto& i = s.interval;
  std::string line = str(s.step, '\t', fixed(s.epochs(), 3), '\t', fixed(s.seconds, 1), '\t', rate);
  if (i.updates > 0) {
    line += str('\t', fixed(mean_loss(i.losses), 4), '\t', fixed(perplexity(i.losses), 3), '\t',
                fixed(i.norms / static_cast<double>(i.updates), 4), '\t',
                fixed(static_cast<double>(i.losses[0].count) / i.seconds, 0));
  } else {
    line += "\t\t\t\t";
  }
  const bool judged = s.validation.step == s.step;
  line += judged ? str('\t', fixed(s.validation.loss, 4), '\t', fixed(s.validation.perplexity(), 3)) : "\t\t";
  for (const auto& measure : measures_) {
    const auto value = judged ? s.validation.measured(measure) : std::nullopt;
    line += "\t" + (value ? fixed(*value, 2) : "");
  }
  const auto mean = [](const Losses& losses, std::size_t l) { return fixed(losses[l].mean_loss(), 6); };
  for (std::size_t l = 0; l < losses_; ++l) {
    line += "\t" + (i.updates > 0 ? mean(i.losses, l) : "");
    line += "\t" + (judged && l < s.validation.losses.size() ? mean(s.validation.losses, l) : "");
  }
  put(line + "\n");
}

void RunLog::put(std::string_view line) {  // mostly one write, so that a reader never sees half a line
  const ::off_t before = ::lseek(fd_, 0, SEEK_END);
  while (!line.empty()) {
    const auto n = ::write(fd_, line.data(), line.size());
    if (n > 0) line.remove_prefix(static_cast<std::size_t>(n));
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    const int why = n < 0 ? errno : ENOSPC;
    [[maybe_unused]] const bool whole = before >= 0 && ::ftruncate(fd_, before) == 0;  // a pipe keeps its half line
    if (!std::exchange(warned_, true))
      warn(path_, ": cannot write: ", std::strerror(why), "; the log lacks lines, the training goes on");
    return;
  }
}

}  // namespace storm
