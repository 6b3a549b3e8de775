# SPDX-License-Identifier: Apache-2.0
# Target wsline_build: libwsline.so.X.Y.Z with its links and libwsline.a in lib/ of the build tree,
# and the headers in include/.

# PATH first, like a shell.
find_program(CARGO_EXECUTABLE cargo PATHS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" REQUIRED)
find_program(WSLINE_LD NAMES ld.bfd ld REQUIRED DOC "GNU ld, to join the objects of libwsline.a")

set(lib "${PROJECT_BINARY_DIR}/lib")
set(include "${PROJECT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${lib}" "${include}")
set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
set(WSLINE_RUST_TARGET "" CACHE STRING "Rust's name of the target, if it is not this machine")
mark_as_advanced(WSLINE_RUST_TARGET)
if(WSLINE_RUST_TARGET)
  set(rust_target --target ${WSLINE_RUST_TARGET})
else()
  set(rust_target "")
endif()
set(WSLINE_TLS openssl CACHE STRING "TLS library: the system's openssl, or aws-lc, which is built with wsline")
set_property(CACHE WSLINE_TLS PROPERTY STRINGS openssl aws-lc)
# wsline_TLS_LIBRARIES: the libraries that users of libwsline.a must link. AWS-LC is included in it.
if(WSLINE_TLS STREQUAL "openssl")
  set(features "")
  set(wsline_TLS_LIBRARIES ssl crypto)
elseif(WSLINE_TLS STREQUAL "aws-lc")
  set(features --features tls-aws-lc)
  set(wsline_TLS_LIBRARIES "")
else()
  message(FATAL_ERROR "WSLINE_TLS must be openssl or aws-lc, not \"${WSLINE_TLS}\"")
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(profile dev)
  set(built "${cargo_dir}/${WSLINE_RUST_TARGET}/debug")
else()
  set(profile release)
  set(built "${cargo_dir}/${WSLINE_RUST_TARGET}/release")
endif()

# Always run cargo: it knows best what is outdated, and needs a tenth of a second if nothing is.
# `cargo rustc --crate-type`, because LTO is not possible with rlib among the crate types.
# The header is copied, because `clean` deletes byproducts and must not touch the source tree.
add_custom_target(wsline_cargo
  COMMAND ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS --unset=MFLAGS --unset=CARGO_BUILD_TARGET
          ${CARGO_EXECUTABLE} rustc --lib --crate-type cdylib,staticlib --locked
          --profile ${profile} --target-dir "${cargo_dir}" ${rust_target} ${features}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different include/wsline.h "${include}/wsline.h"
  BYPRODUCTS "${built}/libwsline.so" "${built}/libwsline.a" "${include}/wsline.h"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "cargo"
  USES_TERMINAL VERBATIM)

set(shared libwsline.so.${PROJECT_VERSION})
add_custom_command(OUTPUT "${lib}/${shared}"
  COMMAND ${CMAKE_COMMAND} -E copy "${built}/libwsline.so" "${lib}/${shared}"
  DEPENDS wsline_cargo "${built}/libwsline.so"
  COMMENT "${shared}"
  VERBATIM)
# The C++ headers are not byproducts, so links do.
foreach(name wsline.hpp wsline)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/include/${name}" "${include}/${name}" COPY_ON_ERROR SYMBOLIC)
endforeach()
file(CREATE_LINK ${shared} "${lib}/libwsline.so.${WSLINE_SOVERSION}" SYMBOLIC)
file(CREATE_LINK libwsline.so.${WSLINE_SOVERSION} "${lib}/libwsline.so" SYMBOLIC)

# A Rust archive contains the standard library, whose symbols collide with those of any other Rust
# archive in the same program. Joined into one object, only wsline_* stays global.
# --force-group-allocation: otherwise DW.ref.rust_eh_personality remains in a discarded group.
# -R .llvmbc -R .llvmcmd: removes bitcode, which an ar with an older LLVM plugin cannot read.
add_custom_command(OUTPUT "${lib}/libwsline.a"
  COMMAND ${WSLINE_LD} -r --force-group-allocation -o all.o --whole-archive "${built}/libwsline.a"
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=wsline_* -R .llvmbc -R .llvmcmd
          $<$<NOT:$<CONFIG:Debug>>:--strip-debug> all.o wsline.o
  COMMAND ${CMAKE_COMMAND} -E rm -f "${lib}/libwsline.a"
  COMMAND ${CMAKE_AR} rcsD "${lib}/libwsline.a" wsline.o
  DEPENDS wsline_cargo "${built}/libwsline.a"
  WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
  COMMENT "libwsline.a"
  VERBATIM COMMAND_EXPAND_LISTS)

add_custom_target(wsline_build ALL DEPENDS "${lib}/${shared}" "${lib}/libwsline.a")
