#include "util/memory_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "util/check.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

constexpr size_t kPageSize = FileContent::kPageSize;
constexpr size_t kSectorSize = 512;

// The page with `bytes` put at `at`, zeros before them if it was shorter.
FileContent::Page PageWith(const FileContent::Page& old, size_t at,
                           std::string_view bytes) {
  auto page = std::make_shared<std::string>();
  page->reserve(std::max(old ? old->size() : 0, at + bytes.size()));
  if (old) *page = *old;
  if (page->size() < at + bytes.size()) page->resize(at + bytes.size());
  page->replace(at, bytes.size(), bytes);
  return page;
}

std::string Expanded(const FileContent::Page& page) {
  std::string bytes = page ? *page : std::string();
  bytes.resize(kPageSize);
  return bytes;
}

// Each sector old or new, and one cut inside: an earlier write of the page that
// ended there, or a sector that the drive filled up with what it had.
FileContent::Page TornPage(const FileContent::Page& old_page,
                           const FileContent::Page& new_page, Random& random) {
  auto torn = std::make_shared<std::string>(Expanded(old_page));
  const std::string fresh = Expanded(new_page);
  const size_t cut_sector = random.Uniform(kPageSize / kSectorSize);
  for (size_t sector = 0; sector < kPageSize / kSectorSize; ++sector) {
    size_t take = random.OneIn(2) ? kSectorSize : 0;
    if (sector == cut_sector) take = random.Uniform(kSectorSize + 1);
    torn->replace(sector * kSectorSize, take, fresh, sector * kSectorSize,
                  take);
  }
  return torn;
}

}  // namespace

std::string ToString(const CrashPolicy& policy) {
  switch (policy.kind) {
    case CrashPolicy::Kind::kSyncedOnly:
      return "synced only";
    case CrashPolicy::Kind::kEverything:
      return "everything";
    case CrashPolicy::Kind::kRandomSubset:
      return absl::StrCat("random subset, seed ", policy.seed);
    case CrashPolicy::Kind::kTorn:
      return absl::StrCat("torn, seed ", policy.seed);
  }
  return "?";
}

std::string ToString(const MemoryOperation& operation) {
  using Kind = MemoryOperation::Kind;
  const std::string& path = operation.path;
  switch (operation.kind) {
    case Kind::kCreate:
      return absl::StrCat("create ", path);
    case Kind::kAppend:
      return absl::StrCat("append ", path, " ", operation.bytes.size(),
                          " bytes at ", operation.offset);
    case Kind::kSync:
      return absl::StrCat("sync ", path);
    case Kind::kAllocate:
      return absl::StrCat("allocate ", path, " to ", operation.offset);
    case Kind::kTrim:
      return absl::StrCat("trim ", path, " to ", operation.offset);
    case Kind::kClose:
      return absl::StrCat("close ", path);
    case Kind::kRemove:
      return absl::StrCat("remove ", path);
    case Kind::kRename:
      return absl::StrCat("rename ", path, " to ", operation.to);
    case Kind::kMakeDirectory:
      return absl::StrCat("make directory ", path);
    case Kind::kRemoveDirectory:
      return absl::StrCat("remove directory ", path);
    case Kind::kSyncDirectory:
      return absl::StrCat("sync directory ", path);
    case Kind::kDropUnsynced:
      return absl::StrCat("drop unsynced ", path);
    case Kind::kSetBytes:
      return absl::StrCat("set bytes ", path, " ", operation.bytes.size());
  }
  return "?";
}

// --- FileContent

void FileContent::Resize(uint64_t new_size) {
  pages.resize(PageCount(new_size));
  size = new_size;
  const size_t tail = new_size % kPageSize;
  // Whatever stood behind the end must not come back when the file grows.
  if (tail != 0 && pages.back() && pages.back()->size() > tail) {
    pages.back() =
        std::make_shared<const std::string>(pages.back()->substr(0, tail));
  }
}

