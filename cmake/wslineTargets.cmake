# SPDX-License-Identifier: Apache-2.0
# Defines the two targets, for the build tree and for the installed package. The including file sets
# wsline_LIBRARY_DIR, wsline_INCLUDE_DIR, wsline_VERSION, wsline_SOVERSION, wsline_SCOPE,
# wsline_TLS_LIBRARIES.

if(TARGET wsline::wsline)
  return()
endif()

add_library(wsline::wsline SHARED IMPORTED ${wsline_SCOPE})
set_target_properties(wsline::wsline PROPERTIES
  IMPORTED_LOCATION "${wsline_LIBRARY_DIR}/libwsline.so.${wsline_VERSION}"
  IMPORTED_SONAME libwsline.so.${wsline_SOVERSION}
  INTERFACE_INCLUDE_DIRECTORIES "${wsline_INCLUDE_DIR}")

# Plain library names: users of the shared library do not need OpenSSL's development files.
add_library(wsline::wsline_static STATIC IMPORTED ${wsline_SCOPE})
set_target_properties(wsline::wsline_static PROPERTIES
  IMPORTED_LOCATION "${wsline_LIBRARY_DIR}/libwsline.a"
  INTERFACE_INCLUDE_DIRECTORIES "${wsline_INCLUDE_DIR}"
  INTERFACE_LINK_LIBRARIES "${wsline_TLS_LIBRARIES};pthread;dl;m")
