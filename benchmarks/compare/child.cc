#include "benchmarks/compare/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/compare/interrupt.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(const char* program, int socket) {
  // It must not outlive us: it would hold its database, and the processor.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (socket == Child::kSocket) {
    fcntl(socket, F_SETFD, 0);
  } else {
    dup2(socket, Child::kSocket);
  }
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // What a library prints is no result.
  execl(program, program, "--serve", nullptr);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> Child::Start(const std::string& program,
                                                    const std::string& engine) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  const pid_t pid = fork();
  if (pid == 0) Become(program.c_str(), sockets[1]);
  const int error = errno;
  close(sockets[1]);
  if (pid < 0) {
    close(sockets[0]);
    return absl::ErrnoToStatus(error, "fork");
  }
  return std::unique_ptr<Child>(new Child(pid, sockets[0], engine));
}

Child::Child(pid_t pid, int socket, std::string engine)
    : pid_(pid), socket_(socket), engine_(std::move(engine)) {}

absl::StatusOr<double> Child::Finish() {
  shutdown(socket_, SHUT_WR);  // It ends when nobody speaks any more.
  int status = 0;
  rusage usage = {};
  while (wait4(pid_, &status, 0, &usage) < 0) {
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "wait4");
  }
  pid_ = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(absl::StrCat(engine_, ": its process failed"));
  }
  return CpuSecondsOf(usage);
}

double CpuSecondsOf(const rusage& usage) {
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
             1e6;
}

Child::~Child() {
  close(socket_);  // It ends when it finds nobody there.
  if (pid_ == 0) return;
  constexpr auto kStep = std::chrono::milliseconds(10);
  for (int i = 0; i < 1000; ++i) {
    const pid_t ended = waitpid(pid_, nullptr, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno != EINTR)) return;
    std::this_thread::sleep_for(kStep);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::StatusOr<Reply> Child::Call(const Request& request) {
  const std::string where =
      absl::StrCat(engine_, ", ", request.what,
                   request.workload.empty() ? "" : " ", request.workload);
  const std::string line = Encode(request) + "\n";
  // Without a signal if the process has gone: the reading below will say so.
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t wrote =
        send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) break;
    sent += static_cast<size_t>(wrote);
  }
  const absl::StatusOr<std::string> answer = ReadLine();
  if (!answer.ok()) {
    return absl::UnavailableError(
        absl::StrCat(where, ": ", answer.status().message()));
  }
  LISSOM_ASSIGN_OR_RETURN(Reply reply, DecodeReply(*answer));
  if (!reply.error.empty()) {
    return absl::InternalError(absl::StrCat(where, ": ", reply.error));
  }
  return reply;
}

absl::StatusOr<std::string> Child::ReadLine() {
  for (;;) {
    const size_t end = input_.find('\n');
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    char buffer[16384];
    const ssize_t got = read(socket_, buffer, sizeof buffer);
    if (Interrupted()) {
      kill(pid_, SIGKILL);
      return absl::CancelledError("interrupted");
    }
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return absl::UnavailableError("its process has ended");
    input_.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace lissom::bench
