// The promises that are watched over in a simulated world, by name. A checker is a few lines of `Ledger` that can say "broken"; each
// has a mutant that it finds (`MutantTests`).

/// A promise.
package enum Checker: String, Sendable, Hashable, CaseIterable {
  /// What was acknowledged is in the journal, after any crash.
  case acknowledgedIsKept
  /// A press is told within `Ledger.tellWithin`, or its alert is open in the journal.
  case pressIsTold
  /// What people were told in a run that ends in good order is in the journal.
  case toldIsStored
  /// Two presses never raise under one id, and one press never under two while its alert goes on.
  case pressHasItsId
  /// One alert has one id, and no id is given twice.
  case identityIsUnique
  /// What a device sends belongs to whoever had it at that moment, and stays theirs.
  case belongsToItsPerson
  /// Each change and each record has one name, and no value has another's, at a destination, whenever and however often it comes.
  case deliveryHasOneName
  /// What was measured long ago raises nothing.
  case oldRaisesNothing
  /// A silent device is told within its interval and `Ledger.silenceGrace`.
  case silenceIsTold
  /// Each destination gets an alert's changes in their order, and a person's records in theirs but for those that were under way when it
  /// failed: they yield to others.
  case orderIsKept
  /// A destination that is well gets alarms within `Ledger.deliverWithin`, whatever befalls others.
  case destinationsAreApart
  /// The journal's entries through a fresh core give the journal's alerts.
  case replayIsEqual
  /// Queues and tables hold no more than they say.
  case boundsHold
  /// The access log is one unbroken chain, and does not become shorter.
  case accessLogIsWhole
  /// More alerts than the core follows are told of.
  case lackOfRoomIsTold
  /// A copy that a running hub gave is sound. A hub that is restored from it goes on with its open alerts, gives no id that the original gave
  /// after it, and says that it was restored.
  case copyGoesOn
  /// The hub starts after any crash, knows its journal, and ends when it is told to.
  case hubStarts
}

/// A broken promise.
package struct Violation: Sendable, Hashable, CustomStringConvertible {
  package var checker: Checker
  package var detail: String
  /// On the world's time, nanoseconds.
  package var at: Int64

  package var description: String { "\(checker.rawValue) at \(at / 1_000_000) ms: \(detail)" }
}
