// How a clock anchor says that it begins a run: one number, 1 where nothing more is known, else the instant until which the run before
// decided by itself. An instant is never 1: the first timeline of a hub begins at a whole second.

import VitalSigns

enum RunBeginning {
  static func number(of anchor: ClockAnchor) -> Int64 { anchor.beginsRun ? max(1, anchor.decidedUntil.rawValue) : 0 }

  static func anchor(utcOffsetSeconds: Int32, number: Int64, idEpoch: UInt32) -> ClockAnchor {
    ClockAnchor(
      utcOffsetSeconds: utcOffsetSeconds, beginsRun: number != 0, decidedUntil: number > 1 ? MonotonicInstant(rawValue: number) : .zero,
      idEpoch: idEpoch)
  }
}
