// How long an input of the score counts. From its measurement: the person's own window, or 5 min for the pulse and SpO₂ of a
// continuous device and 12 h for everything else. For spot checks the RCP's interval of the present band shortens that:
// 12 h at 0, 6 h at 1–4, 1 h for a single 3 and from 5.
//
// The shorter interval counts from the moment the band changed, at the earliest: whoever measured the temperature three
// hours before the score rose has an hour to measure again, and then the temperature is missing. A window never gets
// longer than the configured one. What has gone stale stays so until it is measured anew, and going stale loosens no interval.

import VitalSigns

extension NEWS2Band {
  /// The RCP's longest interval between measurements, seconds. Seven or more asks for continuous observation; hourly is
  /// the shortest that a spot check can mean.
  var intervalSeconds: UInt32 {
    @_noLocks get {
      switch self {
      case .none: 43_200
      case .low: 21_600
      case .lowMedium, .medium, .high: 3_600
      }
    }
  }
}

extension RealtimeCore {
  /// The instant at which an input measured at `measured` goes stale.
  @_noLocks func expiry(_ parameter: NEWS2Parameter, measured: Int64, isContinuous: Bool, _ patient: UInt32) -> MonotonicInstant {
    let own = arena.plan(patient).pointee.validitySeconds[Int(parameter.rawValue)]
    let usual = isContinuous ? configuration.validity.continuousSeconds : configuration.validity.spotCheckSeconds
    let configured = MonotonicInstant(rawValue: measured).adding(seconds: own != 0 ? own : usual)
    if isContinuous { return configured }
    let state = arena.patient(patient)
    let from = MonotonicInstant(rawValue: max(measured, state.pointee.intervalSince))
    return min(configured, from.adding(seconds: state.pointee.intervalBand.intervalSeconds))
  }

  /// A fresh score is in another band: spot checks live by another interval from now on.
  @_noLocks func intervalBandChanged(to band: NEWS2Band, _ patient: UInt32, at instant: MonotonicInstant) {
    let state = arena.patient(patient)
    let isSame = state.pointee.intervalBand.intervalSeconds == band.intervalSeconds
    state.pointee.intervalBand = band
    if isSame { return }
    state.pointee.intervalSince = instant.rawValue
    armStaleness(patient, at: instant)
  }

  /// Arms the timer for the earliest expiry, and not before `instant`.
  @_noLocks func armStaleness(_ patient: UInt32, at instant: MonotonicInstant) {
    let state = arena.patient(patient)
    var earliest = MonotonicInstant.never
    var index: UInt8 = 0
    while index < UInt8(NEWS2Parameter.count) {
      if let parameter = NEWS2Parameter(rawValue: index), state.pointee.present & 1 << index != 0 {
        earliest = min(earliest, expiry(parameter, in: state, patient))
      }
      index += 1
    }
    arena.heap.set(arena.timers.staleness(patient), earliest == .never ? .never : max(instant, earliest))
  }

  @_noLocks private func expiry(
    _ parameter: NEWS2Parameter, in state: UnsafeMutablePointer<PatientState>, _ patient: UInt32
  ) -> MonotonicInstant {
    expiry(
      parameter, measured: state.pointee.measured[Int(parameter.rawValue)],
      isContinuous: state.pointee.continuous & 1 << parameter.rawValue != 0, patient)
  }

  /// The staleness timer fired: what has expired goes missing, and the score says so.
  @_noLocks func inputsMayBeStale(_ patient: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let state = arena.patient(patient)
    let before = state.pointee.present
    var index: UInt8 = 0
    while index < UInt8(NEWS2Parameter.count) {
      if let parameter = NEWS2Parameter(rawValue: index), before & 1 << index != 0,
        expiry(parameter, in: state, patient) <= instant
      {
        state.pointee.present &= ~(1 << index)
      }
      index += 1
    }
    armStaleness(patient, at: instant)
    if state.pointee.present != before { judge(patient, score: .lost, signals: 0, device: .none, at: instant, &outcomes) }
  }
}
