// RefCounted and Ref: an object that counts its owners itself, so that a pin
// costs no allocation. Used for what readers pin: blocks, memtables, views.
#ifndef LISSOM_UTIL_REF_COUNTED_H_
#define LISSOM_UTIL_REF_COUNTED_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lissom {

// Base of a counted object. Born with no owner; the last Ref deletes it.
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void AddRef() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  // Release pairs with the acquire of the last owner, which then deletes.
  void Unref() const {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  // True if only the asker's own Ref is left. Others may come and go meanwhile:
  // a hint, unless the asker knows that nobody else can find the object.
  bool HasOneOwner() const {
    return refs_.load(std::memory_order_acquire) == 1;
  }
  // Unref in the form that PinnedValue::Pin takes.
  static void UnrefOwner(void* object) {
    static_cast<const RefCounted*>(object)->Unref();
  }

 protected:
  RefCounted() = default;
  virtual ~RefCounted() = default;

 private:
  mutable std::atomic<uint32_t> refs_{0};
};

// An owner of a T. Thread-compatible; the counted object may be shared.
template <typename T>
class Ref {
 public:
  Ref() = default;
  // Implicit, as unique_ptr's are.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Ref(std::nullptr_t) {}
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->AddRef();
  }
  // The analyzer does not follow counts.
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete)
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  // NOLINTBEGIN(google-explicit-constructor)
  template <typename U>
  requires std::is_convertible_v<U*, T*> Ref(const Ref<U>& other)
      : Ref(static_cast<T*>(other.get())) {}
  template <typename U>
  requires std::is_convertible_v<U*, T*> Ref(Ref<U>&& other)
  noexcept : object_(other.Release()) {}
  // NOLINTEND(google-explicit-constructor)
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->Unref();
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  void reset() { *this = Ref(); }
  // Gives up its share, which is the caller's to Unref.
  [[nodiscard]] T* Release() noexcept {
    return std::exchange(object_, nullptr);
  }

 private:
  T* object_ = nullptr;
};

template <typename T, typename... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace lissom

#endif  // LISSOM_UTIL_REF_COUNTED_H_
