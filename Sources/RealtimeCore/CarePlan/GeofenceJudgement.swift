// Whether a tracker's person has left the fence. A fix is a circle, not a point: only one that lies wholly outside counts as
// outside, and it takes several in a row. Late fixes and fixes older than the last one change nothing. A fix that is too poor to judge is a
// sign of life and no location: a fence that gets only such ones is blind, and the tracker is missed as one that gives none.
//
// Distances use the equirectangular projection at the mean latitude: exact to well under a metre at the size of a fence,
// and with plain IEEE arithmetic only (no C library, no fused operations), so that every machine replays alike.

import VitalSigns

/// What one fix says about the fence.
enum FixVerdict: Equatable {
  case inside
  /// The centre is inside, the circle is not wholly.
  case probablyInside
  case outside
  /// The circle crosses the fence from outside, or is too large or unknown: it proves nothing.
  case uncertain
}

extension Geofence {
  /// A fix worse than this (or than the radius, if larger) never confirms an exit, metres: phones indoors say 100–150, and a position
  /// by radio cell alone says 500 and more.
  static var usableAccuracyMetres: UInt32 { 200 }

  @_noLocks static func isUsable(_ fix: LocationFix, radiusMetres: UInt32) -> Bool {
    fix.accuracyMetres != LocationFix.accuracyUnknown && fix.accuracyMetres <= max(radiusMetres, usableAccuracyMetres)
  }

  @_noLocks func verdict(on fix: LocationFix, decimetres: Int64) -> FixVerdict {
    guard Self.isUsable(fix, radiusMetres: radiusMetres) else { return .uncertain }
    let (radius, accuracy) = (10 * Int64(radiusMetres), 10 * Int64(fix.accuracyMetres))
    if decimetres - accuracy > radius { return .outside }
    if decimetres + accuracy <= radius { return .inside }
    return decimetres <= radius ? .probablyInside : .uncertain
  }

  /// Distance from the fence's centre in tenths of a metre.
  @_noLocks func decimetres(to fix: LocationFix) -> Int64 {
    let decimetresPerStep = 0.111_195_08  // 10⁻⁷ degree on a sphere of 6 371 009 m
    let north = Double(Int64(fix.latitudeE7) - Int64(latitudeE7))
    var step = Int64(fix.longitudeE7) - Int64(longitudeE7)
    if step > 1_800_000_000 { step -= 3_600_000_000 }
    if step < -1_800_000_000 { step += 3_600_000_000 }
    let meanLatitude = Double(Int64(fix.latitudeE7) + Int64(latitudeE7)) / 2
    let east = Double(step) * Self.cosine(radians: meanLatitude * 1.745_329_251_994_329_6e-9)
    // At most half the way round the earth, twice: below 10¹⁷ square decimetres.
    let square = (north * north + east * east) * decimetresPerStep * decimetresPerStep
    return Self.squareRoot(UInt64(square))
  }

  /// Digit by digit, rounded down: the standard library's square root is a C call.
  @_noLocks static func squareRoot(_ square: UInt64) -> Int64 {
    var (rest, root) = (square, UInt64(0))
    var bit = UInt64(1) << 62
    while bit > rest { bit >>= 2 }
    while bit != 0 {
      if rest >= root + bit {
        rest -= root + bit
        root = (root >> 1) + bit
      } else {
        root >>= 1
      }
      bit >>= 2
    }
    return Int64(root)
  }

  /// Taylor's series to x¹⁴: the error is below 10⁻¹⁰ for the latitudes of this planet (|x| ≤ π/2).
  @_noLocks static func cosine(radians x: Double) -> Double {
    let y = x * x
    var sum = -1.0 / 87_178_291_200
    sum = sum * y + 1.0 / 479_001_600
    sum = sum * y - 1.0 / 3_628_800
    sum = sum * y + 1.0 / 40_320
    sum = sum * y - 1.0 / 720
    sum = sum * y + 1.0 / 24
    sum = sum * y - 0.5
    return sum * y + 1
  }
}

