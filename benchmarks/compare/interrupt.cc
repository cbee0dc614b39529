#include "benchmarks/compare/interrupt.h"

#include <csignal>

namespace lissom::bench {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void Remember(int) { g_interrupted = 1; }

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = Remember;  // Without SA_RESTART: waiting calls return.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return g_interrupted != 0; }

}  // namespace lissom::bench
