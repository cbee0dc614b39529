#include "src/tools/inspect/table_dump.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/tools/inspect/table_layout.h"
#include "table/table_reader.h"
#include "util/block_cache.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

std::string CodecName(uint8_t codec) {
  switch (static_cast<Codec>(codec)) {
    case Codec::kNone:
      return "none";
    case Codec::kZstd:
      return "zstd";
    case Codec::kZstdDictionary:
      return "zstd+dict";
  }
  return absl::StrCat("codec ", codec);
}

std::string FilterName(FilterId filter) {
  return filter == FilterId::kNone ? "none" : "bloom";
}

class TableDump {
 public:
  TableDump(FileSystem& files, std::string path,
            const TableDumpOptions& options, LineSink& sink)
      : files_(files), path_(std::move(path)), options_(options), sink_(sink) {}

  absl::Status Run() {
    absl::StatusOr<TableLayout> layout = TableLayout::Open(files_, path_);
    LISSOM_RETURN_IF_ERROR(layout.status());
    layout_.emplace(*std::move(layout));
    if ((options_.from || options_.to) && !layout_->order_is_known()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path_, ": --from and --to need the order of the keys, and ",
          Shown(layout_->properties().comparator, {}), " is not known here"));
    }
    ShowTable();
    if (options_.layout) ShowLayout();
    if (options_.entries) Note(ShowEntries());
    if (options_.verify && sink_.wanted()) Note(Verify());
    return flaw_.status();
  }

 private:
  bool json() const { return options_.style.json; }

  void Note(const absl::Status& status) {
    if (status.ok()) return;
    flaw_.Note(status);
    if (json()) {
      JsonLine line;
      line.Add("type", "flaw").Add("text", PlainMessage(status));
      return sink_(std::move(line).Finish());
    }
    sink_(absl::StrCat("  ", PlainMessage(status)));
  }

  std::string KeyText(const InternalKeyView& key) const {
    return absl::StrCat(Shown(key.user_key, options_.style), " @ ",
                        key.sequence(), " ", KindName(key.kind()));
  }

  void AddKey(JsonLine& line, const std::string& name,
              const InternalKeyView& key) const {
    AddBytes(line, name, key.user_key, options_.style);
    const std::string prefix = name == "key" ? "" : name + "_";
    line.Add(prefix + "sequence", key.sequence());
    line.Add(prefix + "kind", KindName(key.kind()));
  }

  // --- Footer and properties.

  void ShowTable() const {
    const TableProperties& p = layout_->properties();
    if (json()) return TableAsJson(p);
    sink_(absl::StrCat(path_, ": table, ", layout_->file_size(), " bytes, id ",
                       Shown(layout_->footer().id), ", format ",
                       layout_->footer().version));
    const auto row = [this](const char* name, const auto& value) {
      sink_(absl::StrFormat("  %-12s %s", name, absl::StrCat(value)));
    };
    row("comparator", Shown(p.comparator, {}));
    row("entries", p.entries);
    row("tombstones", p.tombstones);
    row("key bytes", p.raw_key_bytes);
    row("value bytes", p.raw_value_bytes);
    row("data", absl::StrCat(p.data_bytes, " bytes in ",
                             Counted(p.data_blocks, "block")));
    row("smallest", KeyText(p.smallest.view()));
    row("largest", KeyText(p.largest.view()));
    row("sequences",
        absl::StrCat(p.smallest_sequence, "-", p.largest_sequence));
    row("codec", CodecName(static_cast<uint8_t>(p.codec)));
    row("filter", FilterName(p.filter));
  }

  void TableAsJson(const TableProperties& p) const {
    JsonLine line;
    line.Add("type", "table").Add("path", path_);
    line.Add("bytes", layout_->file_size());
    line.Add("id", Shown(layout_->footer().id));
    line.Add("format", layout_->footer().version);
    AddBytes(line, "comparator", p.comparator, {});
    line.Add("entries", p.entries).Add("tombstones", p.tombstones);
    line.Add("key_bytes", p.raw_key_bytes);
    line.Add("value_bytes", p.raw_value_bytes);
    line.Add("data_blocks", p.data_blocks).Add("data_bytes", p.data_bytes);
    AddKey(line, "smallest", p.smallest.view());
    AddKey(line, "largest", p.largest.view());
    line.Add("first_sequence", p.smallest_sequence);
    line.Add("last_sequence", p.largest_sequence);
    line.Add("codec", CodecName(static_cast<uint8_t>(p.codec)));
    line.Add("filter", FilterName(p.filter));
    sink_(std::move(line).Finish());
  }

  // --- Layout.

  // In the order of the file: data, partitions, dictionary, top index,
  // properties, footer.
  void ShowLayout() {
    if (!json()) sink_("layout: kind, offset, bytes, raw bytes, codec");
    const Footer& footer = layout_->footer();
    absl::StatusOr<Ref<const IndexBlock>> top =
        layout_->ReadIndex(footer.top, footer.top.offset);
    if (top.ok()) {
      for (uint32_t p = 0; p < (*top)->count() && sink_.wanted(); ++p) {
        ShowData((*top)->handle(p));
      }
      for (uint32_t p = 0; p < (*top)->count(); ++p) {
        ShowBlock("partition", (*top)->handle(p), (*top)->separator(p));
      }
    }
    if (layout_->properties().dictionary.has_value()) {
      ShowBlock("dictionary", *layout_->properties().dictionary, std::nullopt);
    }
    ShowBlock("top index", footer.top, std::nullopt);
    if (!top.ok()) NoteUnless(footer.top, top.status());
    ShowBlock("properties", footer.properties, std::nullopt);
    ShowFooter();
  }

  void ShowData(const BlockHandle& handle) {
    const absl::StatusOr<Ref<const IndexBlock>> partition =
        layout_->ReadIndex(handle, handle.offset);
    if (!partition.ok()) return NoteUnless(handle, partition.status());
    for (uint32_t b = 0; b < (*partition)->count() && sink_.wanted(); ++b) {
      ShowBlock("data", (*partition)->handle(b), (*partition)->separator(b));
    }
  }

  // Notes what is wrong with an index block unless it is one of the flaws that
  // are told where the block stands.
  void NoteUnless(const BlockHandle& handle, const absl::Status& status) {
    if (layout_->Read(handle).flaw.ok()) Note(status);
  }

  void ShowBlock(const char* kind, const BlockHandle& handle,
                 const std::optional<InternalKeyView>& separator) {
    const TableLayout::Block block = layout_->Read(handle);
    if (json()) {
      JsonLine line;
      line.Add("type", "block").Add("kind", kind);
      line.Add("offset", handle.offset).Add("bytes", handle.stored_size);
      line.Add("raw_bytes", handle.raw_size);
      line.Add("codec", CodecName(block.codec)).Add("ok", block.flaw.ok());
      if (separator) {
        AddBytes(line, "separator", separator->user_key, options_.style);
      }
      sink_(std::move(line).Finish());
    } else {
      std::string text = absl::StrFormat(
          "  %-10s %10d %10d %10d  %-9s %s", kind, handle.offset,
          handle.stored_size, handle.raw_size, CodecName(block.codec),
          block.flaw.ok() ? "ok" : "BAD");
      if (separator) {
        absl::StrAppend(&text, "  up to ",
                        Shown(separator->user_key, options_.style));
      }
      sink_(text);
    }
    if (!block.flaw.ok()) Note(block.flaw);
  }

  void ShowFooter() const {
    const uint64_t at = layout_->file_size() - Footer::kSize;
    if (!json()) {
      return sink_(
          absl::StrFormat("  %-10s %10d %10d", "footer", at, Footer::kSize));
    }
    JsonLine line;
    line.Add("type", "block").Add("kind", "footer").Add("offset", at);
    line.Add("bytes", Footer::kSize);
    sink_(std::move(line).Finish());
  }

  // --- Entries.

  absl::StatusOr<std::unique_ptr<TableReader>> OpenReader() const {
    LISSOM_ASSIGN_OR_RETURN(
        std::unique_ptr<RandomAccessFile> file,
        files_.OpenForRead(path_, {.kind = IoContext::Kind::kTable}));
    // Each block is read from the file.
    return TableReader::Open({.order = layout_->order(),
                              .cache = std::make_shared<BlockCache>(0),
                              .id = layout_->footer().id,
                              .file_size = layout_->file_size()},
                             path_, std::move(file));
  }

  static TableReadOptions ReadAll() {
    return {.fill_cache = false, .readahead_bytes = size_t{256} << 10};
  }

  absl::Status ShowEntries() const {
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader,
                            OpenReader());
    const std::unique_ptr<InternalIterator> it = reader->NewIterator(ReadAll());
    if (options_.from) {
      it->Seek({*options_.from, SeekTrailer(kMaxSequence)});
    } else {
      it->SeekToFirst();
    }
    if (!json()) sink_("entries:");
    uint64_t left = options_.limit.value_or(~uint64_t{0});
    for (; it->Valid() && left > 0 && sink_.wanted(); it->Next(), --left) {
      if (options_.to &&
          layout_->order().CompareUser(it->key().user_key, *options_.to) >= 0) {
        break;
      }
      ShowEntry(it->key(), it->value());
    }
    return it->status();
  }

  void ShowEntry(const InternalKeyView& key, std::string_view value) const {
    const bool has_value = key.kind() != EntryKind::kDelete;
    if (json()) {
      JsonLine line;
      line.Add("type", "entry");
      AddKey(line, "key", key);
      if (has_value) AddBytes(line, "value", value, options_.style);
      return sink_(std::move(line).Finish());
    }
    std::string text = absl::StrCat("  ", KeyText(key));
    if (has_value) {
      absl::StrAppend(&text, " = ", Shown(value, options_.style));
    }
    sink_(text);
  }

  // --- Verification.

  absl::Status Verify() const {
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader,
                            OpenReader());
    if (!layout_->order_is_known()) return ReadAllBlocks(*reader);
    LISSOM_RETURN_IF_ERROR(
        reader->Verify(ReadAll(), [] { return absl::OkStatus(); }));
    ShowVerified("verified: blocks, order, filters and properties");
    return absl::OkStatus();
  }

  absl::Status ReadAllBlocks(const TableReader& reader) const {
    const std::unique_ptr<InternalIterator> it = reader.NewIterator(ReadAll());
    uint64_t entries = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++entries;
    LISSOM_RETURN_IF_ERROR(it->status());
    if (entries != reader.entries()) {
      return CorruptionError(
          path_, layout_->footer().properties.offset,
          ToStd(absl::StrCat("the table holds ", entries,
                             " entries, and its properties say ",
                             reader.entries())));
    }
    ShowVerified("verified: blocks; the order of the keys is not known here");
    return absl::OkStatus();
  }

  void ShowVerified(const char* text) const {
    if (!json()) return sink_(text);
    JsonLine line;
    line.Add("type", "verified").Add("text", text);
    sink_(std::move(line).Finish());
  }

  FileSystem& files_;
  const std::string path_;
  const TableDumpOptions& options_;
  LineSink& sink_;
  std::optional<TableLayout> layout_;
  FirstFlaw flaw_;
};

}  // namespace

absl::Status DumpTable(FileSystem& files, const std::string& path,
                       const TableDumpOptions& options, LineSink& sink) {
  return TableDump(files, path, options, sink).Run();
}

}  // namespace lissom::tools
