#include "db/metrics/event.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/json_line.h"
#include "util/strings.h"

namespace lissom {
namespace {

using Kind = EventKind;

// A message may quote a key of 1 MiB.
constexpr size_t kMaxStatusBytes = 1000;
constexpr size_t kMaxTables = 64;

std::string Plain(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData)
      .substr(0, kMaxStatusBytes);
}

std::string Counted(uint64_t count, const char* noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

int64_t Micros(absl::Duration time) { return absl::ToInt64Microseconds(time); }

std::string_view NameOf(StallCondition condition) {
  switch (condition) {
    case StallCondition::kNormal:
      return "normal";
    case StallCondition::kDelayed:
      return "delayed";
    case StallCondition::kStopped:
      return "stopped";
  }
  return "unknown";
}

std::string Levels(const CompactionEvent& e) {
  return absl::StrCat("L", e.start_level, " -> L", e.output_level);
}

// --- Text

std::string Text(bool begin, const FlushEvent& e) {
  const std::string flush = absl::StrCat("flush ", e.job);
  if (begin) {
    return absl::StrCat(flush, " begins: ", Counted(e.memtables, "memtable"),
                        ", ", e.memtable_entries, " entries, ",
                        BytesText(e.memtable_bytes));
  }
  if (!e.status.ok()) {
    return absl::StrCat(flush, " failed after ", DurationText(e.time), ": ",
                        Plain(e.status));
  }
  if (!e.table.has_value()) {
    return absl::StrCat(flush, ": nothing left to write, in ",
                        DurationText(e.time));
  }
  return absl::StrCat(flush, ": table ", *e.table, ", ", e.entries_written,
                      " entries, ", BytesText(e.written_bytes), " in ",
                      DurationText(e.time));
}

std::string Text(bool begin, const CompactionEvent& e) {
  const std::string compaction = absl::StrCat("compaction ", e.job);
  const std::string inputs =
      absl::StrCat(Counted(e.inputs.size(), "table"), " of ",
                   BytesText(e.read_bytes), ", ", Levels(e));
  if (begin) {
    return absl::StrCat(compaction, e.move ? " moves (" : " begins (", e.reason,
                        "): ", inputs);
  }
  if (!e.status.ok()) {
    return absl::StrCat(compaction, " failed after ", DurationText(e.time),
                        ": ", Plain(e.status));
  }
  if (e.move) return absl::StrCat(compaction, ": moved ", inputs);
  return absl::StrCat(compaction, ": ", inputs, ": ",
                      Counted(e.outputs.size(), "table"), " of ",
                      BytesText(e.written_bytes), ", ", e.entries_out, " of ",
                      e.entries_in, " entries, in ", DurationText(e.time));
}

std::string Text(bool created, const TableEvent& e) {
  if (created) {
    return absl::StrCat("table ", e.number, " created in L", e.level, ": ",
                        e.entries, " entries, ", BytesText(e.bytes));
  }
  if (e.status.ok()) return absl::StrCat("table ", e.number, " deleted");
  return absl::StrCat(
      "table ", e.number,
      " could not be deleted; the next open will: ", Plain(e.status));
}

std::string Text(const StallEvent& e) {
  return absl::StrCat("writes: ", ToAbsl(NameOf(e.now)), ", were ",
                      ToAbsl(NameOf(e.before)), " (",
                      ToAbsl(StallCauseName(e.cause)), ")");
}

std::string Text(const BackgroundErrorEvent& e) {
  return absl::StrCat("background error (", e.operation,
                      "): ", Plain(e.status));
}

std::string Text(const ResumedEvent& e) {
  return absl::StrCat("writes are accepted again",
                      e.automatic ? ", by itself, after " : ", after ",
                      DurationText(e.refused),
                      "; had been refused for: ", Plain(e.cause));
}

// --- JSON

void AddTables(JsonLine& line, std::string_view list, std::string_view count,
               std::span<const uint64_t> tables) {
  line.Add(count, tables.size());
  line.Add(list, tables.first(std::min(tables.size(), kMaxTables)));
}

void Write(JsonLine& line, bool begin, const FlushEvent& e) {
  line.Add("job", e.job)
      .Add("memtables", e.memtables)
      .Add("memtable_bytes", e.memtable_bytes)
      .Add("memtable_entries", e.memtable_entries);
  if (begin) return;
  if (e.table.has_value()) line.Add("table", *e.table);
  line.Add("written_bytes", e.written_bytes)
      .Add("entries_written", e.entries_written)
      .Add("micros", Micros(e.time))
      .Add("status", Plain(e.status));
}

void Write(JsonLine& line, bool begin, const CompactionEvent& e) {
  line.Add("job", e.job)
      .Add("reason", e.reason)
      .Add("start_level", e.start_level)
      .Add("output_level", e.output_level)
      .Add("move", e.move);
  AddTables(line, "inputs", "input_count", e.inputs);
  line.Add("read_bytes", e.read_bytes);
  if (begin) return;
  AddTables(line, "outputs", "output_count", e.outputs);
  line.Add("written_bytes", e.written_bytes)
      .Add("entries_in", e.entries_in)
      .Add("entries_out", e.entries_out)
      .Add("micros", Micros(e.time))
      .Add("status", Plain(e.status));
}

void Write(JsonLine& line, bool created, const TableEvent& e) {
  line.Add("table", e.number).Add("path", e.path);
  if (created) {
    line.Add("job", e.job)
        .Add("level", e.level)
        .Add("bytes", e.bytes)
        .Add("entries", e.entries);
    return;
  }
  line.Add("status", Plain(e.status));
}

void Write(JsonLine& line, const StallEvent& e) {
  line.Add("before", NameOf(e.before))
      .Add("now", NameOf(e.now))
      .Add("cause", StallCauseName(e.cause));
}

void Write(JsonLine& line, const BackgroundErrorEvent& e) {
  line.Add("operation", e.operation).Add("status", Plain(e.status));
}

void Write(JsonLine& line, const ResumedEvent& e) {
  line.Add("automatic", e.automatic)
      .Add("refused_micros", Micros(e.refused))
      .Add("cause", Plain(e.cause));
}

// Flushes, compactions and tables have two kinds each.
bool IsFirstOfTwo(Kind kind) {
  return kind == Kind::kFlushBegin || kind == Kind::kCompactionBegin ||
         kind == Kind::kTableCreated;
}

template <typename T>
constexpr bool kHasTwo =
    std::is_same_v<T, FlushEvent> || std::is_same_v<T, CompactionEvent> ||
    std::is_same_v<T, TableEvent>;

}  // namespace

std::string_view EventName(EventKind kind) {
  static constexpr std::array<std::string_view, kEventKinds> kNames = {
      "flush_begin",
      "flush_completed",
      "compaction_begin",
      "compaction_completed",
      "table_created",
      "table_deleted",
      "stall_condition_changed",
      "background_error",
      "resumed"};
  return kNames[static_cast<size_t>(kind)];
}

std::string EventAsText(const Event& event) {
  return std::visit(
      [&](const auto& data) {
        if constexpr (kHasTwo<std::decay_t<decltype(data)>>) {
          return Text(IsFirstOfTwo(event.kind), data);
        } else {
          return Text(data);
        }
      },
      event.data);
}

std::string EventAsJson(const Event& event) {
  JsonLine line;
  line.Add("event", EventName(event.kind))
      .Add("time_micros", absl::ToUnixMicros(event.at));
  std::visit(
      [&](const auto& data) {
        if constexpr (kHasTwo<std::decay_t<decltype(data)>>) {
          Write(line, IsFirstOfTwo(event.kind), data);
        } else {
          Write(line, data);
        }
      },
      event.data);
  return std::move(line).Finish();
}

LogLevel EventLevel(const Event& event) {
  if (event.kind == Kind::kBackgroundError) return LogLevel::kError;
  if (const auto* flush = std::get_if<FlushEvent>(&event.data)) {
    return flush->status.ok() ? LogLevel::kInfo : LogLevel::kError;
  }
  if (const auto* compaction = std::get_if<CompactionEvent>(&event.data)) {
    return compaction->status.ok() || absl::IsCancelled(compaction->status)
               ? LogLevel::kInfo
               : LogLevel::kError;
  }
  if (const auto* table = std::get_if<TableEvent>(&event.data)) {
    return table->status.ok() ? LogLevel::kInfo : LogLevel::kWarning;
  }
  if (const auto* stall = std::get_if<StallEvent>(&event.data)) {
    return stall->now > stall->before ? LogLevel::kWarning : LogLevel::kInfo;
  }
  return LogLevel::kInfo;
}

void Tell(EventListener& listener, const Event& event) {
  const EventData& data = event.data;
  switch (event.kind) {
    case Kind::kFlushBegin:
      return listener.OnFlushBegin(std::get<FlushEvent>(data));
    case Kind::kFlushCompleted:
      return listener.OnFlushCompleted(std::get<FlushEvent>(data));
    case Kind::kCompactionBegin:
      return listener.OnCompactionBegin(std::get<CompactionEvent>(data));
    case Kind::kCompactionCompleted:
      return listener.OnCompactionCompleted(std::get<CompactionEvent>(data));
    case Kind::kTableCreated:
      return listener.OnTableCreated(std::get<TableEvent>(data));
    case Kind::kTableDeleted:
      return listener.OnTableDeleted(std::get<TableEvent>(data));
    case Kind::kStallConditionChanged:
      return listener.OnStallConditionChanged(std::get<StallEvent>(data));
    case Kind::kBackgroundError:
      return listener.OnBackgroundError(std::get<BackgroundErrorEvent>(data));
    case Kind::kResumed:
      return listener.OnResumed(std::get<ResumedEvent>(data));
  }
}

}  // namespace lissom
