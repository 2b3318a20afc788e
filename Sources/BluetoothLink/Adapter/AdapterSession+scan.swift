// Scanning while the adapter is powered: what is wanted is compared with what runs, and one call at a time brings them
// together. The watchdog counts scanning time only: a scan that rests is not expected to hear anything.

import BlueZ
import DeviceProfile
import VitalSigns

extension AdapterSession {
  /// Takes the next call that brings the scan to what is wanted, when none is under way.
  mutating func takeScanCall() -> AdapterOperation? {
    guard case .on(var radio) = state, radio.call == nil, now >= radio.notBefore else { return nil }
    guard let operation = nextScanCall(radio) else { return nil }
    radio.call = Call(operation: operation, until: answeredBy)
    state = .on(radio)
    return operation
  }

  private func nextScanCall(_ radio: Radio) -> AdapterOperation? {
    let wants = wantsScan(radio)
    if let scan = radio.scan {
      return !wants || scan.mustRestart || radio.filter != uuids ? .stopDiscovery : nil
    }
    guard wants else { return nil }
    return radio.filter == uuids ? .startDiscovery : .setFilter(uuids: uuids)
  }

  private func wantsScan(_ radio: Radio) -> Bool {
    switch need {
    case .none: false
    // Many controllers cannot scan and connect at once, and the connection is what the scan was for.
    case .cycle: !isConnecting && !radio.cycle.isResting
    case .continuous: true
    }
  }

  /// Begins a continuous scan anew. The kernel connects when the controller next reports the device. A controller that has reported it
  /// is silent about it until a scan begins anew, and the kernel would wait for up to 10 s.
  mutating func connectBegan() {
    guard need == .continuous, case .on(var radio) = state else { return }
    radio.scan?.mustRestart = true
    state = .on(radio)
  }

  // MARK: Replies

  mutating func scanReplied(_ operation: AdapterOperation, _ failure: BluezFailure?, _ radio: inout Radio) -> ProblemChange? {
    switch operation {
    case .setFilter(let set):
      guard failure != nil else {
        radio.filter = set
        return nil
      }
      let change = refused(&radio)
      // Without the filter more is heard than is needed; nothing is missed.
      if radio.refusals > Self.scanBackOff.count { radio.filter = set }
      return change
    case .startDiscovery: return started(failure, &radio)
    case .stopDiscovery:
      // Whatever the reply: "no discovery started" is what was wanted.
      stoppedScanning(&radio)
      return nil
    case .loadObjects, .registerAgent, .setPowered: return nil
    }
  }

  private mutating func started(_ failure: BluezFailure?, _ radio: inout Radio) -> ProblemChange? {
    let scan = Scan(since: now, discovering: facts?.isDiscovering == true ? .seen : .unseen)
    guard let failure else {
      radio.scan = scan
      radio.refusals = 0
      radio.notBefore = now
      radio.cycle = radio.cycle.lasting(until: need == .cycle ? now.adding(timings.scanOn) : .never)
      return endProblem(.cannotScan)
    }
    let change = refused(&radio)
    if failure == .inProgress {
      // A discovery of ours is under way, of an earlier run or because a stop failed: it is stopped first and started after.
      radio.scan = scan
      radio.scan?.mustRestart = true
      radio.cycle = radio.cycle.lasting(until: .never)
    }
    return change
  }

  private mutating func refused(_ radio: inout Radio) -> ProblemChange? {
    radio.refusals += 1
    guard radio.refusals > Self.scanBackOff.count else {
      radio.notBefore = now.adding(Self.scanBackOff[radio.refusals - 1])
      return nil
    }
    radio.notBefore = now.adding(Self.scanRetry)
    return setProblem(.cannotScan)
  }

  private mutating func stoppedScanning(_ radio: inout Radio) {
    guard let scan = radio.scan else { return }
    radio.scan = nil
    stall.silence += .nanoseconds(max(0, now.rawValue - scan.since.rawValue))
    // A rest of the cycle ends by the cycle. After any other stop the scan begins anew as soon as it may.
    radio.cycle = radio.cycle.lasting(until: radio.cycle.isResting ? now.adding(timings.scanOff) : .never)
  }

  // MARK: What is heard, and what is not

  mutating func heardAnybody() -> ProblemChange? {
    hasHeard = true
    stall = Stall()
    if case .on(var radio) = state {
      radio.scan?.since = now
      state = .on(radio)
    }
    return endProblem(.scanStalled)
  }

  func discoveringChanged(_ isDiscovering: Bool, _ radio: inout Radio) {
    if isDiscovering {
      radio.scan?.discovering = .seen
    } else if radio.scan?.discovering == .seen {
      radio.scan?.discovering = .deaf(since: now)
    }
  }

  mutating func scanTimePassed(_ radio: Radio) -> (ProblemChange?, DueAction.Then) {
    var radio = radio
    if need == .continuous || need == .none {
      // A cycle that is not wanted any more leaves no rest behind.
      radio.cycle = .scanning(until: .never)
    } else if let scan = radio.scan, radio.cycle.turnsAt == .never, !scan.mustRestart {
      radio.cycle = radio.cycle.lasting(until: now.adding(timings.scanOn))
    }
    if now >= radio.cycle.turnsAt { radio.cycle = radio.cycle.turned }
    if case .deaf(let since) = radio.scan?.discovering, now >= since.adding(Self.discoveringGrace) {
      scanRestarts &+= 1
      radio.scan?.discovering = .seen
      radio.scan?.mustRestart = true
    }
    guard let scan = radio.scan, !scan.mustRestart, now >= stalledAt(scan) else {
      state = .on(radio)
      return (nil, .nothing)
    }
    radio.scan?.since = now
    return stalled(radio)
  }

  private mutating func stalled(_ radio: Radio) -> (ProblemChange?, DueAction.Then) {
    stall.silence = .zero
    stall.remedies = min(stall.remedies + 1, Self.stallsMax + 1)
    // In an empty house silence is no fault: nothing is reported before anything was ever heard.
    let change = stall.remedies > Self.stallsMax && hasHeard ? setProblem(.scanStalled) : nil
    if stall.remedies >= 2, !stall.hasCycled, links == .none {
      stall.hasCycled = true
      return (change, powerCycle())
    }
    scanRestarts &+= 1
    var radio = radio
    radio.scan?.mustRestart = true
    state = .on(radio)
    return (change, .nothing)
  }
}
