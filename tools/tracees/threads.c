// threads N: N threads, which make a system call now and then, until a signal ends them.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *run(void *unused) {
  (void)unused;
  const struct timespec tick = {.tv_nsec = 20 * 1000 * 1000};
  for (;;) nanosleep(&tick, 0);
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1;
  pthread_t thread;
  for (int n = 1; n < threads; ++n)
    if (pthread_create(&thread, 0, run, 0) != 0) return 1;
  puts("ready");
  fflush(stdout);
  run(0);
}
