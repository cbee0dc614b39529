#include "src/tools/inspect/dump.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/tools/cli/text.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
std::string Shown(std::string_view bytes, const DumpStyle& style) {
  if (style.hex) return ToHex(bytes);
  std::string text = "\"";
  for (const char c : ToEscaped(bytes)) {
    if (c == '"') {
      text += "\\x22";
    } else {
      text += c;
    }
  }
  return text + '"';
}

void AddBytes(JsonLine& line, const std::string& name, std::string_view bytes,
              const DumpStyle& style) {
  if (style.hex || !IsUtf8(bytes)) {
    line.Add(name + "_hex", ToBareHex(bytes));
  } else {
    line.Add(name, bytes);
  }
}

std::string Shown(const FileId& id) {
  return absl::StrFormat("%016x-%016x", id.high, id.low);
}

std::string KindName(EntryKind kind) {
  switch (kind) {
    case EntryKind::kPut:
      return "put";
    case EntryKind::kDelete:
      return "delete";
    case EntryKind::kLogData:
      return "note";
    default:
      return absl::StrCat("kind ", static_cast<int>(kind));
  }
}

std::string Counted(uint64_t count, std::string_view noun) {
  return absl::StrCat(count, " ", ToAbsl(noun), count == 1 ? "" : "s");
}

absl::Status CheckIsFile(FileSystem& files, const std::string& path,
                         std::string_view noun) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(path));
  switch (info.type) {
    case FileInfo::Type::kFile:
      return absl::OkStatus();
    case FileInfo::Type::kAbsent:
      return absl::InvalidArgumentError(absl::StrCat(path, ": no such file"));
    case FileInfo::Type::kDirectory:
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is a directory, not ", ToAbsl(noun)));
    case FileInfo::Type::kOther:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": is no regular file, so not ", ToAbsl(noun)));
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string PlainMessage(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

}  // namespace lissom::tools
