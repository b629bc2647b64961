// See strace_text.hpp.
#include "traces/strace_text.hpp"
#include <algorithm>
#include <utility>
#include "traces/strace_value.hpp"

namespace ptmc::traces::strace {
namespace {

// The last ") = " of a text: where it begins and ends.
std::optional<std::pair<std::size_t, std::size_t>> find_result(std::string_view text) {
  for (std::size_t equals = text.rfind("= "); equals != text.npos && equals > 0;
       equals = text.rfind("= ", equals - 1)) {
    const std::size_t close = text.find_last_not_of(' ', equals - 1);
    if (close != text.npos && close + 1 < equals && text[close] == ')')
      return std::pair(close, equals + 2);
  }
  return std::nullopt;
}

// Where the last string of a call ends: a string may hold any text, also ") = ". The end of the
// text if the string is not closed.
std::size_t after_strings(std::string_view text) {
  std::size_t after = 0;
  bool inside = false;
  for (std::size_t i = text.find_first_of("\"\\"); i < text.size();
       i = text.find_first_of("\"\\", i + 1)) {
    if (text[i] == '\\') {
      ++i;
    } else {
      inside = !inside;
      after = i + 1;
    }
  }
  return inside ? text.size() : after;
}

// Where the next argument ends: at a comma outside of strings, comments, brackets and <comm>.
std::size_t argument_end(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case ',':
        if (depth == 0) return i;
        break;
      case '(':
      case '[':
      case '{':
        ++depth;
        break;
      case ')':
      case ']':
      case '}':
        --depth;
        break;
      case '"':
        while (++i < text.size() && text[i] != '"') i += text[i] == '\\';
        break;
      case '/':
        if (text.substr(i).starts_with("/*")) i = std::min(text.find("*/", i), text.size());
        break;
      case '<':
        i = text.substr(i).starts_with("<<") ? i + 1 : std::min(text.find('>', i), text.size());
        break;
    }
  }
  return text.size();
}

std::string_view without_name(std::string_view argument) {
  std::size_t i = 0;
  while (i < argument.size() && (argument[i] == '_' || (argument[i] >= 'a' && argument[i] <= 'z')))
    ++i;
  return i > 0 && i < argument.size() && argument[i] == '=' ? argument.substr(i + 1) : argument;
}

}  // namespace

CallText split_call(std::string_view text, bool returned) {
  const std::size_t open = text.find('(');
  const std::string_view name = text.substr(0, open);
  if (open == text.npos || name.empty() || !std::all_of(name.begin(), name.end(), is_word))
    expected("a call, a signal or an exit", text);
  const std::string_view inside = text.substr(open + 1);
  if (!returned) return {name, inside, std::nullopt};
  const std::size_t begin = after_strings(inside);
  if (const auto found = find_result(inside.substr(begin)))
    return {name, inside.substr(0, begin + found->first), inside.substr(begin + found->second)};
  expected("a call and its result", text);
}

std::optional<std::uint64_t> duration(std::string_view result) {
  if (!result.ends_with('>')) return std::nullopt;
  std::string_view text = result.substr(result.rfind('<') + 1);
  const auto time = skip_seconds(text);
  return text == ">" ? time : std::nullopt;
}

std::string_view Arguments::next() {
  const std::string_view found = rest_.substr(0, argument_end(rest_));
  rest_.remove_prefix(std::min(found.size() + 1, rest_.size()));
  // A call that has not returned has a space before "<unfinished ...>".
  const std::size_t begin = found.find_first_not_of(' '), end = found.find_last_not_of(' ');
  return begin == found.npos ? "" : without_name(found.substr(begin, end + 1 - begin));
}

}  // namespace ptmc::traces::strace
