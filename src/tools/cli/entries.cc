#include "src/tools/cli/entries.h"

#include <memory>
#include <string>

#include "lissom/db.h"
#include "src/tools/cli/record_formats.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

struct GetFlags {
  std::string key;
  bool raw = false;
};

absl::Status Get(Cli& cli, const GetFlags& flags) {
  LISSOM_ASSIGN_OR_RETURN(const std::string key,
                          cli.ParseBytes("KEY", flags.key));
  if (flags.raw && (cli.json() || cli.hex())) {
    return UsageError("--raw excludes --hex and --json");
  }
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToRead());
  PinnedValue value;
  LISSOM_RETURN_IF_ERROR(db->Get(ReadOptions(), key, &value));
  if (cli.json()) {
    std::string line;
    AppendJsonRecord(key, value.view(), cli.hex(), &line);
    cli.out().Write(line + "\n");
  } else if (flags.raw) {
    cli.out().Write(value.view());
  } else {
    cli.out().Write(cli.Show(value.view()));
    cli.out().Write("\n");
  }
  return absl::OkStatus();
}

struct PutFlags {
  std::string key;
  std::string value;
};

absl::Status Put(Cli& cli, const PutFlags& flags) {
  LISSOM_ASSIGN_OR_RETURN(const std::string key,
                          cli.ParseBytes("KEY", flags.key));
  LISSOM_ASSIGN_OR_RETURN(const std::string value,
                          cli.ParseBytes("VALUE", flags.value));
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToWrite());
  LISSOM_RETURN_IF_ERROR(db->Put(WriteOptions(), key, value));
  return db->Close();  // And with it the entry is durable.
}

absl::Status Delete(Cli& cli, const std::string& argument) {
  LISSOM_ASSIGN_OR_RETURN(const std::string key,
                          cli.ParseBytes("KEY", argument));
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToWrite());
  LISSOM_RETURN_IF_ERROR(db->Delete(WriteOptions(), key));
  return db->Close();
}

}  // namespace

void AddGet(Cli& cli) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App& verb = cli.AddVerb({.name = "get",
                                .what = "Print the value of a key.",
                                .hex = true,
                                .escapes = true,
                                .json = true},
                               [&cli, flags] { return Get(cli, *flags); });
  verb.add_option("KEY", flags->key, "The key.")->required();
  verb.add_flag("--raw", flags->raw,
                "Print the value's bytes as they are, and no newline.");
}

void AddPut(Cli& cli) {
  auto flags = std::make_shared<PutFlags>();
  CLI::App& verb = cli.AddVerb({.name = "put",
                                .what = "Store a value under a key, for good.",
                                .hex = true,
                                .escapes = true},
                               [&cli, flags] { return Put(cli, *flags); });
  verb.add_option("KEY", flags->key, "The key.")->required();
  verb.add_option("VALUE", flags->value, "The value.")->required();
}

void AddDelete(Cli& cli) {
  auto key = std::make_shared<std::string>();
  CLI::App& verb = cli.AddVerb(
      {.name = "delete",
       .what = "Delete a key, for good. A key that is not there is no error.",
       .hex = true,
       .escapes = true},
      [&cli, key] { return Delete(cli, *key); });
  verb.add_option("KEY", *key, "The key.")->required();
}

}  // namespace lissom::tools
