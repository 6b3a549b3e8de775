/* SPDX-License-Identifier: Apache-2.0 */
/* Uses only wsline.hpp and the library of wsline: an object, an error. */
#include <cstdio>
#include <cstring>
#include <wsline.hpp>

int main() {
    if (std::strcmp(wsline::version(), WSLINE_VERSION_STRING) != 0) return 1;
    try {
        /* Port 1 belongs to a service that nobody runs. */
        wsline::connection conn = wsline::connect("ws://127.0.0.1:1/", wsline::options());
    } catch (const wsline::error &error) {
        std::printf("%s\n", error.what());
        return error.status() == wsline::status::connect ? 0 : 1;
    }
    return 1;
}
