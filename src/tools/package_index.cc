#include "src/tools/package_index.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

constexpr std::string_view kNameField = "Package: ";

absl::StatusOr<std::string> ReadAll(std::FILE* from, const std::string& name) {
  std::string text;
  char buffer[1 << 16];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, from)) > 0) {
    text.append(buffer, count);
  }
  if (std::ferror(from) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", name));
  }
  return text;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  }
  absl::StatusOr<std::string> text = ReadAll(file, path);
  std::fclose(file);
  return text;
}

absl::StatusOr<std::string> ReadFromApt() {
  std::FILE* pipe = popen("apt-cache dumpavail", "r");
  if (pipe == nullptr) {
    return absl::InvalidArgumentError("cannot run apt-cache dumpavail");
  }
  absl::StatusOr<std::string> text = ReadAll(pipe, "apt-cache's output");
  if (pclose(pipe) != 0 && text.ok()) {
    return absl::InvalidArgumentError(
        "apt-cache dumpavail failed; give a file of stanzas instead: --input");
  }
  return text;
}

// The text of the stanza's name field; empty if it has none.
std::string_view NameOf(std::string_view stanza) {
  size_t at = 0;
  while (at < stanza.size()) {
    const size_t end = std::min(stanza.find('\n', at), stanza.size());
    const std::string_view line = stanza.substr(at, end - at);
    if (line.starts_with(kNameField)) return line.substr(kNameField.size());
    at = end + 1;
  }
  return {};
}

}  // namespace

PackageIndex::PackageIndex(std::string text) : text_(std::move(text)) {
  absl::flat_hash_map<absl::string_view, size_t> index_of;
  const std::string_view all = text_;
  size_t at = 0;
  while (at < all.size()) {
    const size_t end = std::min(all.find("\n\n", at), all.size());
    const std::string_view stanza = all.substr(at, end - at);
    at = std::min(all.find_first_not_of('\n', end), all.size());
    const std::string_view name = NameOf(stanza);
    if (name.empty()) continue;
    const auto [it, is_new] =
        index_of.try_emplace(ToAbsl(name), records_.size());
    if (is_new) {
      records_.push_back({name, stanza});
      raw_bytes_ += name.size() + stanza.size();
    } else {
      ++replaced_;
      raw_bytes_ += stanza.size();
      raw_bytes_ -= records_[it->second].value.size();
      records_[it->second].value = stanza;
    }
  }
}

absl::StatusOr<std::unique_ptr<const PackageIndex>> PackageIndex::Parse(
    std::string text) {
  std::unique_ptr<const PackageIndex> index(new PackageIndex(std::move(text)));
  if (index->records().empty()) {
    return absl::InvalidArgumentError(
        "the input has no line 'Package: NAME'; is it a package index?");
  }
  return index;
}

absl::StatusOr<std::unique_ptr<const PackageIndex>> PackageIndex::Read(
    const std::string& path) {
  LISSOM_ASSIGN_OR_RETURN(std::string text,
                          path.empty() ? ReadFromApt() : ReadFile(path));
  return Parse(std::move(text));
}

std::vector<size_t> PackageIndex::SortedOrder() const {
  std::vector<size_t> order(records_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    return records_[a].key < records_[b].key;
  });
  return order;
}

}  // namespace lissom::tools
