// read_trace and open_source: every verb that takes a trace takes either format.
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include "model/input_error.hpp"
#include "traces/jsonl.hpp"
#include "traces/source.hpp"
#include "traces/strace.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {
namespace {

namespace fs = std::filesystem;

// What cannot be read twice, such as a pipe, as a file without a name.
std::unique_ptr<std::istream> copied(std::istream &in, const std::string &file) {
  std::string name = (fs::temp_directory_path() / "ptmc-XXXXXX").string();
  const int fd = mkstemp(name.data());
  if (fd < 0) throw InputError(file, 0, name + ": " + std::strerror(errno));
  close(fd);
  auto copy = std::make_unique<std::fstream>(
      name, std::ios::in | std::ios::out | std::ios::binary | std::ios::trunc);
  fs::remove(name);
  if (in.peek() != std::char_traits<char>::eof()) *copy << in.rdbuf();
  if (in.bad()) throw InputError(file, 0, "cannot be read");
  if (!copy->flush()) throw InputError(file, 0, "cannot be copied to a temporary file: no space?");
  copy->seekg(0);
  return copy;
}

// Opened, and whether it is JSON.
struct Opened {
  std::unique_ptr<std::istream> in;
  bool json = false;
};

Opened open(const std::string &file) {
  std::error_code error;
  if (fs::is_directory(file, error)) throw InputError(file, 0, "is a directory, not a trace");
  std::unique_ptr<std::istream> in = std::make_unique<std::ifstream>(file, std::ios::binary);
  if (!*in) throw InputError(file, 0, std::string("cannot be read: ") + std::strerror(errno));
  if (!fs::is_regular_file(file, error) && !in->seekg(0, std::ios::end)) {
    in->clear();
    in = copied(*in, file);
  }
  in->clear();
  in->seekg(0);
  const char first = static_cast<char>((*in >> std::ws).peek());
  if (in->bad()) throw InputError(file, 0, "cannot be read");
  if (in->eof()) throw InputError(file, 0, "is empty");
  in->seekg(0);
  return {std::move(in), first == '{'};
}

// The files of strace -ff: FILE.PID, by pid.
std::vector<StraceFile> files_of_threads(const std::string &file) {
  std::vector<StraceFile> all;
  const fs::path path(file);
  const std::string stem = path.filename().string() + ".";
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (stem == "." || !name.starts_with(stem)) continue;
    const auto pid = to_number(std::string_view(name).substr(stem.size()));
    if (!pid || *pid <= 0 || *pid > kMaxPid || name != stem + std::to_string(*pid)) continue;
    all.push_back({(path.parent_path() / name).string(), static_cast<pid_t>(*pid), nullptr});
  }
  std::sort(all.begin(), all.end(),
            [](const StraceFile &a, const StraceFile &b) { return a.pid < b.pid; });
  return all;
}

// Nothing if FILE is there, or no FILE.PID is.
std::unique_ptr<Source> logs_of_threads(const std::string &file) {
  if (std::error_code error; fs::exists(fs::symlink_status(file, error))) return nullptr;
  std::vector<StraceFile> files = files_of_threads(file);
  if (files.empty()) return nullptr;
  for (StraceFile &one : files) {
    Opened opened = open(one.file);
    if (opened.json) throw InputError(one.file, 1, "is no strace log, as those of -ff are");
    one.in = std::move(opened.in);
  }
  return strace_source(std::move(files), file);
}

// A trace that is in memory.
class Whole : public Source {
 public:
  explicit Whole(const Trace &trace) : trace_(trace), order_(trace.events.size()) {
    about_ = {.file = trace.file,
              .kernel = trace.kernel,
              .arch = trace.arch,
              .world = trace.world,
              .design = trace.design,
              .tracer = trace.tracer,
              .scenario = trace.scenario,
              .orphaned = trace.orphaned,
              .processes = trace.processes,
              .events = {},
              .notes = trace.notes};
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return comes_at(trace.events[a]) < comes_at(trace.events[b]);
    });
  }
  const Event *next() override {
    return at_ < order_.size() ? &trace_.events[order_[at_++]] : nullptr;
  }
  void rewind() override { at_ = 0; }
  std::size_t place() override { return order_[at_ - 1]; }
  const Trace *whole() const override { return &trace_; }

 private:
  const Trace &trace_;
  std::vector<std::size_t> order_;  // by comes_at
  std::size_t at_ = 0;
};

std::unique_ptr<Source> strace_of(const std::string &file, Opened opened) {
  std::vector<StraceFile> files;
  files.push_back({file, 0, std::move(opened.in)});
  return strace_source(std::move(files), file);
}

}  // namespace

std::unique_ptr<Source> source_of(const Trace &trace) { return std::make_unique<Whole>(trace); }

Trace read_trace(const std::string &file) {
  if (const auto source = logs_of_threads(file)) return read_all(*source);
  Opened opened = open(file);
  return opened.json ? read_jsonl(*opened.in, file) : read_all(*strace_of(file, std::move(opened)));
}

std::unique_ptr<Source> open_source(const std::string &file) {
  if (auto source = logs_of_threads(file)) return source;
  Opened opened = open(file);
  return opened.json ? jsonl_source(std::move(opened.in), file)
                     : strace_of(file, std::move(opened));
}

}  // namespace ptmc::traces
