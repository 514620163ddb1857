#include "CCurl.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Header bytes kept of one answer. Real answers need a few kilobytes.
#define HEADER_BYTES_MAX ((size_t)256 * 1024)

/// Longest wait for name lookup, connection and TLS handshake. Milliseconds.
#define CONNECT_TIMEOUT_MS 5000L

/// Bytes that grow up to a limit.
typedef struct {
    uint8_t *bytes;
    size_t count, room, max;
    /// Something beyond the limit came.
    int full;
} pile;

/// What the callbacks of one request share.
typedef struct {
    pile headers, body;
    /// The connection stood, handshake included, and the request was about to leave.
    int connected;
    char peer[96];
} exchange;

/// Keeps what fits. Returns 0 when memory ran out.
static int pile_add(pile *p, const char *bytes, size_t count) {
    size_t fits = p->max - p->count;
    if (count > fits) {
        p->full = 1;
        count = fits;
    }
    if (p->count + count > p->room) {
        size_t room = p->room ? p->room : 4096;
        while (room < p->count + count) room *= 2;
        uint8_t *grown = realloc(p->bytes, room);
        if (!grown) return 0;
        p->bytes = grown;
        p->room = room;
    }
    if (count) memcpy(p->bytes + p->count, bytes, count);
    p->count += count;
    return 1;
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
    exchange *x = context;
    size_t length = size * count, kept = length;
    // Each answer begins with its own status line, so that only the last one's headers stay.
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        x->headers.count = 0;
        return length;
    }
    while (kept > 0 && (line[kept - 1] == '\n' || line[kept - 1] == '\r')) kept--;
    if (kept == 0 || x->body.count > 0) return length;
    // A line that does not fit is left out whole: half a header is another header.
    if (kept + 1 > x->headers.max - x->headers.count) return length;
    if (!pile_add(&x->headers, line, kept) || !pile_add(&x->headers, "\n", 1)) return 0;
    return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    exchange *x = context;
    size_t length = size * count;
    if (!pile_add(&x->body, bytes, length)) return 0;
    // Returning less than was offered ends the transfer: an endless body is not waited for.
    return x->body.full ? 0 : length;
}

/// Called once the connection stands and before the first byte of the request.
static int on_connected(void *context, char *peer, char *local, int peer_port, int local_port) {
    exchange *x = context;
    (void)local;
    (void)local_port;
    x->connected = 1;
    const char *shape = peer && strchr(peer, ':') ? "[%s]:%d" : "%s:%d";
    snprintf(x->peer, sizeof x->peer, shape, peer ? peer : "", peer_port);
    return CURL_PREREQFUNC_OK;
}

static int names_header(const char *line, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != name[i]) return 0;
    }
    return line[length] == ':';
}

/// Splits the caller's lines, and switches off the headers libcurl adds by itself.
static struct curl_slist *header_list(const char *headers, int *failed) {
    struct curl_slist *list = NULL, *grown;
    int has_type = 0;
    char *copy = strdup(headers);
    if (!copy) {
        *failed = 1;
        return NULL;
    }
    for (char *line = copy, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (!end) break;
        *end = 0;
        has_type |= names_header(line, "content-type");
        grown = curl_slist_append(list, line);
        if (!grown) *failed = 1;
        else list = grown;
    }
    free(copy);
    // "Name:" alone removes a header. Waiting for "100 Continue" would cost a second where it never comes.
    grown = curl_slist_append(list, "Expect:");
    if (!grown) *failed = 1;
    else list = grown;
    if (!has_type) {
        grown = curl_slist_append(list, "Content-Type:");
        if (!grown) *failed = 1;
        else list = grown;
    }
    return list;
}

static pthread_once_t started = PTHREAD_ONCE_INIT;
static CURLcode start_result;

static void start(void) { start_result = curl_global_init(CURL_GLOBAL_DEFAULT); }

/// Sets what every request has in common. The guard that judges addresses belongs
/// here, at CURLOPT_OPENSOCKETFUNCTION.
static CURLcode set_policy(CURL *curl, exchange *x, char *error) {
    CURLcode code = CURLE_OK;
#define SET(option, value) do { if (code == CURLE_OK) code = curl_easy_setopt(curl, option, value); } while (0)
    SET(CURLOPT_ERRORBUFFER, error);
    // Signals belong to the process; without this, name lookups may raise SIGALRM.
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, x);
    return code;
}

static CURLcode set_request(CURL *curl, const char *method, const char *url, struct curl_slist *headers, const uint8_t *body,
                            size_t body_count, long timeout_ms, const char *socket_path) {
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_TIMEOUT_MS, timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS);
    if (*socket_path) SET(CURLOPT_UNIX_SOCKET_PATH, socket_path);
    if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (body_count > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_count);
        SET(CURLOPT_POSTFIELDS, body_count > 0 ? (const char *)body : "");
        SET(CURLOPT_CUSTOMREQUEST, method);
    } else if (strcmp(method, "GET") != 0) {
        SET(CURLOPT_CUSTOMREQUEST, method);
    }
#undef SET
    return code;
}

void till_curl_send(const char *method, const char *url, const char *headers, const uint8_t *body, size_t body_count, long timeout_ms,
                    size_t answer_bytes_max, const char *socket_path, till_curl_answer *answer) {
    char error[CURL_ERROR_SIZE] = "";
    exchange x;
    int no_memory = 0;
    CURLcode code;
    memset(&x, 0, sizeof x);
    memset(answer, 0, sizeof *answer);
    x.headers.max = HEADER_BYTES_MAX;
    x.body.max = answer_bytes_max;

    pthread_once(&started, start);
    code = start_result;
    CURL *curl = code == CURLE_OK ? curl_easy_init() : NULL;
    struct curl_slist *list = header_list(headers, &no_memory);
    if (code == CURLE_OK && (!curl || no_memory)) code = CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK) code = set_policy(curl, &x, error);
    if (code == CURLE_OK) code = set_request(curl, method, url, list, body, body_count, timeout_ms > 0 ? timeout_ms : 1, socket_path);
    if (code == CURLE_OK) code = curl_easy_perform(curl);
    // The body was cut at its limit by us: what came before is the answer.
    if (code == CURLE_WRITE_ERROR && x.body.full) code = CURLE_OK;

    if (curl) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (code == CURLE_OK) answer->outcome = TILL_CURL_ANSWERED;
    else answer->outcome = x.connected ? TILL_CURL_NO_ANSWER : TILL_CURL_UNREACHABLE;
    answer->headers = x.headers.bytes;
    answer->headers_count = x.headers.count;
    answer->body = x.body.bytes;
    answer->body_count = x.body.count;
    answer->peer = strdup(x.peer);
    answer->error = strdup(code == CURLE_OK ? "" : *error ? error : curl_easy_strerror(code));

    if (curl) curl_easy_cleanup(curl);
    curl_slist_free_all(list);
}

void till_curl_free(till_curl_answer *answer) {
    free(answer->headers);
    free(answer->body);
    free(answer->peer);
    free(answer->error);
    memset(answer, 0, sizeof *answer);
}

const char *till_curl_version(void) { return curl_version_info(CURLVERSION_NOW)->version; }
