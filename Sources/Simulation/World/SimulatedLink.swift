// The connection of a hub to its broker, as far as no socket is needed: frames go to the product's intake, and the product's gate
// decides when acknowledgements may leave. It stands for `LinkLoop`, whose turn has the same order: offer, decide, write, read.

import DeviceIntake
import MQTTLink
import VitalSigns

/// One hub's side of the connection.
final class SimulatedLink {
  /// Frames in one turn, as in `LinkLoop`.
  private static let framesPerTurn = 64
  private static let busyRetry: Int64 = 5_000_000

  /// What a turn did.
  struct Done {
    /// Each frame that the intake answered, with its answer.
    var taken: [(message: SimulatedMessage, verdict: FrameVerdict)] = []
    /// Packets whose acknowledgements left.
    var acknowledged: [UInt16] = []
    var again = MonotonicInstant.never
  }

  private let handler: any MQTTFrameHandler
  private let watermark: any DurableWatermark
  private let mutant: Mutant?
  private var gate = SimulatedLink.newGate()
  private var mayRead = true
  private var held: (frame: MQTTFrame, message: SimulatedMessage)?
  private var owed: [UInt16] = []
  private(set) var isConnected = false

  /// The last entry that the core has decided: what a mutant takes for durable.
  var decided: () -> UInt64 = { 0 }

  init(_ handler: any MQTTFrameHandler, watermark: any DurableWatermark, mutant: Mutant?) {
    self.handler = handler
    self.watermark = watermark
    self.mutant = mutant
  }

  private static func newGate() -> AcknowledgementGate {
    AcknowledgementGate(hold: .milliseconds(100), stall: .seconds(10), window: SimulatedBroker.window)
  }

  func connect() {
    isConnected = true
    mayRead = true
    handler.linkStateChanged(.connecting, reason: nil)
    handler.linkStateChanged(.subscribing, reason: nil)
    handler.linkStateChanged(.live, reason: nil)
  }

  /// The connection is gone, and what was owed with it.
  func disconnect() {
    guard isConnected else { return }
    isConnected = false
    held = nil
    owed = []
    gate = Self.newGate()
    handler.linkStateChanged(.backingOff, reason: nil)
  }

  func turn(_ broker: inout SimulatedBroker, at now: MonotonicInstant) -> Done {
    var done = Done()
    guard isConnected else { return done }
    offerHeld(&done, at: now)
    let sequence: UInt64 =
      switch mutant {
      case .acknowledgesEarly: .max
      case .acknowledgesBeforeCommit: decided()
      default: watermark.sequence
      }
    let decision = gate.decide(watermark: sequence, framesWait: held != nil, at: now)
    if decision.asksForCommit { watermark.requestCommit() }
    if decision.mayWrite, gate.owed > 0 {
      done.acknowledged = owed
      owed = []
      handler.acknowledgementsWritten()
      gate.wrote()
    }
    if decision.mayRead {
      while held == nil, done.taken.count < Self.framesPerTurn, let next = broker.next() {
        held = next
        offerHeld(&done, at: now)
      }
    }
    done.again = held == nil ? decision.again : now.adding(nanoseconds: Self.busyRetry)
    if gate.owed > 0, gate.shutSince == nil {
      // What was taken in this turn shuts the gate after the decision.
      let next = gate.decide(watermark: sequence, framesWait: held != nil, at: now)
      if next.asksForCommit { watermark.requestCommit() }
      done.again = min(done.again, next.mayWrite ? now : next.again)
    }
    return done
  }

  private func offerHeld(_ done: inout Done, at now: MonotonicInstant) {
    guard let (frame, message) = held else { return }
    let verdict = handler.frame(frame)
    switch verdict {
    case .busy: return
    case .accepted(let sequence): gate.took(qos: frame.qos, sequence: sequence, at: now)
    case .ignored: gate.took(qos: frame.qos, sequence: nil, at: now)
    case .refused(_, let sequence): gate.took(qos: frame.qos, sequence: sequence, at: now)
    }
    owed.append(frame.messageID)
    held = nil
    done.taken.append((message, verdict))
  }
}
