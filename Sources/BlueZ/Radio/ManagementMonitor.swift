// The shell around RadioHealth: one socket on the kernel's management channel, read without waiting. It sends commands
// that read and no others; whether the radio is on is bluetoothd's business. This socket shows a dead radio
// even when bluetoothd still reports it as working.

import CBluetooth
import Glibc

/// Listens to the kernel about its Bluetooth adapters. Owned by one thread; nothing in it waits.
public final class ManagementMonitor {
  /// Packets in one `read`, so that a flood of strangers' advertisements cannot hold up the loop; the rest stays in the
  /// socket, and poll reports it again.
  package static let packetsPerRead = 64

  /// For poll: readable when there is something to read. Closed in `deinit`; not to be polled after `.ended`.
  public let descriptor: Int32
  public private(set) var health = RadioHealth()
  /// Not sent yet, oldest first. At most the opening and one for each adapter.
  private var questions = RadioHealth.opening
  private var buffer = [UInt8](repeating: 0, count: ManagementPacket.lengthMax)

  /// Opens the socket and asks the first questions; the answers come with `read`.
  ///
  /// Works without CAP_NET_ADMIN too, and then hears only of adapters and their power (`RadioHealth.hearsScanning`).
  /// - Throws: why the kernel has nothing to tell. Trying again helps once an adapter's driver is loaded.
  public convenience init() throws(RadioAbsence) {
    let descriptor = cbluetooth_management_socket()
    guard descriptor >= 0 else { throw RadioAbsence(code: -descriptor) }
    self.init(owning: descriptor)
  }

  /// Takes a non-blocking socket over that keeps packets apart.
  package init(owning descriptor: Int32) {
    self.descriptor = descriptor
    ask()
  }

  deinit { close(descriptor) }

  /// Takes in what has come, at most 64 packets, and gives each event in order.
  public func read(into take: (RadioEvent) -> Void) {
    guard health.isWatching else { return }
    ask()
    for _ in 0..<Self.packetsPerRead {
      let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if count < 0 {
        if errno == EINTR { continue }
        if errno != EAGAIN { take(health.end(code: errno)) }
        return
      }
      if count == 0 { return take(health.end(code: 0)) }
      switch ManagementPacket.parse(Array(buffer.prefix(count))) {
      case .failure(let rejection): take(health.reject(rejection))
      case .success(let packet):
        let (events, next) = health.take(packet)
        events.forEach(take)
        questions += next
        ask()
      }
    }
  }

  /// Sends what it can. What the kernel cannot take now is sent at the next `read`.
  private func ask() {
    while let question = questions.first {
      let bytes = question.bytes
      // A broken socket shows at the next read.
      guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return }
      questions.removeFirst()
    }
  }
}
