// Frames on their way from a device to the gateway. Each device's order is kept, by whatever way
// its frames come: a frame with a program goes to the gateway first and then to the session, and nothing overtakes one that waits.

import DeviceProfile
import Glibc
import HubRuntime
import VitalSigns

extension BluetoothLoop {
  /// The largest ATT value has 512 bytes, the largest MTU brings 514.
  private static let packetMax = 1_024
  /// Packets of one socket in one turn: a flood of one device must not hold up an alarm of another.
  private static let packetsPerTurn = 32

  /// Reads what one notification socket holds.
  func readSocket(_ descriptor: Int32, hasEnded: Bool) {
    // What an earlier socket of this turn brought may have closed this one.
    for (number, entry) in entries {
      guard let socket = entry.sockets.first(where: { $0.descriptor == descriptor }) else { continue }
      let isDry = read(socket, of: number)
      if hasEnded, isDry, entries[number]?.waiting.isEmpty == true,
        entries[number]?.sockets.contains(where: { $0.descriptor == descriptor }) == true
      {
        closeSocket(descriptor, of: number)
        give(.notificationsEnded(socket.uuid), to: number)
      }
      return
    }
  }

  /// Reads every socket of a device that carries frames: bluetoothd wrote those frames before the one at hand.
  func readAllSockets(of number: Int, except uuid: BluetoothUUID? = nil) {
    for socket in entries[number]?.sockets ?? [] where socket.uuid != uuid && hasProgram(socket.uuid, number) {
      _ = read(socket, of: number)
    }
  }

  private func hasProgram(_ uuid: BluetoothUUID, _ number: Int) -> Bool {
    entries[number]?.device.frames.contains(uuid) == true
  }

  /// True when the socket is empty.
  private func read(_ socket: DeviceEntry.Socket, of number: Int) -> Bool {
    var buffer = [UInt8](repeating: 0, count: Self.packetMax)
    for _ in 0..<Self.packetsPerTurn {
      guard entries[number]?.sockets.contains(where: { $0.descriptor == socket.descriptor }) == true else { return true }
      if entries[number]?.waiting.isEmpty == false, hasProgram(socket.uuid, number) { return false }
      let count = recv(socket.descriptor, &buffer, Self.packetMax, Int32(MSG_DONTWAIT))
      // A count of 0 means the end, or an empty packet, which no profile uses.
      if count <= 0 { return true }
      if !hasProgram(socket.uuid, number) { readAllSockets(of: number, except: socket.uuid) }
      take(.characteristic(socket.uuid), Array(buffer[..<count]), from: number)
    }
    return false
  }

  /// A frame arrived, by whatever way.
  func take(_ source: BluetoothFrame.Source, _ bytes: [UInt8], from number: Int) {
    guard let entry = entries[number] else { return }
    if !entry.waiting.isEmpty || !offer(source, bytes, number, entry) {
      if entry.waiting.count >= DeviceEntry.waitingMax {
        trace(entry.device.name, "a frame was lost: the hub's intake stayed full")
        link.handler.frameLost(address: entry.device.address)
        if case .characteristic(let uuid) = source { give(.notification(uuid, bytes: bytes, nil), to: number) }
        return
      }
      let generation = entry.session?.generation ?? 0
      entries[number]?.waiting.append(DeviceEntry.WaitingFrame(source: source, bytes: bytes, generation: generation))
    }
  }

  func offerWaiting() {
    for number in entries.keys.sorted() {
      var taken = 0
      for frame in entries[number]?.waiting ?? [] {
        guard let entry = entries[number] else { break }
        let isCurrent = frame.generation == entry.session?.generation ?? 0 && entry.session?.isConnected != false
        guard offer(frame.source, frame.bytes, number, entry, isCurrent: isCurrent) else { break }
        taken += 1
      }
      guard taken > 0, let waiting = entries[number]?.waiting else { continue }
      entries[number]?.waiting = Array(waiting.dropFirst(taken))
      guard waiting.count == taken, let entry = entries[number] else { continue }
      entries[number]?.afterWaiting.removeAll()
      for notice in entry.afterWaiting { tell(notice, entry.device.address) }
    }
  }

  /// Tells the gateway something that must not overtake the frames before it.
  func notice(_ notice: DeviceEntry.Notice, _ number: Int) {
    guard let entry = entries[number] else { return }
    if entry.waiting.isEmpty { tell(notice, entry.device.address) } else { entries[number]?.afterWaiting.append(notice) }
  }

  private func tell(_ notice: DeviceEntry.Notice, _ address: String) {
    switch notice {
    case .recordsBegan(let characteristics): link.handler.recordsBegan(address: address, from: characteristics)
    case .recordsEnded: link.handler.recordsEnded(address: address)
    case .disconnected: link.handler.disconnected(address: address)
    }
  }

  /// A device that measures, sends and leaves has its value confirmed by bluetoothd as soon as it lies in the socket: the end
  /// of the link may be known here before the socket was read.
  func emptySockets(_ number: Int) {
    var buffer = [UInt8](repeating: 0, count: Self.packetMax)
    for socket in entries[number]?.sockets ?? [] where hasProgram(socket.uuid, number) {
      for _ in 0..<DeviceEntry.waitingMax {
        let count = recv(socket.descriptor, &buffer, Self.packetMax, Int32(MSG_DONTWAIT))
        if count <= 0 { break }
        take(.characteristic(socket.uuid), Array(buffer[..<count]), from: number)
      }
    }
  }

  /// False when the gateway has no room. `isCurrent`: the connection that brought it is still there.
  private func offer(
    _ source: BluetoothFrame.Source, _ bytes: [UInt8], _ number: Int, _ entry: DeviceEntry, isCurrent: Bool = true
  ) -> Bool {
    var outcome: BluetoothFrameOutcome?
    if case .characteristic(let uuid) = source, !entry.device.frames.contains(uuid) {
      outcome = nil
    } else {
      let verdict = link.handler.frame(BluetoothFrame(address: entry.device.address, source: source, bytes: bytes))
      if verdict == .busy { return false }
      outcome = verdict
      entries[number]?.lastHeard = SystemClock.wall()
    }
    if isCurrent, case .characteristic(let uuid) = source { give(.notification(uuid, bytes: bytes, outcome), to: number) }
    return true
  }

  func closeSockets(_ number: Int) {
    for socket in entries[number]?.sockets ?? [] { close(socket.descriptor) }
    entries[number]?.sockets.removeAll()
  }

  private func closeSocket(_ descriptor: Int32, of number: Int) {
    close(descriptor)
    entries[number]?.sockets.removeAll { $0.descriptor == descriptor }
  }
}