size_t FileContent::Read(uint64_t offset, size_t length, char* scratch) const {
  if (offset >= size) return 0;
  length = static_cast<size_t>(std::min<uint64_t>(length, size - offset));
  for (size_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const size_t in_page = at % kPageSize;
    const size_t chunk = std::min(length - done, kPageSize - in_page);
    const Page& page = pages[at / kPageSize];
    const size_t there = page && page->size() > in_page
                             ? std::min(chunk, page->size() - in_page)
                             : 0;
    if (there > 0) std::memcpy(scratch + done, page->data() + in_page, there);
    std::memset(scratch + done + there, 0, chunk - there);
    done += chunk;
  }
  return length;
}

// --- MemoryFile

bool MemoryFile::clean() const {
  return frozen_ || (dirty_.empty() && !dropped_ && min_size_ == max_size_);
}

void MemoryFile::Freeze() {
  LISSOM_DCHECK(clean());
  if (frozen_) return;
  frozen_ = std::make_shared<const FileContent>(std::move(live_));
  live_ = FileContent();
  durable_ = FileContent();
}

void MemoryFile::Thaw() {
  if (!frozen_) return;
  live_ = durable_ = *frozen_;
  min_size_ = max_size_ = live_.size;
  frozen_.reset();
}

void MemoryFile::MarkDirty(size_t page) {
  if (dirty_.empty() || dirty_.back() != page) dirty_.push_back(page);
}

void MemoryFile::NoteSize() {
  min_size_ = std::min(min_size_, live_.size);
  max_size_ = std::max(max_size_, live_.size);
}

void MemoryFile::Write(uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  Thaw();
  if (offset + bytes.size() > live_.size) Resize(offset + bytes.size());
  while (!bytes.empty()) {
    const size_t index = offset / kPageSize;
    const size_t in_page = offset % kPageSize;
    const size_t chunk = std::min(bytes.size(), kPageSize - in_page);
    live_.pages[index] =
        PageWith(live_.pages[index], in_page, bytes.substr(0, chunk));
    MarkDirty(index);
    offset += chunk;
    bytes.remove_prefix(chunk);
  }
}

void MemoryFile::Resize(uint64_t size) {
  Thaw();
  const size_t before = live_.pages.size();
  const bool cuts = size < live_.size;
  live_.Resize(size);
  if (cuts && size % kPageSize != 0) MarkDirty(size / kPageSize);
  // A page that was cut off and is back is zeros now, whatever is durable.
  for (size_t i = before; i < live_.pages.size(); ++i) {
    if (i < durable_.pages.size() && durable_.pages[i]) MarkDirty(i);
  }
  NoteSize();
}

void MemoryFile::Sync() {
  if (frozen_) return;
  durable_.Resize(live_.size);
  for (size_t page : dirty_) {
    if (page < live_.pages.size()) durable_.pages[page] = live_.pages[page];
  }
  dirty_.clear();
  min_size_ = max_size_ = live_.size;
}

void MemoryFile::DropUnsynced() {
  if (dirty_.empty()) return;
  dirty_.clear();
  dropped_ = true;
}

void MemoryFile::SetBytes(std::string_view bytes) {
  *this = MemoryFile();
  Write(0, bytes);
  Sync();
}

uint64_t MemoryFile::DrawSize(Random& random) const {
  const uint64_t span = max_size_ - min_size_;
  if (span == 0) return max_size_;
  const uint64_t any = min_size_ + random.Uniform(span + 1);
  switch (random.Uniform(5)) {
    case 0:
      return min_size_;
    case 1:
      return max_size_;
    case 2:
      return live_.size;
    case 3:
      return std::max(min_size_, any / kPageSize * kPageSize);
    default:
      return any;
  }
}

