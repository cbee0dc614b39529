#include "lissom/pinned_value.h"

#include <cstring>
#include <utility>

#include "util/check.h"

namespace lissom {

PinnedValue& PinnedValue::operator=(PinnedValue&& other) noexcept {
  if (this == &other) return *this;
  Reset();
  if (other.release_ == nullptr) {
    CopyInline(other.view_);
    other.view_ = {};
  } else {
    Pin(std::exchange(other.view_, {}), std::exchange(other.owner_, nullptr),
        std::exchange(other.release_, nullptr));
  }
  return *this;
}

void PinnedValue::Reset() {
  view_ = {};
  if (release_ != nullptr) std::exchange(release_, nullptr)(owner_);
  owner_ = nullptr;
}

void PinnedValue::CopyInline(std::string_view value) {
  LISSOM_DCHECK(value.size() <= kInlineBytes);
  Reset();
  if (!value.empty()) std::memcpy(inline_, value.data(), value.size());
  view_ = {inline_, value.size()};
}

void PinnedValue::Pin(std::string_view value, void* owner,
                      void (*release)(void*)) {
  Reset();
  view_ = value;
  owner_ = owner;
  release_ = release;
}

}  // namespace lissom
