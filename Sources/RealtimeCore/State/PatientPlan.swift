// What a person's plan says, and the clocks of its schedules: what only schedules, trackers and registry changes touch. Plain integers
// without padding, like PatientState.

import VitalSigns

/// The cold part of a person's plan: what only schedules, trackers and registry changes touch.
struct PatientPlan {
  /// The plan item that prescribed air or oxygen.
  var oxygenSource: UInt64
  /// When a resolved NEWS2 condition that still holds is told again; 0: nothing was resolved.
  var newsSpeaksAgain: Int64
  /// Until when the readings that are missing from an open frame are waited for.
  var frameUntil: Int64
  /// As `newsSpeaksAgain`, for each `PlanSignal`.
  var signalSpeaksAgain: InlineArray<8, Int64>
  /// How long each `PlanSignal` must stay beyond a limit before its alert rises.
  var signalDelaySeconds: InlineArray<8, UInt32>
  /// 0: the default.
  var validitySeconds: InlineArray<7, UInt32>
  var fenceLatitudeE7: Int32
  var fenceLongitudeE7: Int32
  var fenceRadiusMetres: UInt32
  var fenceStaleSeconds: UInt32
  var doseGraceSeconds: InlineArray<8, UInt32>
  /// Local day (days since 1970) of the next dose to judge.
  var doseNextDay: InlineArray<8, Int32>
  /// Latest local day on which the dose was taken, told missed, told refused; 0: never.
  var doseTakenDay: InlineArray<8, Int32>
  var doseMissedDay: InlineArray<8, Int32>
  var doseRefusedDay: InlineArray<8, Int32>
  var nightDelaySeconds: UInt32
  /// Local day on which the next night watch begins.
  var nightNextDay: Int32
  /// How many alerts each rule has had for this person: part of alert ids.
  var episodes: InlineArray<48, UInt32>
  var doseMinute: InlineArray<8, UInt16>
  var nightFrom: UInt16
  var nightTo: UInt16
  /// Bit n: dose slot n is planned.
  var dosesPlanned: UInt8
  var fenceConfirmingFixes: UInt8
  /// Which inputs were missing in each sample of `PatientState.trend`.
  var trendMissing: InlineArray<25, UInt8>
  var unused: InlineArray<5, UInt8>

  /// Doses a day that a plan may have. The first eight slots of a dispenser are planned ones.
  static var doseSlots: Int { @_noLocks get { 8 } }
}
