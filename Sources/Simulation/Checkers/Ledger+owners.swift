// Whose a device is, entry by entry: what it sent belongs to whoever had it then, when the alert is told and for ever after in the journal.

import HubCore
import Journal
import JournalValues
import VitalSigns

extension Ledger {
  /// The changes of who has which device.
  struct Owners {
    /// By device, in their order: from after this entry on it is this person's, or nobody's.
    private var changes: [DeviceID: [(entry: UInt64, patient: PatientID)]] = [:]
    /// A device has had more than one owner.
    private(set) var haveChanged = false

    mutating func gives(_ device: DeviceID, to patient: PatientID, by entry: UInt64) {
      if let before = changes[device]?.last, before.patient != patient, before.patient != .none { haveChanged = true }
      changes[device, default: []].append((entry, patient))
    }

    /// What the run before took and did not store has not happened; nor has what a copy does not have.
    mutating func undo(after durable: UInt64) {
      for device in changes.keys { changes[device]?.removeAll { $0.entry > durable } }
    }

    /// Nil: nothing is known of it.
    func owner(of device: DeviceID, at entry: UInt64) -> PatientID? { changes[device]?.last { $0.entry < entry }?.patient }
  }

  /// A press raises for whoever has the button.
  mutating func checkOwner(_ outcome: Outcome, _ transition: AlertTransition, at now: Int64) {
    guard transition.rule == .sos, transition.kind == .raised, pressIDs.bySequence[outcome.cause] != nil,
      let owner = owners.owner(of: outcome.device, at: outcome.cause), owner != outcome.patient
    else { return }
    report(.belongsToItsPerson, "\(outcome.device) was \(owner)'s at entry \(outcome.cause), and raises for \(outcome.patient)", at: now)
  }

  /// The same of presses and falls that were acknowledged, in the journal. A value that says when it was measured belongs to whoever had the
  /// device then.
  mutating func verifyOwners(_ reader: JournalReader, from first: Int, at now: Int64) throws(JournalError) {
    guard owners.haveChanged, !diskHasLied, first < promised.count else { return }
    for number in promised[first...] {
      guard let taken = taken[number], taken.message.meaning.isOfTheMoment else { continue }
      for sequence in taken.sequences {
        // A number that was given and not stored is another entry's now.
        guard let entry = try reader.entry(sequence), entry.device.rawValue == UInt32(taken.message.device + 1), entry.isAlarm,
          let owner = owners.owner(of: entry.device, at: sequence), owner != entry.patient
        else { continue }
        report(.belongsToItsPerson, "entry \(sequence) of \(entry.device) is \(entry.patient)'s, and was \(owner)'s", at: now)
        return
      }
    }
  }
}

extension SimulatedMessage.Meaning {
  /// It happened when it was sent.
  fileprivate var isOfTheMoment: Bool {
    switch self {
    case .press, .fall: true
    case .values, .life, .rubbish: false
    }
  }
}
