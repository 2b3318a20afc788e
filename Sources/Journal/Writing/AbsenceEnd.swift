// How a clock anchor says that it ends an absence: one number, 1 where nothing more is known, else the instant until which the hub
// decided by itself. An instant is never 1: the first timeline of a hub begins at a whole second.

import VitalSigns

enum AbsenceEnd {
  static func number(of anchor: ClockAnchor) -> Int64 { anchor.endsAbsence ? max(1, anchor.decidedUntil.rawValue) : 0 }

  static func anchor(utcOffsetSeconds: Int32, number: Int64, idEpoch: UInt32) -> ClockAnchor {
    ClockAnchor(
      utcOffsetSeconds: utcOffsetSeconds, endsAbsence: number != 0, decidedUntil: number > 1 ? MonotonicInstant(rawValue: number) : .zero,
      idEpoch: idEpoch)
  }
}
