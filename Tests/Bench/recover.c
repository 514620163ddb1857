// S: secp256k1 public-key recoveries per second on one core, as /verify needs one for each signature.
//   recover SECONDS   prints the rate
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIGNATURES = 1000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    static unsigned char digest[SIGNATURES][32], compact[SIGNATURES][64];
    static int id[SIGNATURES];
    unsigned char secret[32];
    memset(secret, 0x11, sizeof secret);
    for (int i = 0; i < SIGNATURES; i++) {
        for (int j = 0; j < 32; j++) digest[i][j] = (unsigned char)(i * 31 + j * 7 + (i >> 8));
        secp256k1_ecdsa_recoverable_signature signature;
        if (!secp256k1_ecdsa_sign_recoverable(context, &signature, digest[i], secret, NULL, NULL)) return 1;
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact[i], &id[i], &signature);
    }
    long done = 0;
    double began = now(), ended = began;
    while ((ended = now()) - began < seconds) {
        for (int i = 0; i < SIGNATURES; i++, done++) {
            secp256k1_ecdsa_recoverable_signature signature;
            secp256k1_pubkey key;
            unsigned char raw[65];
            size_t size = sizeof raw;
            if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, compact[i], id[i])) return 1;
            if (!secp256k1_ecdsa_recover(context, &key, &signature, digest[i])) return 1;
            secp256k1_ec_pubkey_serialize(context, raw, &size, &key, SECP256K1_EC_UNCOMPRESSED);
        }
    }
    printf("%.1f\n", done / (ended - began));
    return 0;
}
