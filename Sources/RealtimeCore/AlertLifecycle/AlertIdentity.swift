// Where alert ids come from: a mix of the hub's salt, whose alert it is, the rule, what it is about, and how many of that
// rule there were before. No clock, no sequence number: when a crash loses an entry that the device then sends again, the alert that
// rises again has the same id, and receivers see one alert.
//
// When nobody can send it again any more, the next alert must not have that id: receivers would take it for the one they know. So an
// epoch goes into the mix, a number that stands in the journal and changes when the brokers have nothing left of before (`ClockAnchor`).
//
// The mix is fixed for ever; a golden test holds it. It hides nothing: it is no cryptography, and nobody's name goes in.

import VitalSigns

/// Whose alert: part of the id, so that person 7, device 7 and the hub never share one.
enum AlertHolder {
  case patient
  case device
  case hub
  /// A device that is not registered here. It has no state, so the hub counts its alerts.
  case stranger

  var number: UInt64 {
    @_noLocks get {
      switch self {
      case .patient: 1
      case .device: 2
      case .hub: 3
      case .stranger: 4
      }
    }
  }
}

extension AlertID {
  /// What ids of one epoch are salted with. Epoch 0, of all before the first, is the hub's salt itself. Realtime-safe.
  @_noLocks static func salt(_ hubSalt: UInt64, epoch: UInt64) -> UInt64 { hubSalt ^ epoch &* 0xd6e8_feb8_6659_fd93 }

  /// Derives an id. `number` is the patient's or device's, 0 for the hub; `episode` counts from 0. Realtime-safe.
  @_noLocks init(salt: UInt64, holder: AlertHolder, number: UInt32, rule: AlertRule, subject: UInt32, episode: UInt32) {
    let whose = holder.number << 40 | UInt64(rule.rawValue) << 32 | UInt64(number)
    let which = UInt64(subject) << 32 | UInt64(episode)
    var state = SeededRandom.mixed(salt ^ 0x6b6e_7574_6570_756e)  // "knutepun"
    state = SeededRandom.mixed(state ^ whose)
    state = SeededRandom.mixed(state &+ 0x9e37_79b9_7f4a_7c15 ^ which)
    let high = SeededRandom.mixed(state &+ 0x9e37_79b9_7f4a_7c15)
    let low = SeededRandom.mixed(state &+ 0x3c6e_f372_fe94_f82a)
    // RFC 9562: version 8 (custom) and variant 10, so that it is a valid UUID wherever it is shown.
    self.init(high: high & 0xffff_ffff_ffff_0fff | 0x8000, low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
  }
}
