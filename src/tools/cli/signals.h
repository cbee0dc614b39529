// Signals lets a verb clean up behind itself: while one exists, SIGINT, SIGTERM
// and SIGHUP do not end the process but are remembered, and the verb's loop is
// to look and to stop.
//
//   Signals signals;
//   while (...) LISSOM_RETURN_IF_ERROR(signals.Check());
//
// The exit code is then 128 and the signal's number, as a shell would say it.
// One at a time.
#ifndef LISSOM_SRC_TOOLS_CLI_SIGNALS_H_
#define LISSOM_SRC_TOOLS_CLI_SIGNALS_H_

#include "absl/status/status.h"

namespace lissom::tools {

class Signals {
 public:
  Signals();
  ~Signals();  // The signals do again what they did.
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // kCancelled once a signal has come.
  absl::Status Check() const;

  // The kCancelled that says which one came.
  static absl::Status Stopped();

  // The signal that came, of any Signals of the process; 0: none.
  static int Caught();
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_SIGNALS_H_
