// The defaults of the FileSystem interface.
#include "lissom/file_system.h"

namespace lissom {

void RandomAccessFile::ReadBatch(std::span<ReadRequest> requests,
                                 const IoContext& context) const {
  for (ReadRequest& request : requests) {
    absl::StatusOr<std::string_view> bytes =
        Read(request.offset, request.size, request.scratch, context);
    request.status = bytes.status();
    request.result = bytes.ok() ? *bytes : std::string_view();
  }
}

void RandomAccessFile::Prefetch(uint64_t, uint64_t, const IoContext&) const {}

}  // namespace lissom