std::shared_ptr<MemoryFile> MemoryFile::AfterCrash(CrashPolicy::Kind kind,
                                                   Random& random) {
  if (clean()) {
    Freeze();
    return std::make_shared<MemoryFile>(frozen_);
  }
  if (kind == CrashPolicy::Kind::kEverything) {
    return std::make_shared<MemoryFile>(
        std::make_shared<const FileContent>(live_));
  }
  auto image = std::make_shared<FileContent>(durable_);
  if (kind != CrashPolicy::Kind::kSyncedOnly) {
    const uint64_t size = DrawSize(random);
    image->Resize(size);
    // A bias for each file: with a plain coin the images with none or all of a
    // large file's pages would never come up.
    const uint64_t quarters_kept = random.Uniform(5);
    for (size_t page : dirty_) {
      if (page >= image->pages.size()) continue;
      const FileContent::Page fresh =
          page < live_.pages.size() ? live_.pages[page] : nullptr;
      if (kind == CrashPolicy::Kind::kTorn && random.OneIn(3)) {
        image->pages[page] = TornPage(image->pages[page], fresh, random);
      } else if (random.Uniform(4) < quarters_kept) {
        image->pages[page] = fresh;
      }
    }
    image->Resize(size);
  }
  return std::make_shared<MemoryFile>(std::move(image));
}

// --- MemoryDirectory

MemoryNodePtr MemoryDirectory::Find(const std::string& name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : it->second.back();
}

std::vector<std::string> MemoryDirectory::List() const {
  std::vector<std::string> list;
  for (const auto& [name, states] : names_) {
    if (states.back()) list.push_back(name);
  }
  return list;
}

void MemoryDirectory::Set(const std::string& name, MemoryNodePtr node) {
  States& states = names_.try_emplace(name, 1).first->second;
  states.push_back(std::move(node));
  changed_.push_back(name);
}

void MemoryDirectory::SetDurable(const std::string& name, MemoryNodePtr node) {
  // Links that speak of states that are gone must go as well.
  std::erase_if(renames_, [&](const RenameLink& link) {
    return link.source == name || link.target == name;
  });
  names_[name] = States{std::move(node)};
}

void MemoryDirectory::Rename(const std::string& from, const std::string& to) {
  Set(to, Find(from));
  Set(from, nullptr);
  renames_.push_back({.source = from,
                      .source_index = names_[from].size() - 1,
                      .target = to,
                      .target_index = names_[to].size() - 1});
}

void MemoryDirectory::Sync() {
  for (const std::string& name : changed_) {
    const auto it = names_.find(name);
    if (it == names_.end()) continue;  // Came twice, and is gone.
    it->second.erase(it->second.begin(), it->second.end() - 1);
    if (it->second.back() == nullptr) names_.erase(it);
  }
  changed_.clear();
  renames_.clear();
}

// The state that each changed name has after the crash.
absl::flat_hash_map<std::string_view, size_t> MemoryDirectory::DrawChanged(
    CrashDraw& draw) const {
  absl::flat_hash_map<std::string_view, size_t> chosen;
  if (draw.kind == CrashPolicy::Kind::kSyncedOnly ||
      draw.kind == CrashPolicy::Kind::kEverything) {
    return chosen;
  }
  for (const std::string& name : changed_) {
    const States& states = names_.at(name);
    chosen[name] = draw.random.Uniform(states.size());
  }
  for (bool again = true; again;) {  // Ends: indexes only grow.
    again = false;
    for (const RenameLink& link : renames_) {
      size_t& target = chosen[link.target];
      if (chosen[link.source] >= link.source_index &&
          target < link.target_index) {
        target = link.target_index;
        again = true;
      }
    }
  }
  return chosen;
}

std::shared_ptr<MemoryDirectory> MemoryDirectory::AfterCrash(
    CrashDraw& draw) const {
  auto image = std::make_shared<MemoryDirectory>();
  const auto chosen = DrawChanged(draw);
  for (const auto& [name, states] : names_) {
    const auto it = chosen.find(name);
    MemoryNodePtr node;
    if (it != chosen.end()) {
      node = states[it->second];
    } else if (draw.kind == CrashPolicy::Kind::kEverything) {
      node = states.back();
    } else {
      node = states.front();
    }
    if (!node) continue;
    MemoryNodePtr drawn = draw.drawn[node.get()];
    if (!drawn) {
      if (MemoryFile* file = node->AsFile()) {
        drawn = file->AfterCrash(draw.kind, draw.random);
      } else {
        drawn = node->AsDirectory()->AfterCrash(draw);
      }
      draw.drawn[node.get()] = drawn;
    }
    image->names_.emplace_hint(image->names_.end(), name, States{drawn});
  }
  return image;
}

