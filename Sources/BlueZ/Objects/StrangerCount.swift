// Devices in range that are none of ours are the neighbours' and passers-by's. The hub counts them, so that it can tell a
// silent house from a dead radio and knows how many connections other programs hold, and keeps nothing that names them:
// numbers made from their object paths with a salt that is drawn anew at each start and never leaves the memory.

/// A bounded count of different devices.
struct StrangerCount: Sendable {
  /// More than this are not told apart any more: the count stays.
  static let max = 4_096

  private let salt: UInt64
  private var isConnected: [UInt64: Bool] = [:]
  /// How many of them are connected, through whatever program.
  private(set) var connected = 0

  init(salt: UInt64 = UInt64.random(in: .min ... .max)) { self.salt = salt }

  var count: Int { isConnected.count }

  func contains(path: String) -> Bool { isConnected[number(path)] != nil }

  /// Counts a device once. `connected` nil: nothing is said of it.
  mutating func note(path: String, connected state: Bool? = nil) {
    let number = number(path)
    let before = isConnected[number]
    guard before != nil || isConnected.count < Self.max else { return }
    isConnected[number] = state ?? before ?? false
    connected += ((state ?? before ?? false) ? 1 : 0) - ((before ?? false) ? 1 : 0)
  }

  mutating func remove(path: String) {
    if isConnected.removeValue(forKey: number(path)) == true { connected -= 1 }
  }

  mutating func removeAll() {
    isConnected.removeAll()
    connected = 0
  }

  private func number(_ path: String) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(salt)
    hasher.combine(path)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
