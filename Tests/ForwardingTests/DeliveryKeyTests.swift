// Keys: their form is a promise to every destination, so it is written down here a second time.

import Forwarding
import Testing
import VitalSigns

@Suite struct DeliveryKeyTests {
  let alert = AlertID(high: 0x0123_4567_89ab_cdef, low: 1)

  @Test func formsThatMustNeverChange() {
    let instant = MonotonicInstant(rawValue: 42)
    let forms: [(DeliveryKey, String)] = [
      (.observation(sequence: 7), "o/7"), (.panel(frame: 7), "p/7"), (.dose(sequence: 7), "d/7"), (.hub, "hub"),
      (.score(patient: PatientID(rawValue: 3), at: instant, cause: 7), "n/3/42/7"), (.patient(PatientID(rawValue: 3)), "patient/3"),
      (.device(DeviceID(rawValue: 4)), "device/4"), (.alert(alert), "a/01234567-89ab-cdef-0000-000000000001"),
      (.transition(alert, .raised, at: instant), "a/01234567-89ab-cdef-0000-000000000001/raised"),
      (.transition(alert, .resolved, at: instant), "a/01234567-89ab-cdef-0000-000000000001/resolved"),
      (.transition(alert, .cleared, at: instant), "a/01234567-89ab-cdef-0000-000000000001/cleared"),
      (.transition(alert, .escalated, at: instant), "a/01234567-89ab-cdef-0000-000000000001/escalated/42"),
      (.transition(alert, .retriggered, at: instant), "a/01234567-89ab-cdef-0000-000000000001/retriggered/42"),
    ]
    for (key, text) in forms { #expect(key.rawValue == text) }
  }

  @Test func everyTransitionIsReadBack() throws {
    let kinds: [AlertTransitionKind] = [
      .suspected, .raised, .notified, .acknowledged, .responding, .resolved, .cleared, .escalated, .retriggered, .upgraded,
    ]
    for kind in kinds {
      let key = DeliveryKey.transition(alert, kind, at: MonotonicInstant(rawValue: 42))
      let parsed = try #require(key.parsedTransition)
      #expect(parsed.alert == alert && parsed.kind == kind)
      #expect(parsed.instant.rawValue == ([.raised, .resolved, .cleared].contains(kind) ? 0 : 42))
    }
  }

  private func transition(
    _ kind: AlertTransitionKind, rule: AlertRule = .news2High, priority: AlertPriority = .high, level: UInt8 = 0, revision: UInt16 = 0
  ) -> AlertTransition {
    AlertTransition(
      id: alert, rule: rule, priority: priority, state: .raised, previous: .raised, kind: kind, level: level, deadline: .never,
      firstCause: 1, raisedAt: .zero, value: 7, limit: 7, subject: 0, actor: .hub, revision: revision)
  }

  @Test func twoUpgradesOfOneInstantAreTwoThings() throws {
    let instant = MonotonicInstant(rawValue: 42)
    let first = DeliveryKey.transition(transition(.upgraded, rule: .news2Medium, priority: .medium, revision: 1), at: instant)
    let second = DeliveryKey.transition(transition(.upgraded, revision: 2), at: instant)
    #expect(first != second)
    #expect(second.rawValue == "a/01234567-89ab-cdef-0000-000000000001/upgraded/42/r2/p3/l0")
    #expect(second.parsedTransition == .init(alert: alert, kind: .upgraded, instant: instant, revision: 2))
    // Each part alone tells two changes apart.
    let keys: [DeliveryKey] = [
      second, DeliveryKey.transition(transition(.upgraded, revision: 3), at: instant),
      DeliveryKey.transition(transition(.upgraded, priority: .medium, revision: 2), at: instant),
      DeliveryKey.transition(transition(.upgraded, level: 1, revision: 2), at: instant),
      DeliveryKey.transition(transition(.escalated, revision: 2), at: instant),
      DeliveryKey.transition(transition(.upgraded, revision: 2), at: MonotonicInstant(rawValue: 43)),
    ]
    #expect(Set(keys).count == keys.count)
    #expect(keys.allSatisfy { $0.rawValue.utf8.count <= 96 && $0.parsedTransition != nil })
  }

  @Test func aRaiseKeepsItsKeyAfterACrashUnlessItIsMoreUrgent() {
    let (before, after) = (MonotonicInstant(rawValue: 42), MonotonicInstant(rawValue: 99))
    let call = transition(.raised, rule: .sos)
    #expect(DeliveryKey.transition(call, at: before) == DeliveryKey.transition(call, at: after))
    #expect(DeliveryKey.transition(call, at: before).rawValue == "a/01234567-89ab-cdef-0000-000000000001/raised")
    let medium = DeliveryKey.transition(transition(.raised, rule: .news2Medium, priority: .medium), at: before)
    let high = DeliveryKey.transition(transition(.raised), at: after)
    #expect(medium != high)
    #expect(high.parsedTransition == .init(alert: alert, kind: .raised, instant: .zero, revision: nil))
  }

  /// What version 1 of the journal left in the outbox may have been delivered already, under the key of then.
  @Test(arguments: [AlertTransitionKind.escalated, .retriggered, .acknowledged, .responding, .upgraded, .resolved, .cleared])
  func aRowOfVersion1KeepsItsKey(kind: AlertTransitionKind) {
    let instant = MonotonicInstant(rawValue: 42)
    let row = transition(kind, level: 1)
    #expect(DeliveryKey.transition(row, at: instant) == DeliveryKey.transition(alert, kind, at: instant))
    #expect(DeliveryKey.transition(row, at: instant).parsedTransition?.revision == nil)
  }

  @Test(arguments: [
    "", "a", "a/", "a/x/raised", "o/7", "a/01234567-89ab-cdef-0000-000000000001/jumped", "a/b/c/d/e",
    "a/01234567-89ab-cdef-0000-000000000001/upgraded/42/r2", "a/01234567-89ab-cdef-0000-000000000001/upgraded/42/2/3/0",
    "a/01234567-89ab-cdef-0000-000000000001/upgraded/42/r99999/p3/l0", "a/01234567-89ab-cdef-0000-000000000001/raised/3",
  ])
  func otherKeysAreNoTransitions(text: String) {
    #expect(DeliveryKey(rawValue: text).parsedTransition == nil)
  }
}
