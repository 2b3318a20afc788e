// Whether a tracker's person has left the fence. A fix is a circle, not a point: only one that lies wholly outside counts as
// outside, and it takes several in a row. Late fixes and fixes older than the last one change nothing. A fix that is too poor to judge
// is a sign of life and no location: a tracker that gives only such fixes is missed like one that gives none.

import VitalSigns

/// Judges the locations of trackers. Realtime-safe.
struct GeofenceRule {
  let arena: CoreArena
  private var signalLoss: SignalLossRule { @_noLocks get { SignalLossRule(arena: arena) } }
  private var arrival: ArrivalRule { @_noLocks get { ArrivalRule(arena: arena) } }
  private var deviceClock: DeviceClockRule { @_noLocks get { DeviceClockRule(arena: arena) } }
  private var deadlines: DeviceDeadlines { @_noLocks get { DeviceDeadlines(arena: arena) } }
  private var measuring: MeasuringRule { @_noLocks get { MeasuringRule(arena: arena) } }
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func takeLocation(_ fix: LocationFix, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none { signalLoss.noteSignOfLife(entry.device, at: entry.instant, &outcomes) }
    let timeliness = arrival.timeliness(of: entry)
    guard case .live(let measured, _) = timeliness else {
      if arrival.subject(of: &entry, isLate: true, &outcomes) != nil { arrival.recordLate(entry, &outcomes) }
      return
    }
    guard let subject = arrival.subject(of: &entry, isLate: false, &outcomes), subject.device != .none else { return }
    deviceClock.judgeClock(timeliness, entry, subject.device, &outcomes)
    guard (-900_000_000...900_000_000).contains(fix.latitudeE7), (-1_800_000_000...1_800_000_000).contains(fix.longitudeE7)
    else { return arena.remark(.outOfRange, entry, &outcomes) }
    let device = arena.device(subject.device)
    guard !device.pointee.isTracker || !measured.isOlder(than: device.pointee.lastFix) else { return }
    let isFirst = !device.pointee.isTracker
    device.pointee.isTracker = true
    let radius = arena.plan(subject.patient).pointee.fenceRadiusMetres
    guard radius == 0 || Geofence.isUsable(fix, radiusMetres: radius) else {
      if isFirst { deadlines.armDeviceTimer(subject.device, at: entry.instant) }
      return
    }
    device.pointee.lastFix = isFirst ? measured.rawValue : max(device.pointee.lastFix, measured.rawValue)
    signalLoss.endSignalLossIfHeard(subject.device, at: entry.instant, &outcomes)
    if isFirst { deadlines.armDeviceTimer(subject.device, at: entry.instant) }
    measuring.noteMeasurement(subject.device, at: entry.instant, &outcomes)
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
    case .inside: enterFence(subject.device, at: instant, &outcomes)
    case .probablyInside:
      device.pointee.fixesOutside = 0
      device.pointee.fixesInside = min(10, device.pointee.fixesInside + 1)
      // Indoors no fix may be accurate enough to lie wholly inside. Several such fixes in a row count as inside.
      if device.pointee.fixesInside >= fence.confirmingFixes { enterFence(subject.device, at: instant, &outcomes) }
    case .outside:
      device.pointee.fixesInside = 0
      device.pointee.fenceMetres = Int32(clamping: decimetres / 10)
      device.pointee.fixesOutside = min(10, device.pointee.fixesOutside + 1)
      if case .outside = device.pointee.fence { return }
      guard device.pointee.fixesOutside >= fence.confirmingFixes else { return }
      device.pointee.fence = .outside
      conditions.begin(
        .outsideFence, subject.device, value: Int32(clamping: decimetres / 10), limit: Int32(clamping: fence.radiusMetres), at: instant,
        &outcomes)
    }
  }

  /// The person is inside, or back inside: a raised alert stays until a person resolves it; the next exit is a new one.
  @_noLocks private func enterFence(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.outsideFence.index
    device.pointee.fence = .inside
    device.pointee.fixesOutside = 0
    device.pointee.fixesInside = 0
    conditions.end(.outsideFence, slot, at: instant, &outcomes)
    alerts.detachOwner(device.pointee.alerts[index])
    device.pointee.alerts[index] = .none
    device.pointee.again[index] = 0
  }

  /// A new fence, or none: where the person's trackers stand to it is unknown until their next fix.
  @_noLocks func setFence(_ fence: Geofence, _ patient: PatientSlot, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    plan.pointee.fenceLatitudeE7 = min(max(fence.latitudeE7, -900_000_000), 900_000_000)
    plan.pointee.fenceLongitudeE7 = min(max(fence.longitudeE7, -1_800_000_000), 1_800_000_000)
    plan.pointee.fenceRadiusMetres = fence.radiusMetres
    plan.pointee.fenceStaleSeconds = fence.staleAfterSeconds
    plan.pointee.fenceConfirmingFixes = min(max(fence.confirmingFixes, 1), 10)
    var slot = arena.patient(patient).pointee.firstDevice
    while slot != .none {
      let device = arena.device(slot)
      forgetFence(slot)
      // The silence of a tracker is counted from now, also of one that has never given a location.
      if device.pointee.givesLocations { device.pointee.lastFix = max(device.pointee.lastFix, instant.rawValue) }
      deadlines.armDeviceTimer(slot, at: instant)
      slot = device.pointee.next
    }
  }

  @_noLocks func forgetFence(_ slot: DeviceSlot) {
    let device = arena.device(slot)
    let index = DeviceCondition.outsideFence.index
    device.pointee.fence = .unknown
    device.pointee.fixesOutside = 0
    device.pointee.fixesInside = 0
    device.pointee.holding &= ~DeviceCondition.outsideFence.bit
    alerts.detachOwner(device.pointee.alerts[index])
    device.pointee.alerts[index] = .none
    device.pointee.again[index] = 0
  }
}
