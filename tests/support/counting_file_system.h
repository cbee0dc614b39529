// CountingFileSystem knows how many files are open to be read, and how many
// there were at most; beyond a limit it refuses as a system without descriptors
// does. Thread-safe.
#ifndef LISSOM_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_
#define LISSOM_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "lissom/file_system.h"
#include "util/error.h"
#include "util/forwarding_file_system.h"

namespace lissom {

class CountingFileSystem final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  int64_t open() const { return counts_->open.load(); }
  int64_t most_open() const { return counts_->most.load(); }
  int64_t refusals() const { return refusals_.load(); }
  void ResetMost() { counts_->most = counts_->open.load(); }
  void SetLimit(int64_t limit) { limit_ = limit; }

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override {
    auto count = std::make_unique<Count>(counts_);
    if (open() > limit_.load()) {
      ++refusals_;
      return ErrnoError(EMFILE, "open", path);
    }
    auto file = base().OpenForRead(path, context);
    if (!file.ok()) return file;
    count->Keep();
    return std::make_unique<File>(std::move(count), *std::move(file));
  }

 private:
  struct Counts {
    std::atomic<int64_t> open{0};
    std::atomic<int64_t> most{0};
  };

  // One file of those that are open.
  class Count {
   public:
    explicit Count(std::shared_ptr<Counts> counts)
        : counts_(std::move(counts)), open_(++counts_->open) {}
    ~Count() { --counts_->open; }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    // It was opened, so there were as many.
    void Keep() {
      int64_t most = counts_->most.load();
      while (open_ > most &&
             !counts_->most.compare_exchange_weak(most, open_)) {
      }
    }

   private:
    const std::shared_ptr<Counts> counts_;
    const int64_t open_;
  };

  class File final : public ForwardingRandomAccessFile {
   public:
    File(std::unique_ptr<Count> count, std::unique_ptr<RandomAccessFile> base)
        : ForwardingRandomAccessFile(std::move(base)),
          count_(std::move(count)) {}

   private:
    const std::unique_ptr<Count> count_;  // Until the file is closed.
  };

  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  std::atomic<int64_t> limit_{std::numeric_limits<int64_t>::max()};
  std::atomic<int64_t> refusals_{0};
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_
