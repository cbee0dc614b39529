#include "table/internal_key.h"

#include "absl/strings/str_cat.h"
#include "util/strings.h"

namespace lissom {

std::string DebugString(const InternalKeyView& key) {
  return absl::StrCat(Escape(key.user_key), "@", key.sequence(), "#",
                      static_cast<int>(key.kind()));
}

}  // namespace lissom
