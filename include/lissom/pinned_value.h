// PinnedValue is a value read from a database: a small one lies inside the
// object, a large one stays where it is in memory and is kept there. Reuse one
// object for many reads.
//
// Thread-compatible. Its bytes stay valid until it is reset, assigned, reused
// or destroyed, also after the database was closed.
#ifndef LISSOM_PINNED_VALUE_H_
#define LISSOM_PINNED_VALUE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "lissom/export.h"

namespace lissom {

class LISSOM_EXPORT PinnedValue {
 public:
  // Values up to this size are copied inline, larger ones are pinned.
  static constexpr size_t kInlineBytes = 256;

  PinnedValue() = default;
  ~PinnedValue() { Reset(); }
  PinnedValue(PinnedValue&& other) noexcept { *this = std::move(other); }
  PinnedValue& operator=(PinnedValue&& other) noexcept;
  PinnedValue(const PinnedValue&) = delete;
  PinnedValue& operator=(const PinnedValue&) = delete;

  std::string_view view() const { return view_; }
  std::string ToString() const { return std::string(view_); }
  void Reset();  // Empty; lets go of what was pinned.

  // For the engine. Copies `value` (at most kInlineBytes) inside.
  void CopyInline(std::string_view value);
  // For the engine. Refers to `value`; calls release(owner) once when done.
  void Pin(std::string_view value, void* owner, void (*release)(void*));

 private:
  std::string_view view_;
  void* owner_ = nullptr;
  void (*release_)(void*) = nullptr;
  char inline_[kInlineBytes];
};

}  // namespace lissom

#endif  // LISSOM_PINNED_VALUE_H_
