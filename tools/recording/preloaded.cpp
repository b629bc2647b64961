// By a library that is preloaded into the command (interposed.cpp).
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tools/recording/sight.hpp"
#include "traces/keeper.hpp"

// interposed.cpp, as the build has linked it.
asm(R"(
  .section .rodata
  .globl ptmc_interposed_library, ptmc_interposed_library_end
ptmc_interposed_library:
  .incbin ")" PTMC_INTERPOSED R"("
ptmc_interposed_library_end:
  .previous
)");
extern "C" const char ptmc_interposed_library[], ptmc_interposed_library_end[];

namespace ptmc::tools {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void not_possible(const std::string &what) {
  throw traces::NotPossible("cannot record here: " + what);
}

// As execvp finds it.
std::optional<fs::path> found(const std::string &program) {
  if (program.find('/') != program.npos) return program;
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/bin:/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const fs::path file = fs::path(folder) / program; access(file.c_str(), X_OK) == 0)
      return file;
  return std::nullopt;
}

// An ELF program that no dynamic linker loads.
bool is_static(const fs::path &program) {
  std::ifstream in(program, std::ios::binary);
  Elf64_Ehdr header{};
  in.read(reinterpret_cast<char *>(&header), sizeof(header));
  if (!in || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
  in.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (int n = 0; n < header.e_phnum; ++n) {
    Elf64_Phdr part{};
    in.read(reinterpret_cast<char *>(&part), sizeof(part));
    if (in && part.p_type == PT_INTERP) return false;
  }
  return true;
}

class Library : public Sight {
 public:
  explicit Library(Take take) : take_(std::move(take)) {
    std::string name = (fs::temp_directory_path() / "ptmc-record-XXXXXX").string();
    if (!mkdtemp(name.data())) not_possible(name + ": " + std::strerror(errno));
    folder_ = name;
    std::ofstream library(folder_ / "library.so", std::ios::binary);
    library.write(ptmc_interposed_library, ptmc_interposed_library_end - ptmc_interposed_library);
    if (!library.flush()) not_possible("no space for the library in " + name);
    records_ = open((folder_ / "records").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (records_ < 0) not_possible(name + ": " + std::strerror(errno));
  }
  ~Library() override {
    if (records_ >= 0) close(records_);
    std::error_code error;
    fs::remove_all(folder_, error);
  }
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;

  void prepare() const override {
    const char *others = std::getenv("LD_PRELOAD");
    const std::string all =
        (folder_ / "library.so").string() + (others ? std::string(":") + others : "");
    setenv("LD_PRELOAD", all.c_str(), 1);
    setenv("PTMC_RECORD", (folder_ / "records").c_str(), 1);
  }
  void consume() override {
    constexpr std::size_t kMany = 512;
    std::vector<ptmc_record> some(kMany);
    for (;;) {
      const ssize_t size = pread(records_, some.data(), kMany * sizeof(ptmc_record), at_);
      const std::size_t whole = size < 0 ? 0 : static_cast<std::size_t>(size) / sizeof(ptmc_record);
      if (whole == 0) return;  // the last may be half written
      for (std::size_t n = 0; n < whole; ++n) take_(some[n]);
      at_ += static_cast<off_t>(whole * sizeof(ptmc_record));
    }
  }

 private:
  Take take_;
  fs::path folder_;
  int records_ = -1;
  off_t at_ = 0;
};

}  // namespace

std::unique_ptr<Sight> preload(const std::string &program, Take take) {
  if (const auto file = found(program); file && is_static(*file))
    not_possible(program + " is a static program, into which no library can be preloaded");
  return std::make_unique<Library>(std::move(take));
}

}  // namespace ptmc::tools
