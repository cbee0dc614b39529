// How much memory the process may use: the least of the machine's, the
// control group's and the process's own limit. Bytes.
#ifndef LISSOM_UTIL_MEMORY_LIMIT_H_
#define LISSOM_UTIL_MEMORY_LIMIT_H_

#include <cstdint>
#include <string_view>

#include "lissom/file_system.h"

namespace lissom {

// `machine_files` shows the control group's limit, if there is one.
uint64_t ProcessMemoryLimit(FileSystem& machine_files);

// What a control group's memory.max says; UINT64_MAX for "max", and for what is
// no number.
uint64_t ParseMemoryMax(std::string_view text);

}  // namespace lissom

#endif  // LISSOM_UTIL_MEMORY_LIMIT_H_
