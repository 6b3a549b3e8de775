# SPDX-License-Identifier: Apache-2.0
# Library and programs under a sanitizer: unlike valgrind, sanitizers run threads in parallel.
#   ctest -L asan            AddressSanitizer
#   ctest -C tsan -L tsan    ThreadSanitizer; plain ctest skips it, because it takes long (make tsan)
#
# The library and the programs share one runtime: rustc's provides what gcc and clang need.

find_package(Threads REQUIRED)
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

# sanitizer(NAME WORD CARGO RUNTIME): prepares sanitizer_test(NAME ...). WORD is its name in compiler options. CARGO
# builds the library and RUNTIME is linked with it, unless NAME_missing gives a reason to skip the tests. NAME_only
# limits the tests to one ctest configuration.
function(sanitizer name word cargo runtime)
  # With an explicit target, the flags do not apply to build scripts. It has its own directory,
  # because crates are rebuilt whenever RUSTC_BOOTSTRAP changes.
  set(dir "${PROJECT_BINARY_DIR}/${name}")
  set(build ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MFLAGS RUSTC_BOOTSTRAP=1
      "RUSTFLAGS=-Zsanitizer=${word} -Cdebuginfo=line-tables-only"
      CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
      ${cargo} rustc --lib --crate-type staticlib --locked --release --target ${rust_host})
  set(library "${dir}/${rust_host}/release/libwsline.a")
  add_custom_target(${name}_cargo
    COMMAND ${build} --target-dir "${dir}"
    BYPRODUCTS "${library}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "cargo, with the sanitizer ${name}"
    VERBATIM)
  set(${name}_word ${word} PARENT_SCOPE)
  set(${name}_build "${build}" PARENT_SCOPE)
  set(${name}_library "${library}" PARENT_SCOPE)
  set(${name}_runtime "${runtime}" PARENT_SCOPE)

  add_custom_target(${name}_programs)
  add_test(NAME ${name}_build ${${name}_only}
    COMMAND ${CMAKE_COMMAND} --build "${PROJECT_BINARY_DIR}" --target ${name}_programs --parallel 2)
  set_tests_properties(${name}_build PROPERTIES
    LABELS ${name} FIXTURES_SETUP ${name} TIMEOUT 1800 PROCESSORS 2)
  if(${name}_missing)
    set_tests_properties(${name}_build PROPERTIES DISABLED TRUE)
  endif()
endfunction()

# sanitizer_program(NAME TARGET SOURCE LIBRARY)
function(sanitizer_program name target source library)
  add_executable(${target} EXCLUDE_FROM_ALL ${source})
  set_target_properties(${target} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF
    CXX_STANDARD 17 CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -g -fsanitize=${${name}_word})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include")
  # Not -fsanitize, or the C compiler would add its own runtime.
  target_link_options(${target} PRIVATE -rdynamic)
  target_link_libraries(${target} PRIVATE "${library}" -Wl,--whole-archive "${${name}_runtime}"
    -Wl,--no-whole-archive ssl crypto Threads::Threads dl m)
  add_dependencies(${target} ${name}_cargo)
  add_dependencies(${name}_programs ${target})
endfunction()

# sanitizer_test(NAME NOUN SOURCE [COMMAND...]): runs SOURCE under COMMAND.
function(sanitizer_test name noun source)
  if(${name}_missing)
    add_test(NAME ${name}_${noun} ${${name}_only} COMMAND ${CMAKE_COMMAND} -E echo "${${name}_missing}")
    set_tests_properties(${name}_${noun} PROPERTIES LABELS ${name} SKIP_REGULAR_EXPRESSION "^skipped")
    return()
  endif()
  sanitizer_program(${name} ${name}_${noun} ${source} "${${name}_library}")
  add_test(NAME ${name}_${noun} ${${name}_only} COMMAND ${ARGN} $<TARGET_FILE:${name}_${noun}>)
  set_tests_properties(${name}_${noun} PROPERTIES LABELS ${name} TIMEOUT 1500
    FIXTURES_REQUIRED ${name} ENVIRONMENT "${${name}_environment}")
endfunction()

if(NOT CMAKE_C_COMPILER_ID MATCHES "^(GNU|Clang)$")
  set(asan_missing "skipped: the C compiler is neither gcc nor clang")
  set(tsan_missing "${asan_missing}")
endif()

# ---- AddressSanitizer ----

# The rustc of a distribution may lack it.
file(GLOB asan_runtime "${rust_libdir}/librustc-*_rt.asan.a")
if(NOT asan_missing AND NOT asan_runtime)
  set(asan_missing "skipped: this rustc comes without AddressSanitizer")
endif()
sanitizer(asan address "${CARGO_EXECUTABLE}" "${asan_runtime}")

# ---- ThreadSanitizer ----

# It must see the locks of the standard library, or it reports races that do not exist.
set(rust_source "${PROJECT_SOURCE_DIR}/target/rust/source")
set(tsan_only CONFIGURATIONS tsan)
find_program(SYMBOLIZER NAMES llvm-symbolizer addr2line)
mark_as_advanced(SYMBOLIZER)
string(JOIN " " tsan_options
  exitcode=66 history_size=4 "external_symbolizer_path=${SYMBOLIZER}"
  "suppressions=${CMAKE_CURRENT_LIST_DIR}/tsan.supp")
set(tsan_environment WSLINE_TEST_SLOW=1 "TSAN_OPTIONS=${tsan_options}")
sanitizer(tsan thread "${rust_source}/cargo" "${rust_source}/libclang_rt.tsan.a")

add_custom_target(tsan_rust COMMAND sh "${PROJECT_SOURCE_DIR}/tests/rust/setup.sh" source VERBATIM)
add_dependencies(tsan_cargo tsan_rust)

# Races that it must find; otherwise finding none in the library would prove nothing.
if(NOT tsan_missing)
  set(race "${CMAKE_CURRENT_LIST_DIR}/race")
  set(race_library "${PROJECT_BINARY_DIR}/race/${rust_host}/release/librace.a")
  add_custom_target(tsan_race_cargo
    COMMAND ${tsan_build} --manifest-path "${race}/Cargo.toml" --target-dir "${PROJECT_BINARY_DIR}/race"
    BYPRODUCTS "${race_library}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "cargo, with a data race"
    VERBATIM)
  add_dependencies(tsan_race_cargo tsan_rust)
  sanitizer_program(tsan tsan_race "${race}/race.c" "${race_library}")
  add_dependencies(tsan_race tsan_race_cargo)
  foreach(language c rust)
    add_test(NAME tsan_race_in_${language} ${tsan_only}
      COMMAND sh -c "\"$0\" ${language}; echo exit $?" $<TARGET_FILE:tsan_race>)
    set_tests_properties(tsan_race_in_${language} PROPERTIES
      PASS_REGULAR_EXPRESSION "ThreadSanitizer: data race.*race_in_${language}.*exit 66")
    add_test(NAME tsan_no_race_in_${language} ${tsan_only} COMMAND tsan_race ${language} locked)
    set_tests_properties(tsan_race_in_${language} tsan_no_race_in_${language} PROPERTIES
      LABELS tsan TIMEOUT 60 FIXTURES_REQUIRED tsan ENVIRONMENT "${tsan_environment}")
  endforeach()
endif()
