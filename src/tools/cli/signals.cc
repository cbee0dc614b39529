#include "src/tools/cli/signals.h"

#include <signal.h>

#include "absl/strings/str_cat.h"

namespace lissom::tools {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

// What a handler may write to.
volatile sig_atomic_t caught = 0;
struct sigaction before[std::size(kSignals)];

}  // namespace

Signals::Signals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { caught = signal; };
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    // What is ignored (nohup) stays so. Without SA_RESTART: a read that waits
    // for a pipe ends.
    if (before[i].sa_handler != SIG_IGN) {
      ::sigaction(kSignals[i], &action, nullptr);
    }
  }
}

Signals::~Signals() {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    ::sigaction(kSignals[i], &before[i], nullptr);
  }
}

absl::Status Signals::Check() const {
  return caught == 0 ? absl::OkStatus() : Stopped();
}

absl::Status Signals::Stopped() {
  return absl::CancelledError(absl::StrCat("stopped by signal ", Caught()));
}

int Signals::Caught() { return caught; }

}  // namespace lissom::tools
