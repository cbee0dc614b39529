#include "util/file_limit.h"

#include <sys/resource.h>

#include <limits>

namespace lissom {

uint64_t ProcessFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<uint64_t>::max();
  }
  return limit.rlim_cur;
}

}  // namespace lissom
