#include "db/output/limited_file.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "util/check.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

class LimitedFile final : public WritableFile {
 public:
  LimitedFile(std::unique_ptr<WritableFile> file, MayAppend may_append)
      : file_(std::move(file)), may_append_(std::move(may_append)) {}

  absl::Status Append(std::span<const std::string_view> pieces,
                      const IoContext& context) override {
    uint64_t left = 0;
    for (const std::string_view piece : pieces) left += piece.size();
    std::vector<std::string_view> rest(pieces.begin(), pieces.end());
    while (left > 0) {
      LISSOM_ASSIGN_OR_RETURN(const uint64_t now, may_append_(left));
      LISSOM_DCHECK(now > 0 && now <= left);
      const std::vector<std::string_view> part = Take(now, rest);
      const absl::Status status = file_->Append(part, context);
      size_ = file_->size();
      LISSOM_RETURN_IF_ERROR(status);
      left -= now;
    }
    return absl::OkStatus();
  }
  absl::Status Sync(const IoContext& context) override {
    return file_->Sync(context);
  }
  absl::Status Allocate(uint64_t size, const IoContext& context) override {
    return file_->Allocate(size, context);
  }
  absl::Status TrimToSize(const IoContext& context) override {
    return file_->TrimToSize(context);
  }
  absl::Status Close() override { return file_->Close(); }

 private:
  // Moves the first `bytes` out of `rest`.
  static std::vector<std::string_view> Take(
      uint64_t bytes, std::vector<std::string_view>& rest) {
    std::vector<std::string_view> taken;
    size_t whole = 0;
    for (; bytes > 0; ++whole) {
      std::string_view& piece = rest[whole];
      taken.push_back(piece.substr(0, bytes));
      bytes -= taken.back().size();
      piece.remove_prefix(taken.back().size());
      if (!piece.empty()) break;
    }
    rest.erase(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(whole));
    return taken;
  }

  const std::unique_ptr<WritableFile> file_;
  const MayAppend may_append_;
};

}  // namespace

std::unique_ptr<WritableFile> NewLimitedFile(std::unique_ptr<WritableFile> file,
                                             MayAppend may_append) {
  return std::make_unique<LimitedFile>(std::move(file), std::move(may_append));
}

}  // namespace lissom
