// The JSON of a Result.
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/compare/json_fields.h"
#include "benchmarks/compare/result.h"
#include "util/status_macros.h"

namespace lissom::bench {

template <typename Visit>
void Fields(Sample& s, Visit visit) {
  visit("engine", s.engine);
  visit("round", s.round);
  visit("value", s.value);
  visit("operations", s.operations);
  visit("seconds", s.seconds);
  visit("cpu_seconds", s.cpu_seconds);
  visit("found", s.found);
  visit("others_cpus", s.others_cpus);
  visit("busy", s.busy);
}

template <typename Visit>
void Fields(Cell& c, Visit visit) {
  visit("id", c.id);
  visit("title", c.title);
  visit("group", c.group);
  visit("threads", c.threads);
  visit("samples", c.samples);
}

template <typename Visit>
void Fields(Series& s, Visit visit) {
  visit("engine", s.engine);
  visit("cell", s.cell);
  visit("interval_seconds", s.interval_seconds);
  visit("values", s.values);
}

template <typename Visit>
void Fields(LatencyRun& l, Visit visit) {
  visit("engine", l.engine);
  visit("operation", l.operation);
  visit("offered", l.offered);
  visit("done", l.done);
  visit("round", l.round);
  visit("percentiles", l.percentiles);
  visit("busy", l.busy);
}

template <typename Visit>
void Fields(Amplification& a, Visit visit) {
  visit("engine", a.engine);
  visit("cell", a.cell);
  visit("round", a.round);
  visit("put_bytes", a.put_bytes);
  visit("written_bytes", a.written_bytes);
  visit("live_bytes", a.live_bytes);
  visit("disk_bytes", a.disk_bytes);
}

template <typename Visit>
void Fields(Memory& m, Visit visit) {
  visit("engine", m.engine);
  visit("phase", m.phase);
  visit("peak_bytes", m.peak_bytes);
}

template <typename Visit>
void Fields(Fact& f, Visit visit) {
  visit("name", f.name);
  visit("value", f.value);
}

template <typename Visit>
void Fields(EngineFacts& e, Visit visit) {
  visit("engine", e.engine);
  visit("version", e.version);
  visit("settings", e.settings);
}

template <typename Visit>
void Fields(MachineFacts& m, Visit visit) {
  visit("cpu", m.cpu);
  visit("cores", m.cores);
  visit("memory_bytes", m.memory_bytes);
  visit("kernel", m.kernel);
  visit("system", m.system);
  visit("compiler", m.compiler);
}

template <typename Visit>
void Fields(Result& r, Visit visit) {
  visit("mode", r.mode);
  visit("label", r.label);
  visit("date", r.date);
  visit("seconds", r.seconds);
  visit("read_keys", r.read_keys);
  visit("write_keys", r.write_keys);
  visit("command", r.command);
  visit("machine", r.machine);
  visit("lissom_commit", r.lissom_commit);
  visit("checks_on", r.checks_on);
  visit("engines", r.engines);
  visit("cells", r.cells);
  visit("series", r.series);
  visit("latencies", r.latencies);
  visit("amplifications", r.amplifications);
  visit("memory", r.memory);
  visit("notes", r.notes);
}

namespace {

constexpr int kSchema = 1;

}  // namespace

std::string ToJson(const Result& result) {
  Json json = {{"program", "lissom_compare"}, {"schema", kSchema}};
  Result copy = result;
  json.update(WriteFields(copy));
  return Dump(json, 1) + "\n";
}

absl::StatusOr<Result> FromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("this is no JSON");
  if (!json.is_object() || !json.contains("program") ||
      json["program"] != "lissom_compare") {
    return absl::InvalidArgumentError("this is no result of lissom_compare");
  }
  if (!json.contains("schema") || json["schema"] != kSchema) {
    return absl::InvalidArgumentError(absl::StrCat(
        "this has another schema; this program reads schema ", kSchema));
  }
  Result result;
  LISSOM_RETURN_IF_ERROR(ReadFields(json, "result", result));
  return result;
}

}  // namespace lissom::bench
