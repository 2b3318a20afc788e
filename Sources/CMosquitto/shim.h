// libmosquitto 2.0 for Swift: its own headers, and `static inline` shims for what Swift cannot reach. Nothing else.
#ifndef KNUTEPUNKT_CMOSQUITTO_SHIM_H
#define KNUTEPUNKT_CMOSQUITTO_SHIM_H

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdbool.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

// Where to go on when an assertion of the library's fails under the call that this thread makes; NULL outside of it.
// One for each object file of ours that is compiled with this: who makes the call and who leaves it stand in the same one.
static inline sigjmp_buf **cmosquitto_way_out(void) {
  static __thread sigjmp_buf *way_out;
  return &way_out;
}

// Ends the library's call with MOSQ_ERR_PROTOCOL. Only from code that the library itself calls, with none of ours in between.
// Returns when this thread is in no such call.
static inline void cmosquitto_leave(void) {
  if (*cmosquitto_way_out() != NULL) siglongjmp(**cmosquitto_way_out(), 1);
}

// Reads what is there. `*would_block` says that the library stopped because the socket was empty, which its result
// does not tell: both "read one packet" and "nothing to read" are MOSQ_ERR_SUCCESS.
static inline int cmosquitto_loop_read(struct mosquitto *client, bool *would_block) {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    *cmosquitto_way_out() = NULL;
    *would_block = false;
    return MOSQ_ERR_PROTOCOL;
  }
  *cmosquitto_way_out() = &here;
  errno = 0;
  int result = mosquitto_loop_read(client, 1);
  *cmosquitto_way_out() = NULL;
  *would_block = (errno == EAGAIN || errno == EWOULDBLOCK);
  return result;
}

// `errno` of a call that ended with MOSQ_ERR_ERRNO; read it before any other call.
static inline int cmosquitto_errno(void) { return errno; }

// Bytes that TCP has received on this connection, in order; 0 when the kernel does not say. `tcpi_bytes_received` of
// <linux/tcp.h> (part of the kernel's stable interface since 4.1), read by its place: that header and Glibc's own declare
// the same structure differently, and one of the two is in Swift's Glibc module already.
static inline uint64_t cmosquitto_bytes_received(int socket) {
  enum { tcp_info_option = 11, place = 128 };
  unsigned char info[256] = {0};
  uint64_t bytes = 0;
  socklen_t length = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, tcp_info_option, info, &length) != 0 || length < place + sizeof bytes) return 0;
  memcpy(&bytes, info + place, sizeof bytes);
  return bytes;
}

#endif
