#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "benchmarks/report.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

using Json = nlohmann::ordered_json;

Json LatencyJson(const Latency& latency) {
  return {{"count", latency.count()},
          {"average", latency.Average()},
          {"deviation", latency.Deviation()},
          {"min", latency.Min()},
          {"p50", latency.Percentile(50)},
          {"p75", latency.Percentile(75)},
          {"p99", latency.Percentile(99)},
          {"p99_9", latency.Percentile(99.9)},
          {"p99_99", latency.Percentile(99.99)},
          {"max", latency.Max()}};
}

Json SpreadJson(const Spread& spread) {
  return {{"mean", spread.mean},
          {"median", spread.median},
          {"ci95", {spread.mean - spread.half, spread.mean + spread.half}}};
}

class JsonReport final : public Report {
 public:
  JsonReport() : document_(Json::object()) {}

  void Begin(const Flags& flags, const Machine& machine) override {
    Flags copy = flags;
    Json given = Json::object();
    for (const Flag& flag : TableOf(copy).flags) {
      given[std::string(flag.name)] = ValueText(flag);
    }
    document_ = {{"format", "lissom_bench"},
                 {"format_version", 1},
                 {"engine", {{"name", "lissom"}, {"version", LISSOM_VERSION}}},
                 {"date", machine.date},
                 {"machine",
                  {{"processors", machine.processors},
                   {"cpu", machine.cpu},
                   {"cpu_cache", machine.cpu_cache}}},
#ifdef LISSOM_CHECKS
                 {"checks", true},
#else
                 {"checks", false},
#endif
                 {"flags", std::move(given)},
                 {"runs", Json::array()},
                 {"repeats", Json::array()},
                 {"skipped", Json::array()}};
  }

  void BeginStep(const Step& /*step*/) override {}

  void Skip(const Step& step) override {
    document_["skipped"].push_back(step.workload->name);
  }

  void Ran(const Turn& turn, const RunResult& result) override {
    Json run = {{"name", result.name},
                {"run", turn.number},
                {"warmup", turn.warmup},
                {"threads", turn.threads},
                {"operations", result.operations},
                {"seconds", result.seconds},
                {"micros_per_op", result.MicrosPerOp()},
                {"ops_per_second", result.OpsPerSecond()},
                {"bytes", result.bytes},
                {"mb_per_second", result.MegabytesPerSecond()},
                {"found", result.found},
                {"message", result.message}};
    Json latencies = Json::object();
    for (size_t op = 0; op < kOps; ++op) {
      if (result.latency[op].count() == 0) continue;
      latencies[std::string(OpName(static_cast<Op>(op)))] =
          LatencyJson(result.latency[op]);
    }
    if (!latencies.empty()) run["latency_micros"] = std::move(latencies);
    document_["runs"].push_back(std::move(run));
  }

  void EndStep(const Step& step, const Repeats& repeats) override {
    if (repeats.runs() < 2) return;
    document_["repeats"].push_back(
        {{"name", step.workload->name},
         {"runs", repeats.runs()},
         {"ops_per_second", SpreadJson(repeats.ops())},
         {"mb_per_second", SpreadJson(repeats.megabytes())}});
  }

  void Statistics(const Counters& counters) override {
    Json& statistics = document_["statistics"] = Json::object();
    for (const auto& [name, count] : counters) statistics[name] = count;
  }

  void End(const absl::Status& status) override {
    document_["error"] =
        status.ok() ? Json(nullptr) : Json(std::string(status.message()));
    // A message may quote any bytes: those that are no UTF-8 are replaced.
    const std::string text =
        document_.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

 private:
  Json document_;
};

}  // namespace

std::unique_ptr<Report> NewJsonReport() {
  return std::make_unique<JsonReport>();
}

}  // namespace lissom::bench
