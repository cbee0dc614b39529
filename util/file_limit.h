// How many files the process may hold open.
#ifndef LISSOM_UTIL_FILE_LIMIT_H_
#define LISSOM_UTIL_FILE_LIMIT_H_

#include <cstdint>

namespace lissom {

// The soft limit, as it is now; UINT64_MAX if there is none.
uint64_t ProcessFileLimit();

}  // namespace lissom

#endif  // LISSOM_UTIL_FILE_LIMIT_H_
