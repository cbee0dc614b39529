// table/FORMAT.md tells the truth: its hex dump is the smallest table.
#include <fstream>
#include <sstream>

#include "tests/table/table_testing.h"

namespace lissom {
namespace {

std::string HexDump(std::string_view bytes) {
  std::string dump;
  char buffer[32];
  for (size_t at = 0; at < bytes.size(); at += 16) {
    std::snprintf(buffer, sizeof buffer, "%04zx ", at);
    dump += buffer;
    for (size_t i = at; i < std::min(at + 16, bytes.size()); ++i) {
      std::snprintf(buffer, sizeof buffer, " %02x",
                    static_cast<uint8_t>(bytes[i]));
      dump += buffer;
    }
    dump += "\n";
  }
  return dump;
}

TEST(TableFormat, TheDumpInTheFormatPageIsTheSmallestTable) {
  const TestTable table =
      BuildTable(BuilderOptions(),
                 {{InternalKey("k", PackTrailer(1, EntryKind::kPut)), "v"}});
  std::ifstream in(LISSOM_SOURCE_DIR "/table/FORMAT.md");
  ASSERT_TRUE(in.good());
  std::stringstream page;
  page << in.rdbuf();
  const std::string dump = HexDump(*table.bytes);
  EXPECT_NE(page.str().find(dump), std::string::npos)
      << "table/FORMAT.md should show\n"
      << dump;
}

}  // namespace
}  // namespace lissom
