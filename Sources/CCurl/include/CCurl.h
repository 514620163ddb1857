/// One HTTP request over libcurl's easy interface, as plain functions.
///
/// libcurl sets its options through variadic functions, which Swift cannot call.
/// This file is the whole bridge: it decides nothing that a caller could, and holds
/// no state between requests.

#ifndef TILL_CCURL_H
#define TILL_CCURL_H

#include <stddef.h>
#include <stdint.h>

/// How a request ended. The two failures need opposite handling.
typedef enum {
    /// An answer came: status, headers and body are set.
    TILL_CURL_ANSWERED = 0,
    /// No connection was made, its TLS handshake included: nothing was sent.
    TILL_CURL_UNREACHABLE = 1,
    /// A connection stood and no whole answer came: the request may have taken effect.
    TILL_CURL_NO_ANSWER = 2
} till_curl_outcome;

/// What came back. Every pointer is owned by the answer; see `till_curl_free`.
typedef struct {
    till_curl_outcome outcome;
    /// HTTP status of the final answer; informational ones (1xx) are skipped.
    long status;
    /// Header lines of the final answer, each ended by "\n", without the status line.
    uint8_t *headers;
    size_t headers_count;
    /// The body's first bytes; what is beyond the limit was never read.
    uint8_t *body;
    size_t body_count;
    /// Address and port connected to, such as "203.0.113.7:443"; never null.
    char *peer;
    /// What went wrong, in libcurl's words; empty on an answer, never null.
    char *error;
} till_curl_answer;

/// Sends one request and waits for its answer. Blocks; safe on any thread.
///
/// Follows no redirect, retries nothing, uses no proxy, cookie or .netrc, speaks
/// http and https alone, and checks certificate and name against the system's
/// roots. Connecting may take 5 s of the whole time.
///
/// @param method Upper case, such as "POST".
/// @param headers "Name: value" lines, each ended by "\n"; no other control character.
/// @param body May be null when `body_count` is 0.
/// @param timeout_ms Longest wait for the whole exchange. Milliseconds.
/// @param answer_bytes_max Reading stops here; what was read counts as the body.
/// @param socket_path Unix socket to dial instead of the URL's address; empty for none.
/// @param answer Filled in always. Give it back with `till_curl_free`.
void till_curl_send(const char *method, const char *url, const char *headers, const uint8_t *body, size_t body_count, long timeout_ms,
                    size_t answer_bytes_max, const char *socket_path, till_curl_answer *answer);

/// Releases what `till_curl_send` filled in.
void till_curl_free(till_curl_answer *answer);

/// libcurl's own version, such as "7.88.1".
const char *till_curl_version(void);

#endif