// --- MemoryDisk

struct MemoryDisk::Place {
  std::shared_ptr<MemoryDirectory> directory;
  std::string name;
  MemoryNodePtr node;  // Null if there is none of that name.
};

namespace {

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.emplace_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return parts;
}

std::shared_ptr<MemoryDirectory> ToDirectory(const MemoryNodePtr& node) {
  return std::dynamic_pointer_cast<MemoryDirectory>(node);
}

}  // namespace

MemoryDisk::MemoryDisk() : root_(std::make_shared<MemoryDirectory>()) {}

MemoryNodePtr MemoryDisk::Find(std::string_view path) const {
  MemoryNodePtr node = root_;
  for (const std::string& part : SplitPath(path)) {
    MemoryDirectory* directory = node->AsDirectory();
    node = directory == nullptr ? nullptr : directory->Find(part);
    if (!node) return nullptr;
  }
  return node;
}

absl::StatusOr<MemoryDisk::Place> MemoryDisk::Locate(
    std::string_view what, const std::string& path) const {
  std::vector<std::string> parts = SplitPath(path);
  if (parts.empty()) return ErrnoError(EBUSY, what, path);  // The root.
  Place place{.directory = root_, .name = std::move(parts.back()), .node = {}};
  parts.pop_back();
  for (const std::string& part : parts) {
    const MemoryNodePtr node = place.directory->Find(part);
    if (!node) return ErrnoError(ENOENT, what, path);
    place.directory = ToDirectory(node);
    if (!place.directory) return ErrnoError(ENOTDIR, what, path);
  }
  place.node = place.directory->Find(place.name);
  return place;
}

absl::Status MemoryDisk::Apply(const MemoryOperation& operation) {
  switch (operation.kind) {
    case MemoryOperation::Kind::kAppend:
    case MemoryOperation::Kind::kSync:
    case MemoryOperation::Kind::kAllocate:
    case MemoryOperation::Kind::kTrim:
    case MemoryOperation::Kind::kClose:
      return ApplyToFile(operation);
    default:
      return ApplyToName(operation);
  }
}

absl::Status MemoryDisk::ApplyToFile(const MemoryOperation& operation) {
  const auto it = open_.find(operation.handle);
  if (it == open_.end()) return ErrnoError(EBADF, "write", operation.path);
  MemoryFile& file = *it->second;
  switch (operation.kind) {
    case MemoryOperation::Kind::kAppend:
      file.Write(operation.offset, operation.bytes);
      break;
    case MemoryOperation::Kind::kSync:
      file.Sync();
      break;
    case MemoryOperation::Kind::kAllocate:
      if (operation.offset > file.size()) file.Resize(operation.offset);
      break;
    case MemoryOperation::Kind::kTrim:
      if (operation.offset != file.size()) file.Resize(operation.offset);
      break;
    default:
      open_.erase(it);  // kClose.
  }
  return absl::OkStatus();
}

absl::Status MemoryDisk::ApplyToName(const MemoryOperation& operation) {
  switch (operation.kind) {
    case MemoryOperation::Kind::kCreate:
    case MemoryOperation::Kind::kMakeDirectory:
      return Create(operation);
    case MemoryOperation::Kind::kRemove:
    case MemoryOperation::Kind::kRemoveDirectory:
      return Remove(operation);
    case MemoryOperation::Kind::kRename:
      return Rename(operation);
    case MemoryOperation::Kind::kSetBytes:
      return SetBytes(operation);
    default:
      break;
  }
  const MemoryNodePtr node = Find(operation.path);
  if (operation.kind == MemoryOperation::Kind::kSyncDirectory) {
    if (!node) return ErrnoError(ENOENT, "sync directory", operation.path);
    MemoryDirectory* directory = node->AsDirectory();
    if (!directory)
      return ErrnoError(ENOTDIR, "sync directory", operation.path);
    directory->Sync();
    return absl::OkStatus();
  }
  if (!node || !node->AsFile()) {
    return ErrnoError(ENOENT, "drop unsynced", operation.path);
  }
  node->AsFile()->DropUnsynced();
  return absl::OkStatus();
}

