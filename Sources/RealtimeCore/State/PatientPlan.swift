// What a person's plan says, and the clocks of its schedules: what only schedules, trackers and registry changes touch. Plain integers
// without padding, like PatientState.

import VitalSigns

/// The cold part of a person's plan: what only schedules, trackers and registry changes touch.
package struct PatientPlan {
  /// The plan item that prescribed air or oxygen.
  package var oxygenSource: UInt64
  /// When a resolved NEWS2 condition that still holds is told again; 0: nothing was resolved.
  package var newsSpeaksAgain: Int64
  /// Until when the readings that are missing from an open frame are waited for.
  package var frameUntil: Int64
  /// As `newsSpeaksAgain`, for each `PlanSignal`.
  package var signalSpeaksAgain: InlineArray<8, Int64>
  /// How long each `PlanSignal` must stay beyond a limit before its alert rises.
  package var signalDelaySeconds: InlineArray<8, UInt32>
  /// 0: the default.
  package var validitySeconds: InlineArray<7, UInt32>
  package var fenceLatitudeE7: Int32
  package var fenceLongitudeE7: Int32
  package var fenceRadiusMetres: UInt32
  package var fenceStaleSeconds: UInt32
  package var doseGraceSeconds: InlineArray<8, UInt32>
  /// Local day (days since 1970) of the next dose to judge.
  package var doseNextDay: InlineArray<8, Int32>
  /// Latest local day on which the dose was taken, told missed, told refused; 0: never.
  package var doseTakenDay: InlineArray<8, Int32>
  package var doseMissedDay: InlineArray<8, Int32>
  package var doseRefusedDay: InlineArray<8, Int32>
  package var nightDelaySeconds: UInt32
  /// Local day on which the next night watch begins.
  package var nightNextDay: Int32
  /// How many alerts each rule has had for this person: part of alert ids.
  package var episodes: InlineArray<48, UInt32>
  package var doseMinute: InlineArray<8, UInt16>
  package var nightFrom: UInt16
  package var nightTo: UInt16
  /// Bit n: dose slot n is planned.
  package var dosesPlanned: UInt8
  package var fenceConfirmingFixes: UInt8
  /// Which inputs were missing in each sample of `PatientState.trend`.
  package var trendMissing: InlineArray<25, UInt8>
  /// 1: the person is pregnant.
  package var isPregnant: UInt8
  /// `NEWS2Eligibility.fromDay`.
  package var scoredFromDay: UInt16
  package var unused: InlineArray<2, UInt8>

  /// Doses a day that a plan may have. The first eight slots of a dispenser are planned ones.
  package static var doseSlots: Int { @_noLocks get { 8 } }
}
