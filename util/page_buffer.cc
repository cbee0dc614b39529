#include "util/page_buffer.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace lissom {

void PageBuffer::Resize(size_t size) {
  if (size > capacity_) {
    Release();
    if (size < kMappedBytes) {
      data_ = new char[size];
    } else {
      void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) throw std::bad_alloc();
      data_ = static_cast<char*>(memory);
    }
    capacity_ = size;
  }
  size_ = size;
}

void PageBuffer::Release() {
  size_ = 0;
  char* const data = std::exchange(data_, nullptr);
  const size_t capacity = std::exchange(capacity_, 0);
  if (capacity >= kMappedBytes) {
    munmap(data, capacity);
  } else {
    delete[] data;
  }
}

}  // namespace lissom
