// PageBuffer is room for bytes that are read or written in one go. A large one
// is mapped for itself and goes back to the system at once: freed by malloc it
// would stay with the process, and raise the size from which malloc maps.
// Thread-compatible.
#ifndef LISSOM_UTIL_PAGE_BUFFER_H_
#define LISSOM_UTIL_PAGE_BUFFER_H_

#include <cstddef>

namespace lissom {

class PageBuffer {
 public:
  static constexpr size_t kMappedBytes = size_t{512} << 10;  // From here on.

  PageBuffer() = default;
  ~PageBuffer() { Release(); }
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  // `size` bytes of room; what they hold is unspecified, and the room moves if
  // it grows. Throws std::bad_alloc and is then empty.
  void Resize(size_t size);
  // Size 0; keeps the room.
  void Clear() { size_ = 0; }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Release();

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_PAGE_BUFFER_H_
