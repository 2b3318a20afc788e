// A process that is alone on its machine, through LD_PRELOAD: names of the abstract namespace, by which two hubs of one machine meet, cannot
// be taken. So two hubs of one identity can be tried as on two machines.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real) real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
  if (address && length > sizeof(sa_family_t) && address->sa_family == AF_UNIX && ((const struct sockaddr_un *)address)->sun_path[0] == 0) {
    errno = EACCES;
    return -1;
  }
  return real(descriptor, address, length);
}
