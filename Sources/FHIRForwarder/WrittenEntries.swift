// What is worked out once and used again: the entries of people, devices and the hub, which stand in every bundle and seldom change, and
// the identities of one bundle.

internal import Forwarding
internal import Synchronization

/// The entries of people, devices and the hub as they were written last: they stand in every bundle, and seldom change. Any thread.
final class WrittenEntries: Sendable {
  /// Beyond it all are forgotten and written anew, one by one.
  static let countMax = 8_192

  /// What an entry was made from.
  enum Subject: Sendable, Hashable {
    case hub
    case patient(PatientIdentity)
    case device(DeviceIdentity)
  }

  private let known = Mutex<[Subject: FHIRBundle.Entry]>([:])

  func entry(_ subject: Subject, _ make: () -> FHIRBundle.Entry) -> FHIRBundle.Entry {
    if let entry = known.withLock({ $0[subject] }) { return entry }
    var entry = make()
    entry.json = .written(entry.json.utf8)
    let made = entry
    known.withLock { known in
      if known.count >= Self.countMax { known.removeAll() }
      known[subject] = made
    }
    return made
  }
}

/// A class, so that what only looks an identity up changes no builder. One builder's own, on one task.
final class KnownIdentities {
  var urns: [DeliveryKey: String] = [:]
}
