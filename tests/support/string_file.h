// Files that are strings.
#ifndef LISSOM_TESTS_SUPPORT_STRING_FILE_H_
#define LISSOM_TESTS_SUPPORT_STRING_FILE_H_

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "lissom/file_system.h"

namespace lissom {

// Appends to a string that the test owns.
class StringWritableFile final : public WritableFile {
 public:
  explicit StringWritableFile(std::string* to) : to_(to) {}
  absl::Status Append(std::span<const std::string_view> pieces,
                      const IoContext&) override {
    for (std::string_view piece : pieces) to_->append(piece);
    size_ = to_->size();
    return absl::OkStatus();
  }
  absl::Status Sync(const IoContext&) override { return absl::OkStatus(); }
  absl::Status Allocate(uint64_t, const IoContext&) override {
    return absl::OkStatus();
  }
  absl::Status TrimToSize(const IoContext&) override {
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::string* to_;
};

// Reads shared bytes and counts the reads.
class StringReadFile final : public RandomAccessFile {
 public:
  explicit StringReadFile(std::shared_ptr<const std::string> bytes,
                          std::atomic<int>* reads = nullptr)
      : bytes_(std::move(bytes)), reads_(reads) {}
  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t size,
                                        char* scratch,
                                        const IoContext&) const override {
    if (reads_ != nullptr) ++*reads_;
    if (offset >= bytes_->size()) return std::string_view(scratch, 0);
    const size_t n = std::min<size_t>(size, bytes_->size() - offset);
    std::memcpy(scratch, bytes_->data() + offset, n);
    return std::string_view(scratch, n);
  }
  absl::StatusOr<uint64_t> Size() const override { return bytes_->size(); }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::atomic<int>* reads_;
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_STRING_FILE_H_
