#include "benchmarks/compare/measure.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmarks/compare/processes.h"
#include "util/status_macros.h"

namespace lissom::bench {

std::string Bench::PathOf(const std::string& name) const {
  return absl::StrCat(directory_, "/", name);
}

absl::StatusOr<std::unique_ptr<Child>> Bench::Start(const std::string& engine,
                                                    const std::string& name) {
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<Child> child,
                          Child::Start(program_, engine));
  own_.push_back(child->pid());
  LISSOM_RETURN_IF_ERROR(Open(*child, name, /*fresh=*/true));
  return child;
}

void Bench::End(std::unique_ptr<Child> child, const std::string& name) {
  own_.erase(std::remove(own_.begin(), own_.end(), child->pid()), own_.end());
  child.reset();
  Remove(name);
}

void Bench::Remove(const std::string& name) {
  std::error_code ignored;  // The whole directory is removed in the end.
  std::filesystem::remove_all(PathOf(name), ignored);
}

absl::Status Bench::Open(Child& child, const std::string& name, bool fresh,
                         const Request& from) {
  Request request = from;
  request.what = "open";
  request.engine = child.engine();
  request.path = PathOf(name);
  request.fresh = fresh;
  if (request.cache_size == 0) request.cache_size = plan_.cache_size;
  request.write_buffer_size = plan_.write_buffer_size;
  return child.Call(request).status();
}

absl::StatusOr<Measured> Bench::Settle(Child& child) {
  Request request;
  request.what = "settle";
  return Measure(child, request);
}

absl::StatusOr<Measured> Bench::Measure(Child& child, const Request& request) {
  std::vector<pid_t> own = own_;
  own.push_back(getpid());
  const std::optional<CpuLook> before = LookAtCpus("/proc", own);
  Measured measured;
  LISSOM_ASSIGN_OR_RETURN(measured.reply, child.Call(request));
  const std::optional<CpuLook> after = LookAtCpus("/proc", own);
  if (before.has_value() && after.has_value()) {
    measured.others_cpus = OthersCpus(*before, *after);
    measured.busy = IsBusy(measured);
  }
  return measured;
}

// The kernel counts in hundredths of a second: of a short run one tick of
// somebody else would make a busy one.
bool Bench::IsBusy(const Measured& measured) const {
  constexpr double kTooShortToTell = 0.2;
  return plan_.judge_busy && measured.reply.seconds >= kTooShortToTell &&
         measured.others_cpus > kBusyCpus;
}

Measured Bench::Together(const Measured& run, const Measured& drain) const {
  Measured both = run;
  both.reply.seconds += drain.reply.seconds;
  both.reply.cpu_seconds += drain.reply.cpu_seconds;
  both.others_cpus = (run.others_cpus * run.reply.seconds +
                      drain.others_cpus * drain.reply.seconds) /
                     std::max(both.reply.seconds, 1e-9);
  both.busy = IsBusy(both);
  return both;
}

Sample SampleOf(const std::string& engine, uint64_t round,
                const Measured& measured) {
  const Reply& reply = measured.reply;
  return {.engine = engine,
          .round = round,
          .value = static_cast<double>(reply.operations) /
                   std::max(reply.seconds, 1e-9),
          .operations = reply.operations,
          .seconds = reply.seconds,
          .cpu_seconds = reply.cpu_seconds,
          .found = reply.found,
          .others_cpus = measured.others_cpus,
          .busy = measured.busy};
}

Voice::Voice(bool quiet)
    : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Voice::~Voice() { Clear(); }

void Voice::Clear() {
  if (!shown_) return;
  std::fputs("\r\033[K", stderr);
  shown_ = false;
}

void Voice::Part(const std::string& name, uint64_t steps) {
  part_ = name;
  steps_ = steps;
  step_ = 0;
  if (quiet_) return;
  Clear();
  if (!terminal_) std::fprintf(stderr, "%s\n", name.c_str());
}

void Voice::Step(const std::string& what) {
  constexpr uint64_t kBar = 24;
  const uint64_t filled =
      kBar * std::min(step_, steps_) / std::max<uint64_t>(steps_, 1);
  ++step_;
  if (quiet_ || !terminal_) return;
  std::string bar;
  for (uint64_t i = 0; i < kBar; ++i) bar += i < filled ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%-10s %s %s", part_.c_str(), bar.c_str(),
               what.c_str());
  shown_ = true;
}

void Voice::Note(const std::string& text) {
  if (quiet_) return;
  Clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

}  // namespace lissom::bench