absl::Status MemoryDisk::Create(const MemoryOperation& operation) {
  if (SplitPath(operation.path).empty()) {
    return ErrnoError(EEXIST, "create", operation.path);
  }
  LISSOM_ASSIGN_OR_RETURN(Place place, Locate("create", operation.path));
  if (place.node) return ErrnoError(EEXIST, "create", operation.path);
  if (operation.kind == MemoryOperation::Kind::kMakeDirectory) {
    place.directory->Set(place.name, std::make_shared<MemoryDirectory>());
    return absl::OkStatus();
  }
  auto file = std::make_shared<MemoryFile>();
  open_[operation.handle] = file;
  place.directory->Set(place.name, std::move(file));
  return absl::OkStatus();
}

absl::Status MemoryDisk::Remove(const MemoryOperation& operation) {
  LISSOM_ASSIGN_OR_RETURN(Place place, Locate("remove", operation.path));
  if (!place.node) return ErrnoError(ENOENT, "remove", operation.path);
  const bool want_directory =
      operation.kind == MemoryOperation::Kind::kRemoveDirectory;
  MemoryDirectory* directory = place.node->AsDirectory();
  if (want_directory && !directory) {
    return ErrnoError(ENOTDIR, "remove directory", operation.path);
  }
  if (!want_directory && directory) {
    return ErrnoError(EISDIR, "remove", operation.path);
  }
  if (directory && !directory->empty()) {
    return ErrnoError(ENOTEMPTY, "remove directory", operation.path);
  }
  place.directory->Set(place.name, nullptr);
  return absl::OkStatus();
}

absl::Status MemoryDisk::Rename(const MemoryOperation& operation) {
  LISSOM_ASSIGN_OR_RETURN(Place from, Locate("rename", operation.path));
  if (!from.node) return ErrnoError(ENOENT, "rename", operation.path);
  LISSOM_ASSIGN_OR_RETURN(Place to, Locate("rename", operation.to));
  // Two names of one file: rename(2) does nothing then.
  if (from.node == to.node) return absl::OkStatus();
  if (from.node->AsDirectory()) {
    const std::vector<std::string> inner = SplitPath(operation.to);
    const std::vector<std::string> outer = SplitPath(operation.path);
    if (inner.size() >= outer.size() &&
        std::equal(outer.begin(), outer.end(), inner.begin())) {
      return ErrnoError(EINVAL, "rename into itself", operation.path);
    }
    if (to.node && !to.node->AsDirectory()) {
      return ErrnoError(ENOTDIR, "rename", operation.to);
    }
    if (to.node && !to.node->AsDirectory()->empty()) {
      return ErrnoError(ENOTEMPTY, "rename", operation.to);
    }
  } else if (to.node && to.node->AsDirectory()) {
    return ErrnoError(EISDIR, "rename", operation.to);
  }
  if (from.directory == to.directory) {
    from.directory->Rename(from.name, to.name);
  } else {
    // Between directories nothing ties the two names: each is made durable by
    // its own SyncDirectory, and a crash may lose the file.
    to.directory->Set(to.name, from.node);
    from.directory->Set(from.name, nullptr);
  }
  return absl::OkStatus();
}

absl::Status MemoryDisk::SetBytes(const MemoryOperation& operation) {
  LISSOM_ASSIGN_OR_RETURN(Place place, Locate("set bytes", operation.path));
  if (place.node && !place.node->AsFile()) {
    return ErrnoError(EISDIR, "set bytes", operation.path);
  }
  if (!place.node) place.node = std::make_shared<MemoryFile>();
  place.node->AsFile()->SetBytes(operation.bytes);
  place.directory->SetDurable(place.name, place.node);
  return absl::OkStatus();
}

MemoryDisk MemoryDisk::AfterCrash(const CrashPolicy& policy) const {
  CrashDraw draw{
      .kind = policy.kind, .random = Random(policy.seed), .drawn = {}};
  MemoryDisk image;
  image.root_ = root_->AfterCrash(draw);
  return image;
}

}  // namespace lissom
