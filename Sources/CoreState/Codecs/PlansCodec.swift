// What a person's plan says beside limits (doses, night watch, fence, validity), and the counters of alert ids. One record for each person,
// in the order of places.
//
// History. 2: and for whom NEWS2 is not made. 1: versions from 0.4 on. `episodes` holds 48 counters by `AlertRule.episodeIndex`.

import RealtimeCore
import VitalSigns

struct PlansCodec: StateCodec {
  static var name: String { "plans" }
  static var version: UInt16 { 2 }
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { maps.people.used.count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    try expect(records, maps.people.used.count)
    for slot in maps.people(coder.isReading) {
      let plan = arena.plan(slot)
      try coder.number(&plan.pointee.oxygenSource)
      try coder.number(&plan.pointee.newsSpeaksAgain)
      try coder.number(&plan.pointee.frameUntil)
      try coder.numbers(&plan.pointee.signalSpeaksAgain)
      try coder.numbers(&plan.pointee.signalDelaySeconds)
      try coder.numbers(&plan.pointee.validitySeconds)
      try coder.numbers(&plan.pointee.trendMissing)
      try coder.numbers(&plan.pointee.episodes)
      try codeFence(plan, &coder)
      try codeSchedule(plan, &coder)
      if coder.version >= 2 {
        try coder.number(&plan.pointee.scoredFromDay)
        try coder.number(&plan.pointee.isPregnant)
      }
    }
  }

  private static func codeFence(_ plan: UnsafeMutablePointer<PatientPlan>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try coder.number(&plan.pointee.fenceLatitudeE7)
    try coder.number(&plan.pointee.fenceLongitudeE7)
    try coder.number(&plan.pointee.fenceRadiusMetres)
    try coder.number(&plan.pointee.fenceStaleSeconds)
    try coder.number(&plan.pointee.fenceConfirmingFixes)
  }

  private static func codeSchedule(_ plan: UnsafeMutablePointer<PatientPlan>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try coder.number(&plan.pointee.dosesPlanned)
    try coder.numbers(&plan.pointee.doseMinute)
    try coder.numbers(&plan.pointee.doseGraceSeconds)
    try coder.numbers(&plan.pointee.doseNextDay)
    try coder.numbers(&plan.pointee.doseTakenDay)
    try coder.numbers(&plan.pointee.doseMissedDay)
    try coder.numbers(&plan.pointee.doseRefusedDay)
    try coder.number(&plan.pointee.nightDelaySeconds)
    try coder.number(&plan.pointee.nightNextDay)
    try coder.number(&plan.pointee.nightFrom)
    try coder.number(&plan.pointee.nightTo)
  }
}
