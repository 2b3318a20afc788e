// Scanning while the adapter is powered: what is wanted is compared with what runs, and one call at a time brings them
// together. The watchdog counts scanning time only: a scan that rests hears nothing, rightly.

import DeviceProfile
import VitalSigns

extension AdapterSession {
  /// Gives the next call that brings the scan to what is wanted, when none is under way.
  mutating func pumpScan() {
    guard case .on(var radio) = state, pending == nil, now >= radio.notBefore else { return }
    let wants = wantsScan(radio)
    if radio.isScanning {
      if !wants || radio.mustRestart || radio.filter != uuids { perform(.stopDiscovery) }
    } else if wants {
      radio.mustRestart = false
      state = .on(radio)
      perform(radio.filter == uuids ? .startDiscovery : .setFilter(uuids: uuids))
    }
  }

  private func wantsScan(_ radio: Radio) -> Bool {
    switch need {
    case .none: false
    // Many controllers cannot scan and connect at once, and the connection is what the scan was for.
    case .cycle: !isConnecting && !radio.isResting
    case .continuous: true
    }
  }

  /// The controller has reported the device and keeps quiet about it until a scan begins anew; the kernel, which connects
  /// at the next report, waits up to 10 s for it. A scan that may not pause is begun anew.
  mutating func connectBegan() {
    guard need == .continuous, case .on(var radio) = state, radio.isScanning else { return }
    radio.mustRestart = true
    state = .on(radio)
  }

  // MARK: Replies

  mutating func scanReplied(_ operation: AdapterOperation, _ failure: BluezFailure?) {
    guard case .on(var radio) = state else { return }
    switch operation {
    case .setFilter(let set):
      if failure == nil {
        radio.filter = set
      } else {
        refused(&radio)
        // Without the filter more is heard than is needed; nothing is missed.
        if radio.refusals > Self.scanBackOff.count { radio.filter = set }
      }
    case .startDiscovery: started(failure, &radio)
    case .stopDiscovery:
      // Whatever the reply: "no discovery started" is what was wanted.
      stoppedScanning(&radio)
    case .loadObjects, .registerAgent, .setPowered: break
    }
    if case .on = state { state = .on(radio) }
  }

  private mutating func started(_ failure: BluezFailure?, _ radio: inout Radio) {
    guard let failure else {
      radio.isScanning = true
      radio.scanningSince = now
      radio.sawDiscovering = facts?.isDiscovering == true
      radio.deafSince = .never
      radio.refusals = 0
      radio.notBefore = now
      radio.turnsAt = need == .cycle ? now.later(by: timings.scanOn) : .never
      if problem == .cannotScan { setProblem(nil) }
      return
    }
    refused(&radio)
    if failure == .inProgress {
      // Ours from an earlier run, or one that did not end: stopped first, started after.
      radio.isScanning = true
      radio.scanningSince = now
      radio.mustRestart = true
      radio.turnsAt = .never
    }
  }

  private mutating func refused(_ radio: inout Radio) {
    radio.refusals += 1
    if radio.refusals > Self.scanBackOff.count {
      setProblem(.cannotScan)
      radio.notBefore = now.later(by: Self.scanRetry)
    } else {
      radio.notBefore = now.later(by: Self.scanBackOff[radio.refusals - 1])
    }
  }

  private mutating func stoppedScanning(_ radio: inout Radio) {
    guard radio.isScanning else { return }
    radio.isScanning = false
    radio.deafSince = .never
    silence += .nanoseconds(max(0, now.rawValue - radio.scanningSince.rawValue))
    // A rest that the cycle began ends by the cycle; any other stop begins anew when it may.
    radio.turnsAt = radio.isResting ? now.later(by: timings.scanOff) : .never
  }

  // MARK: What is heard, and what is not

  mutating func heard() {
    hasHeard = true
    silence = .zero
    stalls = 0
    hasCycledForStall = false
    if problem == .scanStalled { setProblem(nil) }
    guard case .on(var radio) = state, radio.isScanning else { return }
    radio.scanningSince = now
    state = .on(radio)
  }

  mutating func discoveringChanged(_ isDiscovering: Bool, _ radio: inout Radio) {
    if isDiscovering {
      radio.sawDiscovering = true
      radio.deafSince = .never
    } else if radio.isScanning, radio.sawDiscovering, radio.deafSince == .never {
      radio.deafSince = now
    }
  }

  mutating func scanTimePassed() {
    guard case .on(var radio) = state else { return }
    if need == .continuous || need == .none {
      // A cycle that is not wanted any more leaves no rest behind.
      radio.isResting = false
      radio.turnsAt = .never
    } else if radio.isScanning, radio.turnsAt == .never, !radio.mustRestart {
      radio.turnsAt = now.later(by: timings.scanOn)
    }
    if now >= radio.turnsAt {
      radio.isResting.toggle()
      radio.turnsAt = .never
    }
    if radio.isScanning, radio.deafSince != .never, now >= radio.deafSince.later(by: Self.discoveringGrace) {
      scanRestarts &+= 1
      radio.deafSince = .never
      radio.mustRestart = true
    }
    let isStalled = radio.isScanning && !radio.mustRestart && now >= watchdogBites(radio)
    if isStalled { radio.scanningSince = now }
    state = .on(radio)
    if isStalled { stalled() }
  }

  private mutating func stalled() {
    silence = .zero
    stalls = min(stalls + 1, Self.stallsMax + 1)
    // In an empty house silence is no fault: nothing is reported before anything was ever heard.
    if stalls > Self.stallsMax, hasHeard { setProblem(.scanStalled) }
    if stalls >= 2, !hasCycledForStall, mayPowerCycle, !hasLinks {
      hasCycledForStall = true
      return powerCycle()
    }
    guard case .on(var radio) = state else { return }
    scanRestarts &+= 1
    radio.mustRestart = true
    state = .on(radio)
  }
}
