#include "db/version/table_file.h"

#include <utility>

#include "db/filename.h"
#include "lissom/status.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// What a table costs that nobody reads, in a few lists of versions, about.
size_t MetadataBytes(const TableMetadata& table) {
  constexpr size_t kInLists = 128;
  return sizeof(TableFile) + kInLists + table.smallest.user_key.capacity() +
         table.largest.user_key.capacity();
}

// No descriptors or memory, which closing tables gives back.
bool LacksResources(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && detail->kind == ErrorKind::kNoResources;
}

std::shared_ptr<BlockCache> CacheOf(const TableSource* source) {
  return source == nullptr ? nullptr : source->cache;
}

}  // namespace

TableFile::TableFile(std::shared_ptr<const TableSource> source,
                     TableMetadata metadata)
    : source_(std::move(source)),
      metadata_(std::move(metadata)),
      share_(CacheOf(source_.get()), MetadataBytes(metadata_)),
      cache_key_(share_.cache() == nullptr ? 0 : share_.cache()->NewFileKey()) {
  if (source_ != nullptr) source_->open_tables->AddMetadata(share_.bytes());
}

TableFile::~TableFile() {
  if (source_ == nullptr) return;
  // No version names it any more, and cache_key_ goes with it: its blocks would
  // only be in the way of others.
  if (const TablePin pin = PinOpen(); pin.get() != nullptr) pin->EraseBlocks();
  source_->open_tables->Forget(place_);
  source_->open_tables->SubtractMetadata(share_.bytes());
}

absl::StatusOr<std::unique_ptr<TableReader>> OpenTableReader(
    const TableSource& source, const TableMetadata& table,
    std::shared_ptr<BlockCache> cache, uint64_t cache_key,
    const IoContext& io) {
  std::string path = TableFileName(source.directory, table.number);
  // The file is for all who read the table: opened as for reads in the
  // foreground, whoever is the first.
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<RandomAccessFile> file,
      source.file_system->OpenForRead(
          path, {.kind = IoContext::Kind::kTable, .deadline = io.deadline}));
  return TableReader::Open({.order = source.order,
                            .cache = std::move(cache),
                            .cache_key = cache_key,
                            .id = table.id,
                            .file_size = table.size,
                            .tail_size = table.tail_size,
                            .io = io},
                           std::move(path), std::move(file));
}

TablePin TableFile::PinOpen() const {
  const EpochGuard guard;
  const OpenTable* table = place_.table.load(std::memory_order_acquire);
  if (table != nullptr) place_.Touch();
  return TablePin(Ref<const OpenTable>(table));
}

absl::StatusOr<TablePin> TableFile::Pin(const TableReadOptions& options) const {
  TablePin pin = PinOpen();
  if (pin.get() != nullptr) return pin;
  return Open(options);
}

absl::StatusOr<TablePin> TableFile::Open(
    const TableReadOptions& options) const {
  LISSOM_RETURN_IF_ERROR(CheckMayRead(options));
  // The file is read under the lock: whoever wants the table has to wait for
  // its tail anyway, and so it is read once.
  MutexLock lock(mu_);
  TablePin pin = PinOpen();
  if (pin.get() != nullptr) return pin;
  OpenTables& open_tables = *source_->open_tables;
  TableSlot slot = open_tables.MakeRoom(metadata_.tail_size);
  const auto open = [&] {
    return OpenTableReader(*source_, metadata_, source_->cache, cache_key_,
                           options.io);
  };
  absl::StatusOr<std::unique_ptr<TableReader>> reader = open();
  if (LacksResources(reader.status()) && open_tables.CloseSome()) {
    reader = open();
  }
  if (!reader.ok()) return std::move(reader).status();
  slot.SetBytes((*reader)->memory_bytes());
  CacheReservation share(source_->cache, slot.bytes());
  const auto table = MakeRef<const OpenTable>(std::move(slot), std::move(share),
                                              *std::move(reader));
  open_tables.Show(place_, table);
  return TablePin(table);
}

}  // namespace lissom
