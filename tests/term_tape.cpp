#include "tests/term_tape.hpp"

#include <stdexcept>

namespace ptmc::tests {

std::uint32_t TermTape::put(Code code) {
  code_.push_back(code);
  return static_cast<std::uint32_t>(code_.size() - 1);
}

// Of any number of operands, from the left.
std::uint32_t TermTape::fold(Do what, const z3::expr &term, std::uint32_t mask) {
  std::uint32_t result = add(term.arg(0));
  for (unsigned i = 1; i < term.num_args(); ++i)
    result = put({what, result, add(term.arg(i)), 0, mask});
  return result;
}

std::uint32_t TermTape::add(const z3::expr &term) {
  const unsigned id = Z3_get_ast_id(term.ctx(), term);
  if (const auto it = done_.find(id); it != done_.end()) return it->second;
  const unsigned width = term.is_bool() ? 1 : term.get_sort().bv_size();
  if (width > 32) throw std::logic_error("a term of more than 32 bits");
  const std::uint32_t mask = width == 32 ? ~0u : (1u << width) - 1;
  const auto parameter = [&](unsigned i) {
    return static_cast<std::uint32_t>(Z3_get_decl_int_parameter(term.ctx(), term.decl(), i));
  };
  const auto arg = [&](unsigned i) { return add(term.arg(i)); };
  const auto binary = [&](Do what, unsigned l, unsigned r) {
    if (term.num_args() != 2) throw std::logic_error("not of two operands");
    return put({what, arg(l), arg(r), 0, mask});
  };
  const auto negated = [&](std::uint32_t of) { return put({Do::negate, of}); };
  std::uint32_t at = 0;
  switch (Z3_get_decl_kind(term.ctx(), term.decl())) {
    case Z3_OP_TRUE:
      at = put({Do::number, 1});
      break;
    case Z3_OP_FALSE:
      at = put({Do::number, 0});
      break;
    case Z3_OP_BNUM:
      at = put({Do::number, term.get_numeral_uint(), 0, 0, mask});
      break;
    case Z3_OP_UNINTERPRETED:
      at = put({Do::input, inputs_.at(term.decl().name().str()), 0, 0, mask});
      break;
    case Z3_OP_NOT:
      at = negated(arg(0));
      break;
    case Z3_OP_AND:
      at = fold(Do::conj, term, mask);
      break;
    case Z3_OP_OR:
      at = fold(Do::disj, term, mask);
      break;
    case Z3_OP_EQ:
      at = binary(Do::equal, 0, 1);
      break;
    case Z3_OP_ITE:
      at = put({Do::ite, arg(0), arg(1), arg(2), mask});
      break;
    case Z3_OP_ULEQ:
      at = binary(Do::at_most, 0, 1);
      break;
    case Z3_OP_ULT:  // a < b: not b <= a
      at = negated(binary(Do::at_most, 1, 0));
      break;
    case Z3_OP_BADD:
      at = fold(Do::add, term, mask);
      break;
    case Z3_OP_BSUB:
      at = fold(Do::sub, term, mask);
      break;
    case Z3_OP_ZERO_EXT:
      at = arg(0);
      break;
    case Z3_OP_EXTRACT:
      at = put({Do::extract, arg(0), parameter(1), 0, mask});
      break;
    default:
      throw std::logic_error("an operation that the tape does not know: " + term.to_string());
  }
  done_.emplace(id, at);
  terms_.push_back(term);
  return at;
}

void TermTape::run(std::size_t from, std::size_t end, const std::vector<Lanes> &inputs,
                   std::vector<Lanes> &r) const {
  for (std::size_t i = from; i < end; ++i) {
    const Code &c = code_[i];
    Lanes &to = r[i];
    const auto each = [&](auto value) {
      for (std::size_t k = 0; k < kLanes; ++k) to[k] = value(k) & c.mask;
    };
    const Lanes *a = &r[c.a], *b = &r[c.b], *d = &r[c.c];
    switch (c.what) {
      case Do::input:
        each([&, in = &inputs[c.a]](std::size_t k) { return (*in)[k]; });
        break;
      case Do::number:
        each([&](std::size_t) { return c.a; });
        break;
      case Do::negate:
        each([&](std::size_t k) { return ~(*a)[k]; });
        break;
      case Do::conj:
        each([&](std::size_t k) { return (*a)[k] & (*b)[k]; });
        break;
      case Do::disj:
        each([&](std::size_t k) { return (*a)[k] | (*b)[k]; });
        break;
      case Do::equal:
        each([&](std::size_t k) { return (*a)[k] == (*b)[k] ? 1u : 0u; });
        break;
      case Do::at_most:
        each([&](std::size_t k) { return (*a)[k] <= (*b)[k] ? 1u : 0u; });
        break;
      case Do::ite:
        each([&](std::size_t k) { return (*a)[k] ? (*b)[k] : (*d)[k]; });
        break;
      case Do::add:
        each([&](std::size_t k) { return (*a)[k] + (*b)[k]; });
        break;
      case Do::sub:
        each([&](std::size_t k) { return (*a)[k] - (*b)[k]; });
        break;
      case Do::extract:
        each([&](std::size_t k) { return (*a)[k] >> c.b; });
        break;
    }
  }
}

}  // namespace ptmc::tests
