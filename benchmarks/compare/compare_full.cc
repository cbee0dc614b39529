// The parts that take long: YCSB, large values, data larger than memory.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/compare/compare.h"
#include "benchmarks/workload.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr uint64_t kFullRounds = 3;

// Runs `work` with a process of that engine, and cleans up behind both.
template <typename Work>
absl::Status WithChild(Bench& bench, const std::string& engine, Work work) {
  const std::string name = "full-" + engine;
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<Child> child,
                          bench.Start(engine, name));
  absl::Status status = work(*child, name);
  bench.End(std::move(child), name);
  return status;
}

absl::Status YcsbOf(Bench& bench, Child& child, uint64_t round,
                    Result* result) {
  constexpr std::pair<const char*, const char*> kParts[] = {
      {"ycsbload", "YCSB load"},
      {"ycsba", "YCSB A: half updates"},
      {"ycsbb", "YCSB B: 5 % updates"},
      {"ycsbc", "YCSB C: reads"},
      {"ycsbf", "YCSB F: read, modify, write"},
      {"ycsbd", "YCSB D: reads of the latest"},
      {"ycsbe", "YCSB E: short scans"}};
  for (const auto& [workload, title] : kParts) {
    Request request;
    request.what = "run";
    request.workload = workload;
    request.keys = bench.plan().ycsb_records;
    request.operations = bench.plan().ycsb_records / 2;
    request.value_size = 1000;
    request.threads = std::string_view(workload) == "ycsbload" ? 1 : 2;
    request.seed = 11 + round;
    LISSOM_ASSIGN_OR_RETURN(const Measured measured,
                            bench.Measure(child, request));
    CellNamed(*result, workload, title, "ycsb", request.threads)
        .samples.push_back(SampleOf(child.engine(), round, measured));
    LISSOM_RETURN_IF_ERROR(bench.Settle(child).status());
  }
  return absl::OkStatus();
}

absl::Status LargeOf(Bench& bench, Child& child, uint64_t value_size,
                     uint64_t round, Result* result) {
  Request request;
  request.what = "run";
  request.workload = "fillseq";
  request.keys = std::max<uint64_t>(bench.plan().large_bytes / value_size, 100);
  request.value_size = value_size;
  request.seed = 21 + round;
  LISSOM_RETURN_IF_ERROR(bench.Measure(child, request).status());
  LISSOM_RETURN_IF_ERROR(bench.Settle(child).status());
  request.workload = "overwrite";
  LISSOM_ASSIGN_OR_RETURN(const Measured run, bench.Measure(child, request));
  LISSOM_ASSIGN_OR_RETURN(const Measured drain, bench.Settle(child));
  Measured both = run;
  both.reply.seconds += drain.reply.seconds;
  both.reply.cpu_seconds += drain.reply.cpu_seconds;
  both.busy = run.busy || drain.busy;
  const std::string kib = absl::StrCat(value_size >> 10);
  CellNamed(*result, "overwrite" + kib + "k",
            "Overwriting values of " + kib + " KiB until settled", "large")
      .samples.push_back(SampleOf(child.engine(), round, both));
  return absl::OkStatus();
}

// Memory that nobody else can use while it lives.
class Ballast {
 public:
  explicit Ballast(size_t bytes)
      : bytes_(bytes),
        memory_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) return;
    std::memset(memory_, 1, bytes_);
    mlock(memory_, bytes_);  // Without swap it stays without, too.
  }
  ~Ballast() {
    if (memory_ != MAP_FAILED) munmap(memory_, bytes_);
  }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;
  bool ok() const { return memory_ != MAP_FAILED; }

 private:
  const size_t bytes_;
  void* const memory_;
};

