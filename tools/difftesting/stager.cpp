#include "tools/difftesting/stager.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <sstream>
#include <string>
#include <system_error>

#include "traces/jsonl.hpp"

namespace ptmc::difftest {
namespace {

bool move_all(auto call, int socket, auto *bytes, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = call(socket, bytes + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool put(int socket, const std::string &text) {
  const auto send_some = [](int fd, const char *bytes, std::size_t size) {
    return send(fd, bytes, size, MSG_NOSIGNAL);
  };
  const std::uint64_t size = text.size();
  return move_all(send_some, socket, reinterpret_cast<const char *>(&size), sizeof size) &&
         move_all(send_some, socket, text.data(), text.size());
}

bool get(int socket, std::string &text) {
  std::uint64_t size = 0;
  if (!move_all(read, socket, reinterpret_cast<char *>(&size), sizeof size)) return false;
  text.resize(size);
  return move_all(read, socket, text.data(), size);
}

// The first letter says what follows: R the steps that were made and the trace, N why it is not
// possible, F why it failed.
std::string run(const std::string &text) {
  try {
    std::istringstream in(text);
    const traces::RunResult result = traces::run_scenario(traces::read_scenario(in, "program"));
    std::string made = "R";
    for (const bool step : result.made) made += step ? '1' : '0';
    return made + '\n' + to_jsonl(result.trace);
  } catch (const traces::NotPossible &why) {
    return std::string("N") + why.what();
  } catch (const std::runtime_error &why) {
    return std::string("F") + why.what();
  }
}

}  // namespace

Stager::Stager() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  process_ = fork();
  if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (process_ == 0) {
    close(ends[0]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (std::string text; get(ends[1], text);)
      if (!put(ends[1], run(text))) break;
    _exit(0);
  }
  close(ends[1]);
  socket_ = ends[0];
}

Stager::~Stager() {
  close(socket_);
  waitpid(process_, nullptr, 0);
}

void Stager::begin(const traces::Scenario &scenario) { put(socket_, to_jsonl(scenario)); }

std::optional<traces::RunResult> Stager::end() {
  std::string text;
  if (!get(socket_, text) || text.empty()) throw std::runtime_error("the stager has died");
  if (text[0] == 'N') throw traces::NotPossible(text.substr(1));
  if (text[0] == 'F') return std::nullopt;
  const std::size_t line = text.find('\n');
  traces::RunResult result;
  for (const char c : text.substr(1, line - 1)) result.made.push_back(c == '1');
  std::istringstream in(text.substr(line + 1));
  result.trace = traces::read_jsonl(in, "program");
  return result;
}

}  // namespace ptmc::difftest
