// What a log costs: the writer's own work, and with the system call.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "db/wal/log_reader.h"
#include "db/wal/log_writer.h"
#include "tests/support/null_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

constexpr size_t kPayloadBytes = 136;

LogHeader Header() {
  return {.kind = LogKind::kWal, .number = 7, .id = {.high = 1, .low = 2}};
}

void Append(benchmark::State& state, LogWriter& writer) {
  const std::string payload(kPayloadBytes, 'p');
  const int64_t group = state.range(0);
  uint64_t ordinal = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < group; ++i) {
      writer.Add({.ordinal = ++ordinal, .payload = payload}, {7, 56});
    }
    if (!writer.Write().ok()) {
      state.SkipWithError("the append failed");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * group);
  state.SetBytesProcessed(static_cast<int64_t>(writer.size()));
}

// What does the writer itself cost a record, in groups of one and of 32?
void BM_Log_Append(benchmark::State& state) {
  NullFileSystem files;
  auto writer = LogWriter::Create(files, "log", Header(), 0);
  Append(state, **writer);
}
BENCHMARK(BM_Log_Append)->ArgName("group")->Arg(1)->Arg(32);

// And with the system call, into a file in the directory TMPDIR (or /tmp)?
void BM_Log_AppendFile(benchmark::State& state) {
  const char* directory = std::getenv("TMPDIR");
  const std::string path =
      std::string(directory != nullptr ? directory : "/tmp") +
      "/lissom_log_bench." + std::to_string(::getpid());
  const std::shared_ptr<FileSystem> files = FileSystem::Posix();
  auto writer = LogWriter::Create(*files, path, Header(), 64 << 20);
  if (!writer.ok()) {
    state.SkipWithError("the file could not be created");
    return;
  }
  Append(state, **writer);
  writer->reset();
  files->RemoveFile(path, {}).IgnoreError();  // Left behind, it does no harm.
}
BENCHMARK(BM_Log_AppendFile)->ArgName("group")->Arg(1)->Arg(32);

// What does replaying cost a record, from memory?
void BM_Log_Read(benchmark::State& state) {
  constexpr uint64_t kRecords = 100'000;
  MemoryFileSystem files(MemoryFileSystem::Options{.record_operations = false});
  {
    auto writer = LogWriter::Create(files, "/log", Header(), 0);
    const std::string payload(kPayloadBytes, 'p');
    for (uint64_t i = 1; i <= kRecords; ++i) {
      (*writer)->Add({.ordinal = i, .payload = payload}, {7, 56});
    }
    if (!(*writer)->Write().ok() || !(*writer)->Close().ok()) {
      state.SkipWithError("the log could not be written");
      return;
    }
  }
  for (auto _ : state) {
    auto reader = LogReader::Open(files, "/log", LogKind::kWal, 7);
    LogRecord record;
    uint64_t count = 0;
    while (reader.ok() && *(*reader)->Next(&record)) ++count;
    if (count != kRecords) {
      state.SkipWithError("records are missing");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(BM_Log_Read)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
