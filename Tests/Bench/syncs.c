// F: fdatasync per second on a file, one WAL frame written before each, as a commit of its own would.
//   syncs FILE SECONDS   prints the rate
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 4096 + 24, FRAMES = 1000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    static char frame[FRAME];
    if (fd < 0) return 1;
    // A log that has been round once is overwritten in place: no growth, so no journal of the file system.
    for (int i = 0; i < FRAMES; i++)
        if (pwrite(fd, frame, FRAME, (off_t)i * FRAME) != FRAME) return 1;
    if (fsync(fd)) return 1;
    long done = 0;
    double began = now(), ended = began;
    while ((ended = now()) - began < seconds) {
        if (pwrite(fd, frame, FRAME, (off_t)(done % FRAMES) * FRAME) != FRAME || fdatasync(fd)) return 1;
        done++;
    }
    printf("%.1f\n", done / (ended - began));
    unlink(argv[1]);
    return 0;
}
