// What makes a simulated world: everything that happens in it follows from this value.

import VitalSigns

/// One world.
package struct SimulationSettings: Sendable, Hashable {
  package var seed: UInt64
  /// Simulated time with faults, milliseconds. A quiet half hour follows, in which everything must come right.
  package var milliseconds: Int64
  package var homes: Int
  package var profile: SimulationProfile
  /// Faults that do not come, whatever the profile says.
  package var without: Set<FaultKind>
  /// A defect that is put into the world on purpose, so that a checker can be seen to find it.
  package var mutant: Mutant?
  /// Promises that are not looked at: where one is known to be broken, others can be seen behind it.
  package var ignoring: Set<Checker> = []

  package init(
    seed: UInt64, milliseconds: Int64 = 3_600_000, homes: Int = 3, profile: SimulationProfile = .swarm, without: Set<FaultKind> = [],
    mutant: Mutant? = nil
  ) {
    self.seed = seed
    self.milliseconds = milliseconds
    self.homes = homes
    self.profile = profile
    self.without = without
    self.mutant = mutant
  }

  /// The time after the last fault in which what was disturbed must come right. Longer than any back-off and any interval of a device.
  /// Nanoseconds.
  static let quiet: Int64 = 1_800 * World.second

  /// The command that runs this world again.
  package var command: String {
    let hours = Double(milliseconds) / 3_600_000
    var text = "knutepunkt simulate --seed \(seed) --hours \(hours) --homes \(homes) --profile \(profile.rawValue)"
    for kind in without.sorted(by: { $0.rawValue < $1.rawValue }) { text += " --without \(kind.rawValue)" }
    for checker in ignoring.sorted(by: { $0.rawValue < $1.rawValue }) { text += " --ignore \(checker.rawValue)" }
    if let mutant { text += " --mutant \(mutant.rawValue)" }
    return text
  }
}

/// A defect in the wiring of the world, never in the product: what a hub would do if it broke one promise. Each is found by one checker.
package enum Mutant: String, Sendable, Hashable, CaseIterable {
  /// Messages are acknowledged as soon as they come in.
  case acknowledgesEarly
  /// Messages are acknowledged once they are decided, before they are committed.
  case acknowledgesBeforeCommit
  /// Nothing is flushed, and the hub believes that it was.
  case skipsFlush
  /// One alert of eight is told to nobody.
  case dropsAlerts
  /// One alert of a thousand is told to nobody.
  case dropsOneInThousand
  /// An alert is told under the id of another.
  case repeatsIdentity
  /// Ids are counted from what can be removed: it is removed at each start, and the counters with it.
  case countsWhatIsRemoved
  /// An alert is caused by a value of long ago.
  case raisesOld
  /// The core's deadlines are not looked at.
  case forgetsDeadlines
  /// Deadlines that were set before a start are not looked at after it.
  case forgetsDeadlinesAtStart
  /// A delivery has another name at each attempt.
  case deliversWithoutName
  /// A destination that is away holds up the others.
  case laneBlocks
  /// Destinations get records in another order.
  case reordersRecords
  /// The access log loses its last row.
  case cutsAccessLog
  /// A press is decided otherwise than it is written down.
  case losesEntry
  /// The journal's file is gone at the next start.
  case losesJournal
  /// Full tables are not told of.
  case hidesFullTable
  /// Somebody looks into the journal and never ends, so that its log cannot be cut.
  case holdsLog
  /// Alert ids never begin a new epoch.
  case keepsEpoch
  /// A device that changes its person does so in the lists only.
  case movesInListsOnly
  /// A copy of the journal is put back as it is, and every trace of what came after it is gone.
  case restoresBare
  /// Open alerts are not in what is restored.
  case losesFromCopy
  /// The journal has no alert when the hub has ended.
  case losesAlertsAtEnd

  /// Whether it tells nobody of this alert.
  func drops(_ alert: AlertID) -> Bool {
    switch self {
    case .dropsAlerts: alert.low & 7 == 0
    case .dropsOneInThousand: alert.low % 1_000 == 0
    default: false
    }
  }
}
