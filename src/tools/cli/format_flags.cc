#include "absl/strings/str_cat.h"
#include "src/tools/cli/transfer.h"
#include "util/strings.h"

namespace lissom::tools {

void AddFormat(CLI::App& verb, RecordFormat& format) {
  verb.add_option("-f,--format", format.name,
                  std::string("One of ") + kFormatNames + ".")
      ->type_name("NAME")
      ->required();
  verb.add_option("--key-field", format.key_fields,
                  "deb822: the field that is the key; of several, with commas "
                  "between them, the texts are joined by '/'. (Default: "
                  "Package.)")
      ->type_name("FIELD")
      ->delimiter(',')
      ->expected(1);
}

absl::Status CheckFormat(const RecordFormat& format) {
  if (NewRecordWriter(format) == nullptr) {
    return UsageError(absl::StrCat("--format: '", Escape(format.name),
                                   "' is none of ", kFormatNames));
  }
  for (const std::string& field : format.key_fields) {
    if (field.empty() || field.find_first_of(": \t\n#") != std::string::npos) {
      return UsageError(absl::StrCat("--key-field: '", Escape(field),
                                     "' is no name of a field"));
    }
  }
  return absl::OkStatus();
}

}  // namespace lissom::tools
