#include <stdio.h>

int main(void) {
  puts("Hello from the cache!");
  return 0;
}
