// Finds out whether the broker's port answers, within a time limit, and gives up when `stop()` is called. libmosquitto 2.0 can connect
// without blocking only without properties, and so without a persistent MQTT 5 session. Its blocking connect waits two minutes on a dead
// route. So this probe connects first, and the library connects to an address that has just answered.
//
// The broker's log shows the probe as a connection that closed without a word. Name look-up blocks as long as
// resolv.conf says; a broker that must be found fast is given by its address.

import Glibc
import HubRuntime
import VitalSigns

enum BrokerProbe {
  enum Answer: Sendable, Hashable {
    case open
    case closed(String)
    case interrupted
  }

  /// Tries each address of `host` in turn until one accepts. `isInterrupted` is asked each time that `wake` fires.
  static func run(host: String, port: Int, timeoutMilliseconds: Int64, wake: WakeDescriptor, isInterrupted: () -> Bool) -> Answer {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, String(port), &hints, &list)
    guard result == 0, let list else { return .closed("the name \(host): \(String(cString: gai_strerror(result)))") }
    defer { freeaddrinfo(list) }
    let end = SystemClock.monotonic().adding(nanoseconds: timeoutMilliseconds * 1_000_000)
    var last = "no address"
    var address: UnsafeMutablePointer<addrinfo>? = list
    while let current = address {
      switch tryOne(current.pointee, end: end, wake: wake, isInterrupted: isInterrupted) {
      case .open: return .open
      case .interrupted: return .interrupted
      case .closed(let detail): last = detail
      }
      address = current.pointee.ai_next
    }
    return .closed(last)
  }

  private static func tryOne(_ address: addrinfo, end: MonotonicInstant, wake: WakeDescriptor, isInterrupted: () -> Bool) -> Answer {
    let descriptor = socket(address.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return .closed(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    if connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return .open }
    guard errno == EINPROGRESS else { return .closed(String(cString: strerror(errno))) }
    while true {
      if isInterrupted() { return .interrupted }
      var polled = [
        pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0), pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&polled, 2, SystemClock.pollTimeout(until: end))
      if ready < 0, errno != EINTR { return .closed(String(cString: strerror(errno))) }
      if polled[1].revents != 0 { wake.clear() }
      if polled[0].revents != 0 {
        var problem: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        _ = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &length)
        return problem == 0 ? .open : .closed(String(cString: strerror(problem)))
      }
      if SystemClock.monotonic() >= end { return .closed("no answer in time") }
    }
  }
}
