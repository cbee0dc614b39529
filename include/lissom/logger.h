// Logger takes the lines that an operator reads: opens, flushes, compactions,
// errors. One event a line. Implementations must be thread-safe and must not
// call back into the database.
#ifndef LISSOM_LOGGER_H_
#define LISSOM_LOGGER_H_

#include <cstdint>
#include <string_view>

#include "lissom/export.h"

namespace lissom {

enum class LogLevel : uint8_t { kInfo, kWarning, kError };

class LISSOM_EXPORT Logger {
 public:
  virtual ~Logger() = default;
  virtual void Log(LogLevel level, std::string_view line) = 0;
};

}  // namespace lissom

#endif  // LISSOM_LOGGER_H_
