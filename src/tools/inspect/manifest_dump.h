// DumpManifest shows every edit of a manifest in order, and the shape of the
// tree that they add up to.
#ifndef LISSOM_SRC_TOOLS_INSPECT_MANIFEST_DUMP_H_
#define LISSOM_SRC_TOOLS_INSPECT_MANIFEST_DUMP_H_

#include <string>

#include "absl/status/status.h"
#include "lissom/file_system.h"
#include "src/tools/inspect/dump.h"

namespace lissom::tools {

struct ManifestDumpOptions {
  DumpStyle style = {};
};

// `path`: a manifest under any name, or a database's directory: the manifest
// that CURRENT names. kDataLoss: damage, or edits that cannot follow one
// another; everything up to there was shown. An edit at the end that was cut
// short, as a power cut leaves it, never took effect and is OK.
// kInvalidArgument: no such file. kUnimplemented: a newer format.
absl::Status DumpManifest(FileSystem& files, const std::string& path,
                          const ManifestDumpOptions& options, LineSink& sink);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_MANIFEST_DUMP_H_