uint64_t AvailableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t kib = 0;
  for (std::string unit; file >> name >> kib; std::getline(file, unit)) {
    if (name == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

// Engines take turns as in CompareReads, with room for a quarter of the data.
class BeyondMemory {
 public:
  BeyondMemory(Bench& bench, Voice& voice, Result& result)
      : bench_(bench), voice_(voice), result_(result) {}

  absl::Status Go() {
    constexpr uint64_t kValueSize = 1000;
    const uint64_t left = bench_.plan().beyond_left_bytes;
    keys_ = 4 * left / (kValueSize + 16);
    const uint64_t available = AvailableMemory();
    std::error_code error;
    const uint64_t disk =
        std::filesystem::space(bench_.PathOf(""), error).available;
    if (available <= 2 * left || error || disk < 12 * left) {
      result_.notes.push_back(
          absl::StrCat("Data larger than memory was left out: it takes ",
                       BytesText(2 * left), " of memory and ",
                       BytesText(12 * left), " of disk that are free."));
      return absl::OkStatus();
    }
    const Ballast ballast(available - left);
    if (!ballast.ok()) {
      result_.notes.push_back(
          "Data larger than memory was left out: no memory for the ballast.");
      return absl::OkStatus();
    }
    absl::Status status = AllOf(kValueSize);
    for (std::unique_ptr<Child>& child : children_) {
      const std::string name = "beyond-" + child->engine();
      bench_.End(std::move(child), name);
    }
    return status;
  }

 private:
  absl::Status AllOf(uint64_t value_size) {
    voice_.Part("Beyond", 2 + kFullRounds);
    Request request;
    request.keys = keys_;
    request.value_size = value_size;
    request.cache_size = bench_.plan().beyond_left_bytes / 4;
    for (const char* engine : {"lissom", "rocksdb"}) {
      voice_.Step(absl::StrCat("loading ", engine));
      const std::string name = absl::StrCat("beyond-", engine);
      LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<Child> child,
                              bench_.Start(engine, name));
      children_.push_back(std::move(child));
      LISSOM_RETURN_IF_ERROR(
          bench_.Open(*children_.back(), name, /*fresh=*/true, request));
      request.what = "load";
      LISSOM_RETURN_IF_ERROR(children_.back()->Call(request).status());
      LISSOM_RETURN_IF_ERROR(bench_.Settle(*children_.back()).status());
    }
    for (uint64_t round = 0; round < kFullRounds; ++round) {
      voice_.Step(absl::StrCat("round ", round + 1));
      LISSOM_RETURN_IF_ERROR(Slices("readrandom", 1, round));
      LISSOM_RETURN_IF_ERROR(Slices("multireadrandom", 32, round));
    }
    return absl::OkStatus();
  }

  absl::Status Slices(const std::string& workload, uint64_t batch,
                      uint64_t round) {
    for (size_t i = 0; i < children_.size(); ++i) {
      Child& child = *children_[round % 2 == 0 ? i : children_.size() - 1 - i];
      Request request;
      request.what = "run";
      request.workload = workload;
      request.keys = keys_;
      request.value_size = 1000;
      request.batch_size = batch;
      request.threads = 2;
      request.seconds = 10;
      request.seed = 31 + round;
      LISSOM_ASSIGN_OR_RETURN(const Measured measured,
                              bench_.Measure(child, request));
      CellNamed(result_, workload + "_beyond",
                batch == 1 ? "Random reads, data 4 times the memory"
                           : "Batches of 32, data 4 times the memory",
                "beyond", 2)
          .samples.push_back(SampleOf(child.engine(), round, measured));
    }
    return absl::OkStatus();
  }

  Bench& bench_;
  Voice& voice_;
  Result& result_;
  uint64_t keys_ = 0;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace

absl::Status CompareYcsb(Bench& bench, Voice& voice, Result* result) {
  if (FindWorkload("ycsbload") == nullptr) {
    result->notes.emplace_back("YCSB was left out: there are no workloads.");
    return absl::OkStatus();
  }
  const std::vector<std::string> engines = {"lissom", "rocksdb", "leveldb",
                                            "lmdb"};
  voice.Part("YCSB", kFullRounds * engines.size());
  for (uint64_t round = 0; round < kFullRounds; ++round) {
    for (const std::string& engine : RoundOrder(engines, round)) {
      voice.Step(absl::StrCat("round ", round + 1, ": ", engine));
      LISSOM_RETURN_IF_ERROR(
          WithChild(bench, engine, [&](Child& child, const std::string& name) {
            Request two_writers;
            two_writers.threads = 2;
            absl::Status status =
                bench.Open(child, name, /*fresh=*/true, two_writers);
            if (status.ok()) status = YcsbOf(bench, child, round, result);
            return status;
          }));
    }
  }
  return absl::OkStatus();
}

absl::Status CompareLargeValues(Bench& bench, Voice& voice, Result* result) {
  const std::vector<std::string> engines = {"lissom", "rocksdb",
                                            "rocksdb-blobs"};
  voice.Part("Large", 2 * kFullRounds * engines.size());
  for (const uint64_t value_size : {uint64_t{4096}, uint64_t{65536}}) {
    for (uint64_t round = 0; round < kFullRounds; ++round) {
      for (const std::string& engine : RoundOrder(engines, round)) {
        voice.Step(absl::StrCat(value_size >> 10, " KiB, ", engine));
        LISSOM_RETURN_IF_ERROR(
            WithChild(bench, engine, [&](Child& child, const std::string&) {
              return LargeOf(bench, child, value_size, round, result);
            }));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CompareBeyondMemory(Bench& bench, Voice& voice, Result* result) {
  return BeyondMemory(bench, voice, *result).Go();
}

}  // namespace lissom::bench
