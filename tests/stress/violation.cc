#include "tests/stress/violation.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "util/mutex.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

std::string& Note() {
  static auto* note = new std::string;
  return *note;
}

}  // namespace

void SetReplayNote(std::string note) { Note() = std::move(note); }

void Report(const Violation& violation) {
  static auto* speaking = new Mutex;
  speaking->Lock();  // For good: one is enough.
  std::fflush(stdout);
  std::fprintf(stderr,
               "\n*** a violation in: %s\n    key:      %s\n"
               "    expected: %s\n    found:    %s\n    %s\n",
               std::string(violation.operation).c_str(),
               Escape(violation.key).c_str(), violation.expected.c_str(),
               violation.found.c_str(), Note().c_str());
  std::fflush(stderr);
  _exit(1);
}

}  // namespace lissom::stress
