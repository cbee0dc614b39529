#include "src/tools/report/history.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "nlohmann/json.hpp"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxLogBytes = uint64_t{64} << 20;
constexpr size_t kWindowBytes = size_t{1} << 20;
constexpr size_t kMaxLineBytes = 16384;  // InfoLog cuts them long before.
// Numbers that are plotted are doubles: beyond this they have no place.
constexpr uint64_t kMaxNumber = uint64_t{1} << 53;

uint64_t AsNumber(const Json& value) {
  if (!value.is_number_unsigned()) return 0;
  return std::min(value.get<uint64_t>(), kMaxNumber);
}

uint64_t NumberOf(const Json& event, const std::string& name) {
  const auto found = event.find(name);
  return found == event.end() ? 0 : AsNumber(*found);
}

std::string TextOf(const Json& event, const std::string& name) {
  const auto found = event.find(name);
  return found == event.end() || !found->is_string()
             ? std::string()
             : found->get<std::string>();
}

bool FlagOf(const Json& event, const std::string& name) {
  const auto found = event.find(name);
  return found != event.end() && found->is_boolean() && found->get<bool>();
}

void LevelsOf(const Json& event, const std::string& name,
              std::array<uint64_t, Metrics::kLevels>* levels) {
  const auto found = event.find(name);
  if (found == event.end() || !found->is_array()) return;
  for (size_t n = 0; n < std::min(levels->size(), found->size()); ++n) {
    (*levels)[n] = AsNumber((*found)[n]);
  }
}

MetricsPoint PointOf(const Json& event, int64_t at) {
  MetricsPoint point{.at = at};
  point.bytes_written = NumberOf(event, "bytes_written");
  point.wal_bytes = NumberOf(event, "wal_bytes");
  point.filter_useful = NumberOf(event, "filter_useful");
  point.filter_false_positives = NumberOf(event, "filter_false_positives");
  point.cache_hits = NumberOf(event, "block_cache_hits");
  point.cache_misses = NumberOf(event, "block_cache_misses");
  point.live_bytes = NumberOf(event, "estimated_live_bytes");
  LevelsOf(event, "level_bytes", &point.level_bytes);
  LevelsOf(event, "level_written_bytes", &point.level_written);
  for (size_t i = 0; i < kStallCauses; ++i) {
    std::string name = "stall_micros_";
    name += StallCauseName(static_cast<StallCause>(i));
    point.stall_micros[i] = NumberOf(event, name);
  }
  return point;
}

StallCondition ConditionOf(const std::string& name) {
  if (name == "stopped") return StallCondition::kStopped;
  return name == "delayed" ? StallCondition::kDelayed : StallCondition::kNormal;
}

// True if it was one of the events that make the history.
bool AddEvent(const Json& event, int64_t at, Session* session) {
  const std::string kind = TextOf(event, "event");
  if (kind == "metrics") {
    session->points.push_back(PointOf(event, at));
    return true;
  }
  if (kind == "stall_condition_changed") {
    session->stalls.push_back(
        {.at = at, .now = ConditionOf(TextOf(event, "now"))});
    return true;
  }
  const bool flush = kind == "flush_completed";
  if (!flush && kind != "compaction_completed") return false;
  if (TextOf(event, "status") != "OK" || FlagOf(event, "move")) return true;
  const uint64_t level = flush ? 0 : NumberOf(event, "output_level");
  if (level >= Metrics::kLevels) return true;
  session->written.push_back(
      {.end = at,
       .micros = static_cast<int64_t>(NumberOf(event, "micros")),
       .level = static_cast<int>(level),
       .bytes = NumberOf(event, "written_bytes")});
  return true;
}

// The file's last bytes in windows; `take` gets each line.
template <typename Take>
absl::Status ForEachLine(const RandomAccessFile& file, uint64_t from,
                         uint64_t size, Take take) {
  const IoContext context = {.kind = IoContext::Kind::kInfoLog};
  std::string pending;
  bool skipping = from > 0;  // The line that the front cuts.
  const auto buffer = std::make_unique<char[]>(kWindowBytes);
  for (uint64_t at = from; at < size;) {
    const size_t want =
        static_cast<size_t>(std::min<uint64_t>(kWindowBytes, size - at));
    LISSOM_ASSIGN_OR_RETURN(std::string_view bytes,
                            file.Read(at, want, buffer.get(), context));
    if (bytes.empty()) break;
    at += bytes.size();
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      skipping = skipping || pending.size() + piece.size() > kMaxLineBytes;
      if (!skipping) pending += piece;
      if (end == std::string_view::npos) break;
      if (!skipping) take(std::string_view(pending));
      pending.clear();
      skipping = false;
      bytes.remove_prefix(end + 1);
    }
  }
  return absl::OkStatus();
}

absl::Status ReadLog(FileSystem& files, const std::string& path,
                     History* history) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(path));
  if (info.type != FileInfo::Type::kFile) return absl::OkStatus();
  LISSOM_ASSIGN_OR_RETURN(
      const std::unique_ptr<RandomAccessFile> file,
      files.OpenForRead(path, {.kind = IoContext::Kind::kInfoLog}));
  const uint64_t from = info.size - std::min(info.size, kMaxLogBytes);
  history->cut = history->cut || from > 0;
  Session session;
  LISSOM_RETURN_IF_ERROR(ForEachLine(
      *file, from, info.size,
      [&session](std::string_view line) { AddLine(line, &session); }));
  if (session.begin != 0) history->sessions.push_back(std::move(session));
  return absl::OkStatus();
}

}  // namespace

bool AddLine(std::string_view line, Session* session) {
  const size_t begin = line.find("{\"event\":\"");
  if (begin == std::string_view::npos) return false;
  line.remove_prefix(begin);
  const Json event = Json::parse(line.begin(), line.end(), nullptr,
                                 /*allow_exceptions=*/false);
  if (!event.is_object()) return false;
  const auto at = static_cast<int64_t>(NumberOf(event, "time_micros"));
  if (at <= 0) return false;
  // A wall clock may be set back: time stands still until it has caught up.
  const int64_t time = std::max(at, session->end);
  if (!AddEvent(event, time, session)) return false;
  if (session->begin == 0) session->begin = time;
  session->end = time;
  return true;
}

absl::StatusOr<History> ReadHistory(FileSystem& files,
                                    const std::string& directory) {
  History history;
  const std::string path = InfoLogFileName(directory);
  LISSOM_RETURN_IF_ERROR(ReadLog(files, path + ".old", &history));
  LISSOM_RETURN_IF_ERROR(ReadLog(files, path, &history));
  return history;
}

}  // namespace lissom::tools
