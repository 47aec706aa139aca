// Exact values of literals, by GMP.

#include <gmpxx.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include <wisk/task/number.hpp>

#include "ascii.hpp"
#include "literal.hpp"

namespace wisk::task {
namespace {

constexpr long kMaxScale = static_cast<long>(kMaxNumberDigits);

/// digits * 10^scale.
struct Scaled {
  std::string digits = "0";
  long scale = 0;
};

/// The exponent in "[-+]digits"; none beyond the limits.
std::optional<long> exponent_of(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  long value = 0;
  for (const char c : text) {
    value = value * 10 + (c - '0');
    if (value > kMaxScale) return std::nullopt;
  }
  return negative ? -value : value;
}

/// None beyond the limits.
std::optional<Scaled> scaled(std::string_view decimal) {
  const std::size_t mark = decimal.find_first_of("eE");
  std::optional<long> exponent = 0;
  if (mark != std::string_view::npos) exponent = exponent_of(decimal.substr(mark + 1));
  if (!exponent) return std::nullopt;
  const std::string_view mantissa = decimal.substr(0, mark);
  const std::size_t point = mantissa.find('.');
  Scaled result;
  result.digits.clear();
  std::copy_if(mantissa.begin(), mantissa.end(), std::back_inserter(result.digits), is_digit);
  if (result.digits.size() > kMaxNumberDigits) return std::nullopt;
  result.scale = *exponent;
  if (point != std::string_view::npos) result.scale -= static_cast<long>(mantissa.size() - point - 1);
  result.digits.erase(0, std::min(result.digits.find_first_not_of('0'), result.digits.size()));
  while (result.scale < 0 && result.digits.ends_with('0')) {
    result.digits.pop_back();
    ++result.scale;
  }
  if (result.digits.empty()) result = Scaled{};
  return result;
}

mpz_class ten_to_the(unsigned long exponent) {
  mpz_class power;
  mpz_ui_pow_ui(power.get_mpz_t(), 10, exponent);
  return power;
}

mpq_class to_mpq(const Scaled& value) {
  mpz_class digits(value.digits, 10);
  const mpz_class power = ten_to_the(static_cast<unsigned long>(std::labs(value.scale)));
  mpq_class result = value.scale >= 0 ? mpq_class(digits * power) : mpq_class(digits, power);
  result.canonicalize();
  return result;
}

/// An integer needs no GMP: most answers are.
Rational integer(const Scaled& value, bool negative) {
  Rational result;
  if (value.digits == "0") return result;
  result.numerator.assign(negative ? 1 : 0, '-');
  result.numerator += value.digits;
  result.numerator.append(static_cast<std::size_t>(value.scale), '0');
  return result;
}

NumberReading number(Rational value) {
  return {NumberKind::kNumber, std::move(value)};
}

}  // namespace

NumberReading value_of(const Literal& literal) {
  if (!literal.valid) return {};
  NumberReading beyond{NumberKind::kBeyondLimits, {}};
  const std::optional<long> power = exponent_of(literal.power_of_ten);
  std::optional<Scaled> numerator = scaled(literal.numerator);
  if (!power || !numerator) return beyond;
  const long shift = *power + literal.word_exponent;
  if (literal.denominator.empty()) {
    if (numerator->digits != "0") numerator->scale += shift;
    if (std::labs(numerator->scale) > 2 * kMaxScale) return beyond;
    if (numerator->scale >= 0) return number(integer(*numerator, literal.negative));
  }
  mpq_class value = to_mpq(*numerator);
  if (!literal.denominator.empty()) {
    const std::optional<Scaled> denominator = scaled(literal.denominator);
    const std::optional<Scaled> whole = scaled(literal.whole.empty() ? "0" : literal.whole);
    if (!denominator || !whole) return beyond;
    value /= to_mpq(*denominator);
    value += to_mpq(*whole);
    value *= ten_to_the(static_cast<unsigned long>(shift));  // only words scale a fraction: shift >= 0
  }
  if (literal.negative) value = -value;
  return number({value.get_num().get_str(), value.get_den().get_str()});
}

std::string Rational::text() const {
  constexpr unsigned long kMaxPlaces = 40;
  constexpr std::size_t kMaxDenominatorDigits = 64;
  std::string fraction = numerator + "/" + denominator;
  if (denominator == "1") return numerator;
  if (denominator.size() > kMaxDenominatorDigits) return fraction;
  // A finite decimal has a denominator 2^a 5^b and max(a, b) places.
  mpz_class rest(denominator, 10);
  const mpz_class two = 2, five = 5;
  const unsigned long twos = mpz_remove(rest.get_mpz_t(), rest.get_mpz_t(), two.get_mpz_t());
  const unsigned long fives = mpz_remove(rest.get_mpz_t(), rest.get_mpz_t(), five.get_mpz_t());
  const unsigned long places = std::max(twos, fives);
  if (rest != 1 || places > kMaxPlaces) return fraction;
  const mpz_class shifted = mpz_class(numerator, 10) * ten_to_the(places) / mpz_class(denominator, 10);
  std::string digits = mpz_class(abs(shifted)).get_str();
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  digits.insert(digits.end() - static_cast<std::ptrdiff_t>(places), '.');
  if (shifted < 0) digits.insert(digits.begin(), '-');
  return digits;
}

}  // namespace wisk::task
