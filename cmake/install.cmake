# SPDX-License-Identifier: Apache-2.0
# Component runtime: files needed to run programs. Component dev: files needed to build them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(FILES "${lib}/${shared}" "${lib}/libwsline.so.${WSLINE_SOVERSION}"
        DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime)
install(FILES "${lib}/libwsline.so" "${lib}/libwsline.a"
        DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(FILES "${include}/wsline.h" "${PROJECT_SOURCE_DIR}/include/wsline.hpp"
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/wsline"
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev FILES_MATCHING PATTERN "*.hpp")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wsline)
configure_package_config_file(wslineConfig.cmake.in wslineConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
# Below 1.0 a minor version may break the API.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file(wslineConfigVersion.cmake COMPATIBILITY ${compatibility})
install(FILES wslineTargets.cmake
              "${CMAKE_CURRENT_BINARY_DIR}/wslineConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/wslineConfigVersion.cmake"
        DESTINATION ${package_dir} COMPONENT dev)

# Relative to the location of the .pc file, so that the installed tree can be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
  set(pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
  set(pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
list(TRANSFORM wsline_TLS_LIBRARIES REPLACE "(.+)" "-l\\1 " OUTPUT_VARIABLE pc_tls_libraries)
string(JOIN "" pc_tls_libraries ${pc_tls_libraries})
configure_file(wsline.pc.in wsline.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/wsline.pc"
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
