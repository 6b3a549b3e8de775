# SPDX-License-Identifier: Apache-2.0
# Library and programs under AddressSanitizer: threads run side by side there, as they never do under
# valgrind.   ctest -L asan
#
# One run time serves both, rustc's: what it offers (version 8 of the interface) is what gcc and
# clang ask for. Where rustc comes from a distribution, it may come without.

get_filename_component(cargo_bin "${CARGO_EXECUTABLE}" DIRECTORY)
find_program(RUSTC_EXECUTABLE rustc HINTS "${cargo_bin}")
mark_as_advanced(RUSTC_EXECUTABLE)
execute_process(COMMAND "${RUSTC_EXECUTABLE}" --print target-libdir
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  OUTPUT_VARIABLE rust_libdir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND "${RUSTC_EXECUTABLE}" -vV
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE rust_version ERROR_QUIET)
string(REGEX MATCH "host: ([^\n]+)" rust_version "${rust_version}")
set(rust_host "${CMAKE_MATCH_1}")
file(GLOB asan_runtime "${rust_libdir}/librustc-*_rt.asan.a")

if(NOT CMAKE_C_COMPILER_ID MATCHES "^(GNU|Clang)$")
  set(asan_missing "skipped: the C compiler is neither gcc nor clang")
elseif(NOT asan_runtime)
  set(asan_missing "skipped: this rustc comes without AddressSanitizer")
else()
  set(asan_missing "")
endif()

# A target that is named gets the flags alone, without the build scripts. In a folder of its own,
# because crates are built anew whenever RUSTC_BOOTSTRAP changes.
set(asan_dir "${PROJECT_BINARY_DIR}/asan")
set(asan_library "${asan_dir}/${rust_host}/release/libwsline.a")
add_custom_target(asan_cargo
  COMMAND ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MFLAGS RUSTC_BOOTSTRAP=1
          "RUSTFLAGS=-Zsanitizer=address -Cdebuginfo=line-tables-only"
          CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
          ${CARGO_EXECUTABLE} rustc --lib --crate-type staticlib --locked --release
          --target ${rust_host} --target-dir "${asan_dir}"
  BYPRODUCTS "${asan_library}"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "cargo, with AddressSanitizer"
  VERBATIM)

add_custom_target(asan_programs)
add_test(NAME asan_build
  COMMAND ${CMAKE_COMMAND} --build "${PROJECT_BINARY_DIR}" --target asan_programs --parallel 2)
set_tests_properties(asan_build PROPERTIES
  LABELS asan FIXTURES_SETUP asan TIMEOUT 900 PROCESSORS 2)
if(asan_missing)
  set_tests_properties(asan_build PROPERTIES DISABLED TRUE)
endif()

# asan_test(NOUN [COMMAND...]): test_NOUN.c, started by COMMAND.
function(asan_test noun)
  if(asan_missing)
    add_test(NAME asan_${noun} COMMAND ${CMAKE_COMMAND} -E echo "${asan_missing}")
    set_tests_properties(asan_${noun} PROPERTIES LABELS asan SKIP_REGULAR_EXPRESSION "^skipped")
    return()
  endif()
  add_executable(asan_${noun} EXCLUDE_FROM_ALL test_${noun}.c)
  set_target_properties(asan_${noun} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
  target_compile_options(asan_${noun} PRIVATE -g -fsanitize=address)
  target_include_directories(asan_${noun} PRIVATE "${PROJECT_SOURCE_DIR}/include")
  # Not -fsanitize=address, or the C compiler would add its own run time.
  target_link_options(asan_${noun} PRIVATE -rdynamic)
  target_link_libraries(asan_${noun} PRIVATE "${asan_library}" -Wl,--whole-archive
    "${asan_runtime}" -Wl,--no-whole-archive ssl crypto Threads::Threads dl m)
  add_dependencies(asan_${noun} asan_cargo)
  add_dependencies(asan_programs asan_${noun})

  add_test(NAME asan_${noun} COMMAND ${ARGN} $<TARGET_FILE:asan_${noun}>)
  set_tests_properties(asan_${noun} PROPERTIES
    LABELS asan TIMEOUT 1500 FIXTURES_REQUIRED asan)
endfunction()