extension RealtimeCore {
  @_noLocks func locate(_ fix: LocationFix, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none { signOfLife(entry.device, at: entry.instant, &outcomes) }
    let timeliness = timeliness(of: entry)
    guard case .live(let measured, _) = timeliness else {
      if subject(of: &entry, isLate: true, &outcomes) != nil { recordLate(entry, &outcomes) }
      return
    }
    guard let subject = subject(of: &entry, isLate: false, &outcomes), subject.device != 0 else { return }
    judgeClock(timeliness, entry, subject.device, &outcomes)
    guard (-900_000_000...900_000_000).contains(fix.latitudeE7), (-1_800_000_000...1_800_000_000).contains(fix.longitudeE7)
    else { return remark(.outOfRange, entry, &outcomes) }
    let device = arena.device(subject.device)
    guard !device.pointee.isTracker || measured.rawValue >= device.pointee.lastFix else { return }
    let isFirst = !device.pointee.isTracker
    device.pointee.isTracker = true
    let radius = arena.plan(subject.patient).pointee.fenceRadiusMetres
    guard radius == 0 || Geofence.isUsable(fix, radiusMetres: radius) else {
      if isFirst { armSilence(subject.device, at: entry.instant) }
      return
    }
    device.pointee.lastFix = measured.rawValue
    mayBeBack(subject.device, at: entry.instant, &outcomes)
    if isFirst { armSilence(subject.device, at: entry.instant) }
    didMeasure(subject.device, at: entry.instant, &outcomes)
    judgeFix(fix, subject, entry.instant, &outcomes)
  }

  @_noLocks private func judgeFix(
    _ fix: LocationFix, _ subject: IntakeSubject, _ instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(subject.device)
    let plan = arena.plan(subject.patient)
    guard plan.pointee.fenceRadiusMetres != 0 else { return }
    let fence = Geofence(
      latitudeE7: plan.pointee.fenceLatitudeE7, longitudeE7: plan.pointee.fenceLongitudeE7,
      radiusMetres: plan.pointee.fenceRadiusMetres, confirmingFixes: plan.pointee.fenceConfirmingFixes)
    let decimetres = fence.decimetres(to: fix)
    switch fence.verdict(on: fix, decimetres: decimetres) {
    case .uncertain: return
    case .inside: isInside(subject.device, at: instant, &outcomes)
    case .probablyInside:
      device.pointee.fixesOutside = 0
      device.pointee.fixesInside = min(10, device.pointee.fixesInside + 1)
      // A tracker at home may never be sure enough; several such fixes in a row re-arm the fence all the same.
      if device.pointee.fixesInside >= fence.confirmingFixes { isInside(subject.device, at: instant, &outcomes) }
    case .outside:
      device.pointee.fixesInside = 0
      device.pointee.fenceMetres = Int32(clamping: decimetres / 10)
      device.pointee.fixesOutside = min(10, device.pointee.fixesOutside + 1)
      if case .outside = device.pointee.fence { return }
      guard device.pointee.fixesOutside >= fence.confirmingFixes else { return }
      device.pointee.fence = .outside
      begins(
        .outsideFence, subject.device, value: Int32(clamping: decimetres / 10), limit: Int32(clamping: fence.radiusMetres), at: instant,
        &outcomes)
    }
  }

  /// Back (or still) inside: a raised alert stays for a person; the next exit is a new one.
  @_noLocks private func isInside(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.outsideFence.index
    device.pointee.fence = .inside
    device.pointee.fixesOutside = 0
    device.pointee.fixesInside = 0
    ends(.outsideFence, slot, at: instant, &outcomes)
    orphan(device.pointee.alerts[index])
    device.pointee.alerts[index] = 0
    device.pointee.again[index] = 0
  }

  /// A new fence, or none: where everybody stands to it is unknown again.
  @_noLocks func setFence(_ fence: Geofence, _ patient: UInt32, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    plan.pointee.fenceLatitudeE7 = min(max(fence.latitudeE7, -900_000_000), 900_000_000)
    plan.pointee.fenceLongitudeE7 = min(max(fence.longitudeE7, -1_800_000_000), 1_800_000_000)
    plan.pointee.fenceRadiusMetres = fence.radiusMetres
    plan.pointee.fenceStaleSeconds = fence.staleAfterSeconds
    plan.pointee.fenceConfirmingFixes = min(max(fence.confirmingFixes, 1), 10)
    var slot = arena.patient(patient).pointee.firstDevice
    while slot != 0 {
      let device = arena.device(slot)
      forgetFence(slot)
      // A tracker that is silent since before the fence has its time from now, also one that never said where it is.
      if device.pointee.givesLocations { device.pointee.lastFix = max(device.pointee.lastFix, instant.rawValue) }
      armSilence(slot, at: instant)
      slot = device.pointee.next
    }
  }

  @_noLocks func forgetFence(_ slot: UInt32) {
    let device = arena.device(slot)
    let index = DeviceCondition.outsideFence.index
    device.pointee.fence = .unknown
    device.pointee.fixesOutside = 0
    device.pointee.fixesInside = 0
    device.pointee.holding &= ~DeviceCondition.outsideFence.bit
    orphan(device.pointee.alerts[index])
    device.pointee.alerts[index] = 0
    device.pointee.again[index] = 0
  }
}
