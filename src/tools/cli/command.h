// What a verb of `lissom` gets, and how one is added:
//
//   // count.h
//   void AddCount(Cli& cli);  // "count": how many keys there are.
//
//   // count.cc
//   void AddCount(Cli& cli) {
//     struct Flags { std::optional<std::string> from; };
//     auto flags = std::make_shared<Flags>();          // Lives in the lambda.
//     CLI::App& verb = cli.AddVerb(
//         {.name = "count", .what = "Print how many keys there are.",
//          .json = true},
//         [&cli, flags]() -> absl::Status {
//           LISSOM_ASSIGN_OR_RETURN(const auto db, cli.OpenToRead());
//           ...
//           cli.out().Write(absl::StrCat(count, "\n"));
//           return absl::OkStatus();
//         });
//     verb.add_option("--from", flags->from, "First key to count.");
//   }
//
// and one line in the table of main.cc. The database directory is the verb's
// first argument (or --db DIR, anywhere), is in cli.directory() and is opened
// by the verb: OpenToRead unless it writes. A transcript of the verb goes to
// tests/testdata/cli/, a section to the README of this folder.
//
// Results go to out(), which is stdout, and nothing else does: bars, warnings
// and errors are for stderr. The status that a verb returns becomes the exit
// code, and its message a line on stderr "lissom: VERB: message".
//
// Thread-compatible; one to a process.
#ifndef LISSOM_SRC_TOOLS_CLI_COMMAND_H_
#define LISSOM_SRC_TOOLS_CLI_COMMAND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/db.h"
#include "lissom/options.h"
#include "src/tools/cli/output.h"

namespace lissom::tools {

// Scripts rely on these. 128 + N: signal N ended the program.
enum ExitCode : int {
  kExitOk = 0,
  kExitNoSuchKey = 1,  // kNotFound.
  kExitUsage = 2,      // UsageError: the command itself is wrong.
  kExitError = 3,      // Any other: I/O, locked, no database, bad records.
  kExitDamage = 4,     // kDataLoss: bytes of the database are wrong.
};
ExitCode ExitCodeOf(const absl::Status& status);

// What people are told of an error: a bare kNotFound is "no such key".
std::string MessageOf(const absl::Status& status);

// An error in how the program was called: exit code 2.
absl::Status UsageError(std::string_view message);

// `status` with another message: code and details stay.
absl::Status WithMessage(const absl::Status& status, std::string_view message);

// A verb as --help shows it, and which flags it shares with others. A verb
// declares only those that change what it does.
struct VerbInfo {
  std::string name = {};
  std::string what = {};    // One sentence.
  std::string footer = {};  // Below the flags in its --help.
  // DIR as first argument, --db and --comparator. False, for a verb of files:
  // it adds its own arguments, and cli.directory() is empty.
  bool database = true;
  bool hex = false;      // --hex: keys and values are shown and given in hex.
  bool escapes = false;  // -e, --escapes: they may be given with \xNN.
  bool json = false;     // --json.
};

class Cli {
 public:
  Cli();
  ~Cli();
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  // Adds a verb that is executed by `run`. Options are added to the result.
  CLI::App& AddVerb(const VerbInfo& info, std::function<absl::Status()> run);

  // Parses the arguments, runs the verb; the exit code.
  int Main(int argc, char** argv);

  // --- For verbs, while they run.

  const std::string& directory() const { return directory_; }
  bool hex() const { return hex_; }
  bool json() const { return json_; }
  Output& out() { return out_; }

  // What the database is opened with: the comparator of --comparator.
  Options DbOptions() const;

  // The database at directory(). To read: beside a writer that may be at work,
  // and nothing is written. To write: it is locked. Only `create` creates.
  absl::StatusOr<std::unique_ptr<DB>> OpenToRead() const;
  absl::StatusOr<std::unique_ptr<DB>> OpenToWrite(bool create = false) const;

  // A key or value of the command line as bytes: --hex and --escapes applied.
  // `what` names it in messages: "KEY", "--from". A UsageError.
  absl::StatusOr<std::string> ParseBytes(std::string_view what,
                                         std::string_view argument) const;

  // Bytes as a person is to see them: escaped, or in hex with --hex.
  std::string Show(std::string_view bytes) const;

  // `status`, whose message the user has seen already: it will be the exit code
  // and nothing else.
  absl::Status Shown(const absl::Status& status);

  // A line on stderr, "lissom: VERB: message".
  void Warn(std::string_view message) const;

 private:
  int Guarded(int argc, char** argv);  // Main, but for bad_alloc.
  absl::Status Parse(int argc, char** argv, bool* done);
  absl::Status CheckVerb(const std::vector<std::string>& arguments) const;
  absl::Status Refused(const CLI::ParseError& error);
  absl::Status RunVerb();

  CLI::App app_;
  std::set<std::string> verbs_;
  Output out_;
  std::function<absl::Status()> run_;
  std::string verb_;
  bool shown_ = false;
  std::string directory_;
  std::string comparator_ = "bytewise";
  bool hex_ = false;
  bool escapes_ = false;
  bool json_ = false;
};

// Adds a flag that takes a plain decimal number, and nothing else.
void AddNumber(CLI::App& verb, const std::string& flag,
               std::optional<uint64_t>& number, const std::string& help);

// --from, --to and --limit: which keys a verb works on.
struct RangeFlags {
  std::optional<std::string> from = std::nullopt;  // Inclusive.
  std::optional<std::string> to = std::nullopt;    // Exclusive.
  std::optional<uint64_t> limit = std::nullopt;    // Entries.
};
void AddRange(CLI::App& verb, RangeFlags& flags);
void AddLimit(CLI::App& verb, RangeFlags& flags);

// The bounds as bytes, in the fields iterate_lower_bound and
// iterate_upper_bound. A UsageError: --from is behind --to in the order of
// keys.
absl::StatusOr<ReadOptions> BoundsOf(const Cli& cli, const RangeFlags& flags);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_COMMAND_H_
