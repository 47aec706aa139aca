# One set of flags for every target.
add_library(wisk_flags INTERFACE)
target_compile_options(wisk_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wno-psabi
  # GCC 12 sees overlaps in std::string operator+ that cannot be (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${WISK_WERROR}>:-Werror>
  # Bits are part of the contract (docs/numerics.md): the compiler must not fuse a product and a sum on its own.
  -ffp-contract=off)
if(WISK_SANITIZE)
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${WISK_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>")
  add_link_options(-fsanitize=${WISK_SANITIZE})
endif()
