// Forks three children that exec true, and waits for each.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(int n) { printf("child %d\n", n); }

int main(void) {
  for (int n = 0; n < 3; ++n) {
    work(n);
    const pid_t child = fork();
    if (child == 0) {
      execlp("true", "true", (char *)0);
      _exit(127);
    }
    waitpid(child, 0, 0);
  }
  return 0;
}
