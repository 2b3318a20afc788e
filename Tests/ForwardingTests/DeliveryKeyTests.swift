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

  @Test(arguments: ["", "a", "a/", "a/x/raised", "o/7", "a/01234567-89ab-cdef-0000-000000000001/jumped", "a/b/c/d/e"])
  func otherKeysAreNoTransitions(text: String) {
    #expect(DeliveryKey(rawValue: text).parsedTransition == nil)
  }
}
