/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/options/tls.hpp
 * @brief TLS. Part of wsline.hpp.
 */
#ifndef WSLINE_OPTIONS_TLS_HPP
#define WSLINE_OPTIONS_TLS_HPP

#include <wsline/arguments.hpp>
#include <wsline/options/connect.hpp>
#include <wsline/status.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

namespace wsline::detail {

/** TLS. Members of options and options_ref. */
template <class Self> class tls_options : public connect_options<Self> {
  public:
    using connect_options<Self>::connect_options;

    /** `Self &`, to call the next setter; see options_base. */
    template <class E> using chained = typename options_base<Self>::template chained<E>;

    /* ---- TLS options ---- */

    /**
     * Enables or disables the verification of the server's certificate; see
     * wsline_options_set_tls_verify().
     */
    template <class E = throws> chained<E> set_tls_verify(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_verify, enable);
    }

    /**
     * Enables or disables the check of the name in the certificate; see
     * wsline_options_set_tls_verify_host().
     */
    template <class E = throws> chained<E> set_tls_verify_host(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_verify_host, enable);
    }

    /**
     * Sets the name to send to the server (SNI) and to look for in its certificate; see
     * wsline_options_set_tls_server_name().
     */
    template <class E = throws>
    chained<E> set_tls_server_name(const c_string &name, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_server_name, name);
    }

    /**
     * Trusts the authorities in a file instead of the system's; see
     * wsline_options_set_tls_ca_file().
     */
    template <class E = throws>
    chained<E> set_tls_ca_file(const c_string &path, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_ca_file, path);
    }

    /**
     * Trusts the authorities in a directory instead of the system's; see
     * wsline_options_set_tls_ca_path().
     */
    template <class E = throws>
    chained<E> set_tls_ca_path(const c_string &path, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_ca_path, path);
    }

    /**
     * Trusts the authorities in memory instead of the system's; see
     * wsline_options_set_tls_ca_pem().
     */
    template <class E = throws> chained<E> set_tls_ca_pem(bytes pem, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_ca_pem, pem.data(), pem.size());
    }

    /**
     * Accepts only servers whose certificate has this key; if several pins are added, one must
     * match. See wsline_options_add_tls_pin_sha256().
     */
    template <class E = throws>
    chained<E> add_tls_pin_sha256(const c_string &base64, E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_tls_pin_sha256, base64);
    }

    /**
     * Removes all pins added with add_tls_pin_sha256(), so that any key is accepted;
     * see wsline_options_clear_tls_pins().
     */
    template <class E = throws> chained<E> clear_tls_pins(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_tls_pins);
    }

    /**
     * Sets the client certificate, for servers that ask for one; see
     * wsline_options_set_tls_certificate_file().
     */
    template <class E = throws>
    chained<E> set_tls_certificate_file(const c_string &path, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_certificate_file, path);
    }

    /**
     * Sets the key of the client certificate, if it is not in the file of the certificate; see
     * wsline_options_set_tls_key_file().
     */
    template <class E = throws>
    chained<E> set_tls_key_file(const c_string &path, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_key_file, path);
    }

    /** Sets the password of an encrypted key; see wsline_options_set_tls_key_password(). */
    template <class E = throws>
    chained<E> set_tls_key_password(const c_string &password, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_key_password, password);
    }

    /** Sets the client certificate from memory; see wsline_options_set_tls_certificate_pem(). */
    template <class E = throws> chained<E> set_tls_certificate_pem(bytes pem, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_certificate_pem, pem.data(), pem.size());
    }

    /** Sets the key of the client certificate from memory; see wsline_options_set_tls_key_pem(). */
    template <class E = throws> chained<E> set_tls_key_pem(bytes pem, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_key_pem, pem.data(), pem.size());
    }

    /** Sets the oldest version of TLS to accept; see wsline_options_set_tls_min_version(). */
    template <class E = throws>
    chained<E> set_tls_min_version(tls_version version, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_min_version,
                         static_cast<std::int32_t>(version));
    }

    /** Sets the newest version of TLS to accept; see wsline_options_set_tls_max_version(). */
    template <class E = throws>
    chained<E> set_tls_max_version(tls_version version, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_max_version,
                         static_cast<std::int32_t>(version));
    }

    /** Sets the ciphers for TLS 1.2 and older; see wsline_options_set_tls_ciphers(). */
    template <class E = throws>
    chained<E> set_tls_ciphers(const c_string &list, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_ciphers, list);
    }

    /** Sets the cipher suites for TLS 1.3; see wsline_options_set_tls_ciphersuites(). */
    template <class E = throws>
    chained<E> set_tls_ciphersuites(const c_string &list, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_ciphersuites, list);
    }

    /**
     * Sets the groups for the key exchange, the preferred one first; see
     * wsline_options_set_tls_groups().
     */
    template <class E = throws> chained<E> set_tls_groups(const c_string &list, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_groups, list);
    }

    /**
     * Sets the application protocols to offer to the server (ALPN); see
     * wsline_options_set_tls_alpn().
     */
    template <class E = throws>
    chained<E> set_tls_alpn(const c_string &protocols, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_alpn, protocols);
    }

    /**
     * Writes the TLS secrets of connections to a file, so that programs such as Wireshark can
     * decrypt them; see wsline_options_set_tls_keylog_file().
     */
    template <class E = throws>
    chained<E> set_tls_keylog_file(const c_string &path, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_keylog_file, path);
    }

    /**
     * Uses your own OpenSSL context instead of one that the library creates; see
     * wsline_options_set_tls_ssl_ctx().
     */
    template <class E = throws> chained<E> set_tls_ssl_ctx(void *ssl_ctx, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_tls_ssl_ctx, ssl_ctx);
    }
};

} // namespace wsline::detail

#endif
