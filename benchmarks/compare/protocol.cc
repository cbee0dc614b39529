#include "benchmarks/compare/protocol.h"

#include "absl/status/status.h"
#include "benchmarks/compare/json_fields.h"
#include "util/status_macros.h"

namespace lissom::bench {

template <typename Visit>
void Fields(Request& r, Visit visit) {
  visit("what", r.what);
  visit("engine", r.engine);
  visit("path", r.path);
  visit("fresh", r.fresh);
  visit("cache_size", r.cache_size);
  visit("write_buffer_size", r.write_buffer_size);
  visit("workload", r.workload);
  visit("keys", r.keys);
  visit("operations", r.operations);
  visit("seconds", r.seconds);
  visit("threads", r.threads);
  visit("batch_size", r.batch_size);
  visit("seek_nexts", r.seek_nexts);
  visit("value_size", r.value_size);
  visit("write_rate_limit", r.write_rate_limit);
  visit("seed", r.seed);
  visit("rate", r.rate);
  visit("interval_seconds", r.interval_seconds);
}

template <typename Visit>
void Fields(Reply& r, Visit visit) {
  visit("error", r.error);
  visit("operations", r.operations);
  visit("seconds", r.seconds);
  visit("cpu_seconds", r.cpu_seconds);
  visit("found", r.found);
  visit("written_bytes", r.written_bytes);
  visit("disk_bytes", r.disk_bytes);
  visit("peak_memory", r.peak_memory);
  visit("series", r.series);
  visit("percentiles", r.percentiles);
}

namespace {

template <typename T>
std::string EncodeAny(T message) {
  return Dump(WriteFields(message));
}

template <typename T>
absl::StatusOr<T> DecodeAny(std::string_view line, const char* name) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  T message;
  LISSOM_RETURN_IF_ERROR(ReadFields(json, name, message));
  return message;
}

}  // namespace

std::string Encode(const Request& request) { return EncodeAny(request); }
std::string Encode(const Reply& reply) { return EncodeAny(reply); }

absl::StatusOr<Request> DecodeRequest(std::string_view line) {
  return DecodeAny<Request>(line, "request");
}
absl::StatusOr<Reply> DecodeReply(std::string_view line) {
  return DecodeAny<Reply>(line, "reply");
}

}  // namespace lissom::bench
