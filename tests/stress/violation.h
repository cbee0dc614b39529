// Violation is the end of a stress run: an answer that no order of the writes
// can explain. It is printed with all that leads back to it, and the process
// ends at once, so that the files stay as they are.
#ifndef LISSOM_TESTS_STRESS_VIOLATION_H_
#define LISSOM_TESTS_STRESS_VIOLATION_H_

#include <string>
#include <string_view>

namespace lissom::stress {

struct Violation {
  std::string_view operation;  // "Get", "scan at a snapshot".
  std::string key;
  std::string expected;
  std::string found;
};

// What is printed below every violation: the command, the directory. Set once,
// before threads.
void SetReplayNote(std::string note);

// Exits with status 1. Of several threads the first one speaks.
[[noreturn]] void Report(const Violation& violation);

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_VIOLATION_H_
